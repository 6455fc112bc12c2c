"""The rows of now: what the champion has not seen, with the label where it is known for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError
from rarecall.project import Project

if TYPE_CHECKING:
    import pandas as pd


MOMENT = "event_timestamp"


@dataclass(frozen=True, kw_only=True, eq=False)
class Recent:
    """Rows that the champion did not learn from.

    Attributes
    ----------
    rows : DataFrame of shape (n_rows, ...)
        As a snapshot types them: numbers, and texts or None.
    positive : Series of shape (n_rows,), or None
        Nullable booleans, missing where the label is not known or may still change; None without a label column.
    about : dict
        JSON-ready: `table` (what they were read from), `rows`, `first`, `last` and `note`, where there is one.
    """

    rows: pd.DataFrame
    positive: pd.Series[Any] | None
    about: dict[str, Any]


def recent(
    project: Project, kinds: Mapping[str, str], seen: Mapping[str, str], *, table: str | None, since: datetime | None
) -> Recent:
    """Return the rows to look at.

    Parameters
    ----------
    project : Project
    kinds : mapping of str to str
        The champion's features and their kinds.
    seen : mapping of str to str
        `last`, the moment of the last row that taught the champion, and `last_judged`, of the last that judged it;
        empty for a table without time.
    table : str, optional
        A file, a folder or a URI, or the number of a delivery; by default all that the project's source has.
    since : datetime, optional
        Only rows from then on. By default, of the project's source the rows after the last that judged the champion.

    Raises
    ------
    DataError
        There is no such table or delivery, it cannot be read, or it has no row of then.
    """
    frame, name = _read(project, table)
    frame = _typed(frame, kinds)
    moments = _moments(frame, project)
    if moments is None and since is not None:
        raise DataError("--since: expected a table with the project's timestamp, got one without")
    positive = _positive(project, frame, moments)
    chosen, note = None, None
    if moments is not None:
        chosen, note = _after(moments, seen, since=since, is_source=table is None)
    elif table is None:
        note = "the table has no time, so the rows that the champion learned from may be among these"
    if chosen is not None:
        frame, moments = frame[chosen], moments[chosen] if moments is not None else None
        positive = None if positive is None else positive[chosen]
    if frame.empty:
        raise DataError(f"{name}: expected rows since {since:%Y-%m-%dT%H:%M}Z, got none; name an earlier moment")
    span = (None, None) if moments is None else (moments.min().isoformat(), moments.max().isoformat())
    about = {"table": name, "rows": len(frame), "first": span[0], "last": span[1], "note": note}
    return Recent(rows=frame, positive=positive, about=about)


def _read(project: Project, table: str | None) -> tuple[pd.DataFrame, str]:
    from rarecall.intake import source
    from rarecall.sections import Source
    from rarecall.tables import late_labels
    from tasks import append
    from tasks.forgotten import forgotten
    from tasks.late_labels import known

    markers = project.missing.markers
    if table is not None and table.isdecimal() and project.source.deliveries:
        frame, name = _delivery(project, int(table)), f"delivery {int(table)}"
    elif table is not None:
        frame = source.read(Source(path=table, format=project.source.format), markers)
        name = Path(table).name
    elif project.source.deliveries:
        frame, name = append.all_rows(project, append.delivered(project)), "what was delivered"
    else:
        frame = source.read(project.source, markers)
        name = Path(project.source.path).name if project.source.path else "a SQL query"
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    if set(project.entity) <= set(frame.columns):
        frame = forgotten(project).left(frame)
        if project.label.table and (labels := known(project)) and table is None:
            frame = late_labels.put(frame, labels.labels, project)
    return frame.reset_index(drop=True), name


def _delivery(project: Project, number: int) -> pd.DataFrame:
    import pyarrow.parquet as pq

    from rarecall.intake import source
    from tasks import append

    table, head = append.deliveries(project), append.delivered(project)
    known = table.partitions(head)
    found = [one for one in known if one.number == number]
    if not found:
        raise DataError(f"expected a delivery from {known[0].number} to {known[-1].number}, got {number}")
    table.verify(head)
    rows = pq.read_table(head.file(found[0].name)).drop_columns(append.MOMENT)
    return source.delivered(rows, project.missing.markers)


def _typed(frame: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Return the table with its features, and its truth values, as a snapshot types them."""
    import numpy as np
    import pandas as pd

    from rarecall.drift.levels import factorized
    from rarecall.drift.sketch import numbers

    typed: dict[str, Any] = {}
    for name, column in frame.items():
        kind = kinds.get(str(name))
        if kind == "numeric":
            typed[str(name)] = numbers(column)
        elif kind == "categorical" or pd.api.types.infer_dtype(column, skipna=True) == "boolean":
            codes, texts = factorized(column)
            typed[str(name)] = np.array([*texts, None], dtype=object)[codes]
        else:
            typed[str(name)] = column
    return pd.DataFrame(typed, index=frame.index)


def _moments(frame: pd.DataFrame, project: Project) -> pd.Series[Any] | None:
    from rarecall.intake import snapshot

    if project.timestamp is None or project.timestamp not in frame.columns:
        return None
    return snapshot.moments(frame, project)


def _positive(project: Project, frame: pd.DataFrame, moments: pd.Series[Any] | None) -> pd.Series[Any] | None:
    """Return whether each row is of the rare class; not known where its label may still change."""
    import pandas as pd

    from rarecall.intake import snapshot

    if project.label.column not in frame.columns:
        return None
    found = snapshot.positives(frame[project.label.column], project)
    if moments is None or not project.label.delay:
        return found
    return found.mask(moments > moments.max() - pd.Timedelta(project.label.delay))


def _after(
    moments: pd.Series[Any], seen: Mapping[str, str], *, since: datetime | None, is_source: bool
) -> tuple[pd.Series[Any] | None, str | None]:
    """Return which rows are looked at, and what a person should know of the choice."""
    import pandas as pd

    if since is not None:
        return moments >= pd.Timestamp(since), None
    if not is_source or not seen:
        return None, None
    unseen = moments > pd.Timestamp(seen["last_judged"])
    if unseen.any():
        return unseen, None
    note = "the source has no row that is newer than the champion: these judged it, and did not teach it"
    return moments > pd.Timestamp(seen["last"]), note
