"""Deliver new rows into the project's table, and publish the version that they make to Feast."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError, StoreError, redacted
from rarecall.project import Project
from rarecall.warehouse import Version
from tasks.shelf import warehouse

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from feast import FeatureStore

    from rarecall.tables.table import Table

MOMENT = "event_timestamp"


def append(project: Project, file: str) -> dict[str, Any]:
    """Add a file's rows behind all that was delivered before.

    Parameters
    ----------
    project : Project
        Its `source` says `deliveries: true`.
    file : str
        CSV, Parquet, a folder of Parquet, or any fsspec URI.

    Returns
    -------
    dict
        `version` (the head's number), `key`, `delivered_as` (the version with which the rows came), `is_new`,
        `is_restored`, `rows` (of the file), `total` and `partitions` of the head, `added` (columns that it brought),
        and `dataset`, the head's name in Feast.

    Raises
    ------
    DataError
        The project reads its rows elsewhere, the file cannot be read, or its columns do not fit what came before.
    StoreError
        Another process was appending all the while, the disk is full, or a partition is damaged.
    """
    if not project.source.deliveries:
        raise DataError(
            "source: expected deliveries: true, got another source, so no run would read what is appended; write "
            "source: {deliveries: true} and append what that source holds first"
        )
    table = deliveries(project)
    before = table.head()
    rows = _read(project, file, before)
    done = table.append(rows, facts={"file": Path(file).name})
    facts = done.version.facts
    known = before.facts["columns"] if before else facts["columns"]
    return {
        "version": facts["number"],
        "key": done.version.key,
        "delivered_as": done.number,
        "is_new": done.is_new,
        "is_restored": done.is_restored,
        "rows": rows.num_rows,
        "total": facts["rows"],
        "partitions": len(facts["partitions"]),
        "added": [name for name in facts["columns"] if name not in known] if done.is_new else [],
        "dataset": publish(project, table, done.version),
    }


def deliveries(project: Project) -> Table:
    """Return the project's table of all that was delivered."""
    from rarecall.tables.table import DELIVERIES, Table

    return Table(warehouse(project), DELIVERIES, time=MOMENT)


def delivered(project: Project) -> Version:
    """Return the newest version of what was delivered; DataError where nothing was."""
    head = deliveries(project).head()
    if head is None:
        raise DataError("source.deliveries: nothing has been delivered yet; deliver a file with rarecall append FILE")
    return head


def all_rows(project: Project, version: Version) -> pd.DataFrame:
    """Return the rows of a version as the source has them, the oldest delivery first."""
    from rarecall.intake import source

    rows = deliveries(project).read(version).drop_columns(MOMENT)
    return source.delivered(rows, project.missing.markers)


def publish(project: Project, table: Table, head: Version) -> str:
    """Register a version in Feast, and those before it that a killed writer left unregistered; return its name there.

    A version is in the warehouse first: until Feast has it too, Feast's users find the one before.

    Raises
    ------
    StoreError
        The registry cannot be read or written; the version stays in the warehouse.
    """
    import sqlalchemy as sa

    try:
        return _published(project, table, head)
    except (StoreError, sa.exc.SQLAlchemyError) as error:
        said = redacted(str(getattr(error, "orig", error)).splitlines()[0])
        raise StoreError(
            f"version {head.facts['number']} of {table.kind} is in the warehouse, but not in Feast yet: {said}; "
            "the next append registers it"
        ) from error


def _published(project: Project, table: Table, head: Version) -> str:
    from feast.errors import SavedDatasetNotFound

    from tasks.feature_store import applying

    # In line, for a writer also registers what another one has just appended: the registry takes no name twice at once.
    with table.shelf.alone(table.kind, wait=table.wait), applying(project) as store:
        lacking: list[Version] = []
        version: Version | None = head
        while version is not None:
            try:
                store.registry.get_saved_dataset(_name(project, version), store.project)
                break
            except SavedDatasetNotFound:
                lacking.append(version)
                parent = version.facts["parent"]
                version = table.shelf.find(table.kind, parent) if parent else None
        for one in reversed(lacking):
            _register(project, store, table, one)
    return _name(project, head)


def _read(project: Project, file: str, before: Version | None) -> pa.Table:
    import pyarrow as pa

    from rarecall.intake import snapshot, source
    from rarecall.sections import Source

    held = before.facts["columns"] if before else {}
    texts = [name for name, kind in held.items() if kind == "string"]
    where = Source(path=file, format=project.source.format)
    frame = source.read(where, project.missing.markers, texts)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    # What no run could read must not get into a table from which nothing is taken away.
    snapshot.check_columns(list(frame.columns), project)
    frame[MOMENT] = snapshot.moments(frame, project)
    for name, kind in held.items():
        if name in frame:
            frame[name] = _as_held(frame[name], kind)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        said = "; ".join(str(one) for one in error.args[::-1])
        raise DataError(f"{Path(file).name}: a column holds values of several types ({said}); deliver one") from None


def _as_held(column: pd.Series, kind: str) -> pd.Series:
    """Return dates as the table holds them: CSV files bring texts where Parquet files bring moments."""
    import pandas as pd

    if kind == "string" and pd.api.types.is_datetime64_any_dtype(column):
        return column.map(pd.Timestamp.isoformat, na_action="ignore").astype(object)
    if not kind.startswith("timestamp") or not pd.api.types.is_object_dtype(column):
        return column
    read = pd.to_datetime(column, errors="coerce", format="ISO8601", utc="tz=" in kind)
    return column if (read.isna() & column.notna()).any() else read


def _register(project: Project, store: FeatureStore, table: Table, version: Version) -> None:
    from feature_repo import definitions

    partitions = table.partitions(version)
    spans = [(one.first, one.last) for one in partitions if one.first and one.last]
    span = (min(one for one, _ in spans), max(one for _, one in spans))
    dataset = definitions.saved_dataset(
        _name(project, version),
        [name for name in version.facts["columns"] if name not in {MOMENT, *project.entity}],
        Path(version.path),
        (datetime.fromisoformat(span[0]), datetime.fromisoformat(span[1])),
        {
            "number": str(version.facts["number"]),
            "rows": str(version.facts["rows"]),
            "schema": version.facts["schema"],
            "newest_delivery": partitions[-1].content,
        },
        keys=project.entity,
    )
    store.registry.apply_saved_dataset(dataset, store.project, commit=True)


def _name(project: Project, version: Version) -> str:
    return f"{project.name}_{version.kind}_{version.key}"
