"""A home whose Feast store has a view, published as a run does, without the run."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo import definitions
from rarecall.project import Project
from tasks.feature_store import open_store

CUSTOMERS = 1000
SPINE = {"row_id", "event_timestamp", "label", "is_synthetic"}


def project_in(folder: Path, **stores: Any) -> Project:
    """Return a project about customers, with its home in a folder."""
    return Project.model_validate(
        {
            "name": "cards",
            "source": {"path": "cards.csv"},
            "entity": ["customer"],
            "label": {"column": "is_fraud", "positive": 1},
            "stores": {"home": str(folder / "home"), **stores},
        }
    )


def publish(
    project: Project, rows: pd.DataFrame, name: str = "1", *, folder: bool = False, created: str | None = None
) -> Path:
    """Write rows as a verdict's accepted ones, and make them, or the folder they are in, the view's source."""
    file = Path(project.stores.home) / "warehouse" / "verdicts" / name / "accepted.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(file, index=False)
    schema = pq.read_schema(file).remove_metadata()
    keys = pa.schema([schema.field(key) for key in project.entity or ["row_id"]])
    features = pa.schema([field for field in schema if field.name not in {*SPINE, *keys.names, created}])
    rows_at = file.parent if folder else file
    view = definitions.feature_view(project.name, keys, features, rows_at, {"snapshot": name}, created=created)
    open_store(project).apply([*definitions.entities(project.name, keys), view])
    return file


def customers(at: int) -> pd.DataFrame:
    """Return a snapshot's accepted rows: each customer at one moment, ten features that tell of which snapshot."""
    moment = pd.Timestamp("2026-01-01", tz="UTC").as_unit("us") + pd.Timedelta(at, "h")
    ids = np.arange(CUSTOMERS)
    spine = {"row_id": ids, "event_timestamp": moment, "label": 0, "customer": ids}
    return pd.DataFrame(spine | {f"x{k}": ids + at * 1000.0 for k in range(10)})
