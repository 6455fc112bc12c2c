"""The project's label table: deliveries taken in, and what is known of an entity or as of a moment."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from rarecall import digest
from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from tasks.forgotten import forgotten
from tasks.shelf import warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from rarecall.tables.table import Table
    from rarecall.warehouse import Version

_WAIT = 60.0  # seconds; a delivery of a million labels into a table of as many takes a quarter of it
_LOCK = "labels.lock"
_TOLD = ("revision", "label", "label_time", "source", "recorded")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of the labels when a run begins.

    Attributes
    ----------
    labels : DataFrame
        As `rarecall.tables.revisions.as_of` gives them.
    content : str
        Names what they say, and nothing else.
    version : str
        The key of the table's version from which they were read.
    """

    labels: pd.DataFrame
    content: str
    version: str


def add(
    project: Project, file: str, *, label_source: str | None = None, label_time: str | None = None
) -> dict[str, Any]:
    """Take a delivery of labels in, all of a file or none.

    Parameters
    ----------
    project : Project
    file : str
        As `rarecall.tables.late_labels.read` takes it; so are `label_source` and `label_time`.

    Returns
    -------
    dict
        `labels` (rows of the file), how many of them are `new`, `corrected`, `confirmed`, `late`, `known`,
        `unlabelled` and `forgotten`, which together are all; `to_positive` and `to_negative`, of the corrected;
        `version`, the key of the table's head; `recorded`, when, or None where nothing was.

    Raises
    ------
    DataError
        As `rarecall.tables.late_labels.read` and `rarecall.tables.revisions.revise`; nothing was added.
    StoreError
        Another process was adding all the while, or the table cannot be read or written.
    """
    import pandas as pd
    import pyarrow as pa

    from rarecall.tables import late_labels, revisions

    if not project.entity:
        raise DataError("entity: expected a column by which a label finds its row, got none; name one in the project")
    delivered = late_labels.read(file, project, label_source=label_source, label_time=label_time)
    kept = forgotten(project).left(delivered)
    table = open_table(project)
    with _alone(project):
        head = table.head()
        known = _rows(table, head) if head else revisions.empty(project.entity)
        recorded = pd.Timestamp(datetime.now(UTC)).as_unit("us")
        if head:  # so that a moment names what was known then, also where a clock was set back
            recorded = max(recorded, known[revisions.RECORDED].max() + pd.Timedelta("1us"))
        rows, facts = revisions.revise(known, kept, recorded=recorded)
        if len(rows):
            counts = {name: facts[name] for name in revisions.CHANGES}
            stored = pa.Table.from_pandas(rows, schema=revisions.schema(project.entity), preserve_index=False)
            head = table.append(stored, facts={"file": Path(file).name, **counts}).version
    pairs = facts.pop("turned")
    return {
        **facts,
        "labels": len(delivered),
        "forgotten": len(delivered) - len(kept),
        **late_labels.turned(pairs, project),
        "version": head.key if head else None,
        "recorded": recorded.isoformat() if len(rows) else None,
    }


def history(project: Project, said: Sequence[str]) -> dict[str, Any]:
    """Return every label that an entity ever had, JSON-ready: `entity` and, by event, its `revisions`.

    Raises
    ------
    DataError
        The project names no entity, `said` is not one, or nothing was said of it.
    """
    from rarecall.tables import revisions
    from tasks.forget import named

    entity = named(project, said)
    rows = revisions.history(_rows(open_table(project), head(project)), entity)
    if rows.empty:
        raise DataError(
            f"the label table of {project.name} says nothing of this {' and '.join(project.entity)}; check the id, or "
            "add its labels with: rarecall labels add FILE"
        )
    told = rows[[revisions.EVENT, *_TOLD]]
    records = json.loads(told.to_json(orient="records", date_format="iso", date_unit="us"))
    events: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        events.setdefault(record.pop(revisions.EVENT), []).append(record)
    return {
        "project": project.name,
        "entity": entity,
        "events": [{revisions.EVENT: event, "revisions": found} for event, found in events.items()],
    }


def known(project: Project) -> Known | None:
    """Return the labels as the run may know them, by `label.as_of`; None where they stand in the source's column.

    Raises
    ------
    DataError
        Nothing was known by then.
    """
    import pandas as pd

    from rarecall.tables import revisions

    if not project.label.table:
        return None
    version, moment = head(project), project.label.as_of
    rows = _rows(open_table(project), version)
    by = pd.Timestamp(moment) if moment else None
    labels = revisions.as_of(rows, by, recorded=by)
    if labels.empty:
        raise DataError(
            f"label.as_of: expected a moment at which labels were known, got {project.label.as_of}; the first were "
            f"taken in at {rows[revisions.RECORDED].min().isoformat()}"
        )
    return Known(labels=labels, content=revisions.content(labels), version=version.key)


def head(project: Project) -> Version:
    """Return the newest version of the label table; DataError where nothing was added yet."""
    if found := open_table(project).head():
        return found
    raise DataError(
        f"label.table: {project.name} has no labels of {project.label.column!r} yet in {project.stores.home}; add a "
        "delivery with: rarecall labels add FILE"
    )


def open_table(project: Project) -> Table:
    """Return the table of the project's labels.

    Another label, or another way to name what it is about, is another table: two questions share no answers.
    """
    from rarecall.tables.table import Table

    about = digest.of_value([project.label.column, project.entity, project.timestamp])[:8]
    return Table(warehouse(project), f"labels-{project.name}-{about}")


def _rows(table: Table, version: Version | None) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = table.read(version).to_pandas()
    except StoreError as error:
        said = str(error).partition("; append ")[0]
        raise StoreError(
            f"{said}; restore it from a copy of the home: the file added once more would be recorded as of now"
        ) from None
    return frame


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    """Hold the table from reading what is known to writing what is new: two deliveries must not be one revision."""
    home = Path(project.stores.home)
    lock = FileLock(home / _LOCK, timeout=_WAIT)
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"another process has been adding labels to {home} for more than {_WAIT:g} s; nothing was added: wait "
            "until it has ended and run again"
        ) from None
    except OSError as error:
        raise StoreError(f"{home} cannot be written: {error.strerror}; nothing was added") from error
    try:
        yield
    finally:
        lock.release()
