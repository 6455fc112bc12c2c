"""Feast definitions of one project: who its rows are about, and the view that holds their features.

Pure functions of plain values, so that importing this file does nothing; `tasks` hands them the columns.
"""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.saved_dataset import SavedDataset
from feast.types import FeastType, Float64, Int64, String


def view_name(project: str) -> str:
    """Return the name of a project's feature view; Feast takes no hyphen."""
    return f"{project.replace('-', '_')}_features"


def entities(project: str, keys: pa.Schema) -> list[Entity]:
    """Return one Feast entity for each join key."""
    return [
        Entity(
            name=f"{project.replace('-', '_')}_{field.name}",
            join_keys=[field.name],
            value_type=ValueType.INT64 if pa.types.is_integer(field.type) else ValueType.STRING,
        )
        for field in keys
    ]


def feature_view(project: str, keys: pa.Schema, features: pa.Schema, rows: Path, tags: dict[str, str]) -> FeatureView:
    """Return the view over one snapshot's accepted rows, offline only.

    Parameters
    ----------
    project : str
    keys, features : pyarrow.Schema
        The join keys, and the columns that training may read.
    rows : Path
        The snapshot's Parquet file, with `event_timestamp`.
    tags : dict of str to str
    """
    name = view_name(project)
    return FeatureView(
        name=name,
        entities=entities(project, keys),
        schema=[Field(name=field.name, dtype=_dtype(field.type)) for field in features],
        source=FileSource(name=f"{name}_source", path=str(rows), timestamp_field="event_timestamp"),
        online=False,
        tags=tags,
    )


def saved_dataset(
    name: str, columns: list[str], rows: Path, span: tuple[datetime, datetime], tags: dict[str, str]
) -> SavedDataset:
    """Return the registration of one immutable dataset version, keyed by `row_id`.

    Feast hands out only what is named here as a feature, so the label and the lineage are named as features too.
    """
    dataset = SavedDataset(
        name=name,
        features=[f"dataset:{column}" for column in columns],
        join_keys=["row_id"],
        storage=SavedDatasetFileStorage(path=str(rows)),
        tags=tags,
    )
    dataset.min_event_timestamp, dataset.max_event_timestamp = span
    return dataset


def _dtype(kind: pa.DataType) -> FeastType:
    if pa.types.is_integer(kind):
        return Int64
    return Float64 if pa.types.is_floating(kind) else String
