"""Feast definitions of one project: who its rows are about, the views of their features, what each model reads.

Pure functions of plain values, so that importing this file does nothing; `tasks` hands them the columns.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
from feast.saved_dataset import SavedDataset
from feast.types import FeastType, Float64, Int64, String

from rarecall import digest


def view_name(project: str, version: str | None = None) -> str:
    """Return the name of a project's newest view, or of the view of one version; Feast takes no hyphen."""
    return f"{project.replace('-', '_')}_features" + (f"_{version}" if version else "")


def service_name(project: str, model_version: str) -> str:
    """Return the name of what one model version reads."""
    return f"{project.replace('-', '_')}_v{model_version}"


def view_version(keys: pa.Schema, features: pa.Schema) -> str:
    """Return what names a view's columns: equal for the same columns and types, in any order, registry and home."""
    described = [sorted([field.name, str(_dtype(field.type))] for field in schema) for schema in (keys, features)]
    return digest.of_value(described)[:8]


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


def feature_view(
    project: str,
    keys: pa.Schema,
    features: pa.Schema,
    rows: Path,
    tags: dict[str, str],
    *,
    version: str | None = None,
    created: str | None = None,
) -> FeatureView:
    """Return the view over one snapshot's accepted rows; `rarecall materialize` puts the newest of them online.

    Parameters
    ----------
    project : str
    keys, features : pyarrow.Schema
        The join keys, and the columns that training may read.
    rows : Path
        The snapshot's Parquet file, with `event_timestamp`.
    tags : dict of str to str
    version : str, optional
        For the view that keeps these columns, as `view_version` names them; none: the project's newest view.
    created : str, optional
        The column that says when a row became known.
    """
    name = view_name(project, version)
    return FeatureView(
        name=name,
        entities=entities(project, keys),
        schema=[Field(name=field.name, dtype=_dtype(field.type)) for field in features],
        source=FileSource(
            name=f"{name}_source",
            path=str(rows),
            timestamp_field="event_timestamp",
            created_timestamp_column=created or "",
        ),
        online=True,
        tags=tags,
    )


def feature_service(name: str, view: FeatureView, features: list[str], tags: dict[str, str]) -> FeatureService:
    """Return what one model version reads: some features of the view whose columns it was trained on."""
    return FeatureService(name=name, features=[view[features]], tags=tags)


def saved_dataset(
    name: str,
    columns: list[str],
    rows: Path,
    span: tuple[datetime, datetime],
    tags: dict[str, str],
    keys: Sequence[str] = ("row_id",),
) -> SavedDataset:
    """Return the registration of one immutable dataset version, a file or a folder of them, keyed by `row_id`.

    Feast hands out only what is named here as a feature, so the label and the lineage are named as features too.
    """
    dataset = SavedDataset(
        name=name,
        features=[f"dataset:{column}" for column in columns],
        join_keys=list(keys),
        storage=SavedDatasetFileStorage(path=str(rows)),
        tags=tags,
    )
    dataset.min_event_timestamp, dataset.max_event_timestamp = span
    return dataset


def _dtype(kind: pa.DataType) -> FeastType:
    if pa.types.is_integer(kind):
        return Int64
    return Float64 if pa.types.is_floating(kind) else String
