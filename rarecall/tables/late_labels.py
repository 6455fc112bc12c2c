"""Labels that come apart from their rows: read from a delivery, and put beside the rows as they are known.

`rarecall/tables/revisions.py` keeps them; here they meet the project, which says what is a label and whose.
"""

from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from rarecall.errors import DataError, brief, nearest
from rarecall.intake import snapshot, source
from rarecall.intake.pseudonym import texts
from rarecall.project import Project
from rarecall.sections import Source
from rarecall.tables import revisions
from rarecall.tables.revisions import EVENT, LABEL, LABEL_TIME, SOURCE


def read(
    file: str, project: Project, *, label_source: str | None = None, label_time: str | None = None
) -> pd.DataFrame:
    """Read a delivery of labels.

    Parameters
    ----------
    file : str
        CSV, Parquet, a folder of Parquet, or any fsspec URI, with the project's entity, timestamp and label columns.
        Other columns are not read, but for `source` and the label times.
    project : Project
    label_source : str, optional
        Who says so. None: what the column `source` says, or else the file's name.
    label_time : str, optional
        The column that says since when a label holds. None: `label_time`, where there is one.

    Returns
    -------
    DataFrame of shape (n_labels, n_columns)
        As `rarecall.tables.revisions.revise` takes it, indexed by the row's place in the file. Without a column of
        label times it has none.

    Raises
    ------
    DataError
        The file cannot be read, lacks a column, or has a row of which it cannot be told whose label it is, or since
        when; one sentence that names the row.
    """
    name = PurePosixPath(file).name
    whole = source.read(Source(path=file), project.missing.markers, [*project.entity, project.label.column])
    rows = whole.set_axis([str(column) for column in whole.columns], axis=1)
    _check_columns(rows, name, project, label_time)
    since = label_time or (LABEL_TIME if LABEL_TIME in rows else None)
    said = pd.DataFrame({one: _ids(rows[one], name) for one in project.entity})
    said[EVENT] = _known(snapshot.moments(rows, project), project.timestamp or EVENT, name)
    said[LABEL] = as_text(rows[project.label.column], project)
    labelled = said[LABEL].notna()
    if since and labelled.any():
        moments = snapshot.moments(rows[labelled], project.model_copy(update={"timestamp": since}))
        said[LABEL_TIME] = _known(moments, since, name).reindex(said.index)
    own = rows[SOURCE].astype("string").fillna(name) if SOURCE in rows else name
    said[SOURCE] = label_source or own
    return said.astype({SOURCE: object})


def as_text(column: "pd.Series[Any]", project: Project) -> "pd.Series[Any]":
    """Return labels as the table keeps them: one text for one value, however a file writes it.

    >>> project = Project.model_validate(
    ...     {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": 1}})
    >>> as_text(pd.Series(["1.0", " 0", None]), project).tolist(), as_text(pd.Series([1, 0]), project).tolist()
    (['1', '0', None], ['1', '0'])
    """
    written = pd.Series(texts(column), index=column.index, dtype=object).str.strip()
    if isinstance(project.label.positive, bool):
        written = written.str.lower()
    elif isinstance(project.label.positive, int | float):
        numbers = pd.to_numeric(written, errors="coerce")
        written = written.mask(numbers.notna(), pd.Series(texts(numbers), index=column.index, dtype=object))
    cells = written.to_numpy(dtype=object, copy=True)
    cells[(written.isna() | (written == "")).to_numpy()] = None
    return pd.Series(cells, index=column.index, name=column.name)


def put(rows: pd.DataFrame, labels: pd.DataFrame, project: Project) -> pd.DataFrame:
    """Return a source's rows with their labels as they are known, in place of what the source says of them.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        As read from the source, with or without the label's column; or of a snapshot, with their `event_timestamp`.
    labels : DataFrame
        As `rarecall.tables.revisions.as_of` gives them.
    project : Project

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        The label's column is missing where no label is known yet.

    Raises
    ------
    DataError
        No label is about any of the rows.
    """
    frame = rows.set_axis([str(name) for name in rows.columns], axis=1)
    needed = [*project.entity, *([project.timestamp] if project.timestamp else [])]
    if lacking := [name for name in needed if name not in frame]:
        key = "entity" if lacking[0] in project.entity else "timestamp"
        raise DataError(f"{key}: the table has no column {lacking[0]!r}{nearest(lacking[0], list(frame.columns))}")
    moments = frame[EVENT] if EVENT in frame else snapshot.moments(frame, project)
    found = revisions.joined(frame[project.entity].assign(**{EVENT: moments}), labels)[LABEL]
    if EVENT not in frame and found.isna().all():
        raise DataError(_nothing_met(frame, moments, labels, project))
    return frame.assign(**{project.label.column: _as_declared(found, project)})


