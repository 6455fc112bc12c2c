"""The training set as of each row's moment: ours, DuckDB's plain ASOF JOIN, pandas' merge_asof, and Feast's own join.

A section of `benchmarks/feast_store.py`. Each reads the same two Parquet files and writes one; they take turns.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb
import numpy as np
import pandas as pd

from rarecall.tables.as_of import MEMORY, join

ROWS, FEATURES, EVENTS = 1_000_000, 30, 10  # events an entity
NAMES = [f"x{at}" for at in range(FEATURES)]
FEAST = "feast"
TITLES = {
    "ours": "ours, in the spine's order",
    "duckdb": "DuckDB's ASOF JOIN, in any order",
    "duckdb_ordered": "DuckDB's ASOF JOIN, in the spine's order",
    "pandas": "pandas' merge_asof",
    FEAST: "Feast's `get_historical_features`, once",
}


def measure(options: argparse.Namespace) -> dict:
    """Measure the seconds from two Parquet files to one; all must give the same rows."""
    folder = Path(tempfile.mkdtemp(prefix="point-in-time-"))
    jobs = {"ours": ours, "duckdb": plain, "duckdb_ordered": ordered, "pandas": merged}
    seconds: dict[str, list[float]] = {name: [] for name in TITLES}
    try:
        make(folder)
        for turn in range(options.repeats + 1):
            for name, job in jobs.items():
                begun = time.perf_counter()
                job(folder, folder / f"{name}.parquet")
                if turn:  # the first warms up
                    seconds[name].append(time.perf_counter() - begun)
        seconds[FEAST].append(through_feast(folder, folder / f"{FEAST}.parquet"))
        wanted = _sorted(folder / "ours.parquet")
        for name in TITLES:
            pd.testing.assert_frame_equal(_sorted(folder / f"{name}.parquet")[list(wanted)], wanted)
    finally:
        shutil.rmtree(folder)
    middle = {name: median(values) for name, values in seconds.items()}
    return {
        "rows": ROWS,
        "features": FEATURES,
        "entities": ROWS // EVENTS,
        "repeats": options.repeats,
        "memory": MEMORY,
        "seconds": middle,
        "ratio": middle["ours"] / middle["duckdb"],
    }


def make(folder: Path) -> None:
    """Write `rows.parquet` and `spine.parquet`; no entity has two events at one moment."""
    rng = np.random.default_rng(0)
    start, day = np.datetime64("2026-01-01", "us"), 86_400_000_000
    offsets = rng.integers(0, 90 * day // ROWS, ROWS) + 90 * day // ROWS * rng.permutation(ROWS)
    rows = {"id": rng.integers(0, ROWS // EVENTS, ROWS), "event_timestamp": start + offsets.astype("timedelta64[us]")}
    rows |= {name: rng.standard_normal(ROWS) for name in NAMES}
    asked = start + rng.integers(0, 100 * day, ROWS).astype("timedelta64[us]")
    spine = {"row_id": np.arange(ROWS), "id": rng.integers(0, ROWS // EVENTS, ROWS), "event_timestamp": asked}
    spine["label"] = (rng.random(ROWS) < 0.01).astype("int8")
    for name, columns in {"rows": rows, "spine": spine}.items():
        frame = pd.DataFrame(columns)
        frame["event_timestamp"] = frame["event_timestamp"].dt.tz_localize("UTC")
        frame.to_parquet(folder / f"{name}.parquet", index=False)


def ours(folder: Path, target: Path) -> None:
    """Join as the pipeline does."""
    join(pd.read_parquet(folder / "spine.parquet"), folder / "rows.parquet", target, keys=["id"], features=NAMES)


def plain(folder: Path, target: Path, order: str = "") -> None:
    """Join with one statement of DuckDB, all the memory it takes by itself."""
    features = ", ".join(f"rows.{name}" for name in NAMES)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            f"COPY (SELECT spine.*, {features} FROM '{folder}/spine.parquet' AS spine "  # noqa: S608 - our own names
            f"ASOF LEFT JOIN '{folder}/rows.parquet' AS rows "
            f"ON spine.id = rows.id AND spine.event_timestamp >= rows.event_timestamp {order}) "
            f"TO '{target}' (FORMAT parquet)"
        )


def ordered(folder: Path, target: Path) -> None:
    """Join with DuckDB, the rows in the spine's order as ours are."""
    plain(folder, target, "ORDER BY spine.row_id")


def merged(folder: Path, target: Path) -> None:
    """Join with pandas."""
    spine, rows = (
        pd.read_parquet(folder / f"{name}.parquet").sort_values("event_timestamp", ignore_index=True)
        for name in ("spine", "rows")
    )
    pd.merge_asof(spine, rows, on="event_timestamp", by="id").to_parquet(target, index=False)


def through_feast(folder: Path, target: Path) -> float:
    """Join with Feast on DuckDB; return the seconds without importing it and applying the view."""
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.types import Float64

    config = RepoConfig(
        project="bench",
        provider="local",
        repo_path=str(folder),
        registry={"registry_type": "sql", "path": f"sqlite:///{folder}/registry.db"},
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        offline_store={"type": "duckdb"},
        entity_key_serialization_version=3,
    )
    store, entity = FeatureStore(config=config), Entity(name="id", join_keys=["id"], value_type=ValueType.INT64)
    source = FileSource(name="rows", path=str(folder / "rows.parquet"), timestamp_field="event_timestamp")
    fields = [Field(name=name, dtype=Float64) for name in NAMES]
    store.apply([entity, FeatureView(name="view", entities=[entity], schema=fields, source=source, online=False)])
    begun = time.perf_counter()
    spine = pd.read_parquet(folder / "spine.parquet")
    found = store.get_historical_features(entity_df=spine, features=[f"view:{name}" for name in NAMES]).to_df()
    found.to_parquet(target, index=False)
    return time.perf_counter() - begun


def lines(found: dict) -> list[str]:
    """Say what was measured."""
    size = f"{found['rows']:,} rows of {found['entities']:,} entities, as many feature rows x {found['features']}"
    size += f", Parquet to Parquet, medians of {found['repeats']} in turn; ours within {found['memory']}"
    return [
        f"{size}. All give the same rows. To reach: twice DuckDB's plain join; reached: {found['ratio']:.2f}.",
        "",
        "| join | s | of DuckDB's |",
        "|:--|--:|--:|",
        *(
            f"| {TITLES[name]} | {seconds:.1f} | {seconds / found['seconds']['duckdb']:.2f} |"
            for name, seconds in found["seconds"].items()
        ),
    ]


def _sorted(file: Path) -> pd.DataFrame:
    frame = pd.read_parquet(file).sort_values("row_id", ignore_index=True)
    return frame.astype({"event_timestamp": "datetime64[us, UTC]"})