def counted(rows: pd.DataFrame, project: Project) -> dict[str, int]:
    """Return how many of a snapshot's rows have a label (`known`), and how many wait for theirs (`waiting`).

    Raises
    ------
    DataError
        Not one of the labels can be trusted yet, by `label.delay`.
    """
    known = rows[project.label.column].notna()
    if not snapshot.trusted(rows, project).any():
        raise DataError(
            f"label.table: expected labels of rows older than {project.label.delay / timedelta(days=1):g} days, got "
            f"{int(known.sum())} labels, all of younger rows; add older ones with rarecall labels add FILE, or "
            "shorten label.delay"
        )
    return {"known": int(known.sum()), "waiting": int((~known).sum())}


def turned(pairs: list[tuple[str, str, int]], project: Project) -> dict[str, int]:
    """Return how many corrections made a row of the rare class of another, and how many the other way.

    >>> project = Project.model_validate(
    ...     {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": "fraud"}})
    >>> turned([("fraud", "none", 3), ("none", "fraud", 1), ("none", "dispute", 2)], project)
    {'to_positive': 1, 'to_negative': 3}
    """
    rare = as_text(pd.Series([project.label.positive], dtype=object), project)[0]
    return {
        "to_positive": sum(rows for _, after, rows in pairs if after == rare),
        "to_negative": sum(rows for before, _, rows in pairs if before == rare),
    }


def _check_columns(rows: pd.DataFrame, name: str, project: Project, label_time: str | None) -> None:
    roles = [*((one, "entity") for one in project.entity), (project.label.column, "label")]
    roles += [(project.timestamp, "timestamp")] if project.timestamp else []
    roles += [(label_time, "label time")] if label_time else []
    for column, role in roles:
        if column not in rows:
            raise DataError(
                f"{name}: expected the {role} column {column!r}, got no such column"
                f"{nearest(column, list(rows.columns))}; nothing was added"
            )


def _ids(column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in {"mixed", "bytes"}:
        raise DataError(
            f"{name}: expected texts, whole numbers or dates as ids in {column.name!r}, got {kind} values such as "
            f"{brief(column.dropna().iloc[0])}; nothing was added"
        )
    return _known(pd.Series(texts(column), index=column.index, dtype=object), str(column.name), name)


def _known(column: "pd.Series[Any]", said: str, name: str) -> "pd.Series[Any]":
    if column.isna().any():
        row = column.index[column.isna()][0]
        raise DataError(
            f"{name}: expected {said!r} beside every label, got none in row {row} ({int(column.isna().sum())} rows are "
            "like it); nothing was added: fill it in, or leave the row out until it is known"
        )
    return column


def _as_declared(found: "pd.Series[Any]", project: Project) -> "pd.Series[Any]":
    """Return the labels' texts as values of the type that `label.positive` has, so that they can be compared."""
    positive, known = project.label.positive, found.dropna()
    if isinstance(positive, bool) and known.isin(["true", "false"]).all():
        return found.map({"true": True, "false": False}).astype(object)
    if isinstance(positive, int | float) and not isinstance(positive, bool):
        numbers = pd.to_numeric(found, errors="coerce").astype(np.float64)
        if numbers.notna().sum() == len(known):
            return numbers
    rare = as_text(pd.Series([positive], dtype=object), project)[0]
    return found.mask(found == rare, str(positive)).astype(object)


def _nothing_met(frame: pd.DataFrame, moments: "pd.Series[Any]", labels: pd.DataFrame, project: Project) -> str:
    def shown(ids: pd.Series, moment: Any) -> str:
        at = f" at {moment.isoformat()}" if project.timestamp and not pd.isna(moment) else ""
        return ", ".join(f"{one}={ids[one]}" for one in project.entity) + at

    known = f"such as that of {shown(labels.iloc[0], labels[EVENT].iloc[0])}" if len(labels) else "for none is known"
    return (
        f"label.table: none of {len(labels)} labels is about one of the {len(frame)} rows, {known}; the first row is "
        f"{shown(frame.iloc[0], moments.iloc[0])}; add labels with the same ids and times: rarecall labels add FILE"
    )
