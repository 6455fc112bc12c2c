"""A snapshot: a source's rows as they came, with a row id, a moment, and the kind of each feature.

Refuses here what no later stage could mend: a label that cannot be learned, time that cannot be read, no feature.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from rarecall.errors import DataError, brief, nearest
from rarecall.intake import feature_kinds
from rarecall.project import Project
from rarecall.sections import RESERVED
from rarecall.strategies.known import neighbors

UNTIMED = pd.Timestamp("2000-01-01", tz="UTC")
"""The moment of every row of a table without time; Feast's point-in-time join wants one."""


def take(frame: pd.DataFrame, project: Project) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Add `row_id` and `event_timestamp` to a source's rows and settle what each column is.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        As read from the source.
    project : Project

    Returns
    -------
    rows : DataFrame of shape (n_rows, n_columns + 2)
        `row_id` is the row's offset in the source; `event_timestamp` is in UTC, microseconds. Booleans are the texts
        `true` and `false`; declared kinds are applied.
    facts : dict
        `rows`, `columns`, `positives`, `prevalence`, `first`, `last`, `features` (name to kind), `skipped` (name to
        reason).

    Raises
    ------
    DataError
        One sentence that names the column and what to change.
    """
    rows = frame.set_axis([str(name) for name in frame.columns], axis=1).reset_index(drop=True)
    check_columns(list(rows.columns), project)
    y = positives(rows[project.label.column], project)
    check_label(int(y.sum()), int(y.notna().sum()), rows[project.label.column].dropna(), project)
    kinds, skipped = feature_kinds.kinds(rows, project)
    rows = feature_kinds.typed(rows, kinds)
    moment = moments(rows, project)
    rows.insert(0, "row_id", np.arange(len(rows), dtype=np.int64))
    rows.insert(1, "event_timestamp", moment)
    facts = {
        **_counts(rows, project),
        "columns": frame.shape[1],
        "features": {name: "numeric" if kind == "numeric" else "categorical" for name, kind in kinds.items()},
        "skipped": skipped,
    }
    return rows, facts


def extend(
    rows: pd.DataFrame, facts: dict[str, Any], returned: pd.DataFrame, project: Project
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Put rows of earlier snapshots behind a snapshot's own, and count again.

    Parameters
    ----------
    rows, facts : DataFrame, dict
        As `take` gives them.
    returned : DataFrame
        The same columns, each holding what `held_as` made of its values; `row_id` counts on behind `rows`.
    project : Project
    """
    if returned.empty:
        return rows, facts
    whole = feature_kinds.typed(pd.concat([rows, returned], ignore_index=True), {})
    return whole, facts | _counts(whole, project)


def held_as(values: pd.Series, like: pd.Series) -> pd.Series:
    """Return values of an earlier snapshot as a column of this one holds them; missing where it cannot.

    >>> held_as(pd.Series(["3", "few"]), pd.Series([1, 2])).tolist()
    [3.0, nan]
    >>> held_as(pd.Series([3]), pd.Series(["1", "few"])).tolist()
    ['3']
    """
    if values.dtype == like.dtype or like.isna().all():
        return values
    if pd.api.types.is_bool_dtype(like):
        known = values.astype("string").str.lower().map({"true": True, "false": False})
        return known.astype(like.dtype if known.notna().all() else object)
    if pd.api.types.is_numeric_dtype(like):
        numbers = pd.to_numeric(values, errors="coerce")
        whole = pd.api.types.is_integer_dtype(like) and (numbers % 1 == 0).all()
        return numbers.astype(like.dtype if whole else "float64")
    if pd.api.types.is_datetime64_any_dtype(like):
        return pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601").astype(like.dtype)
    return feature_kinds.texts(values)


def check_columns(columns: list[str], project: Project) -> None:
    """Raise DataError unless a table has the columns that the project names, under names that can be kept apart."""
    named: dict[str, Iterable[str]] = {
        "label.column": [] if project.label.table else [project.label.column],
        "timestamp": [project.timestamp] if project.timestamp else [],
        "entity": project.entity,
        "features.include": project.features.include or [],
        "features.exclude": project.features.exclude,
        "features.kinds": project.features.kinds,
        "cohorts": [cohort.column for cohort in project.cohorts],
    }
    for key, names in named.items():
        for name in names:
            if name not in columns:
                raise DataError(f"{key}: the table has no column {name!r}{nearest(name, columns)}")
    # In any case: the feature store's SQL does not tell Age from age, and would read one for the other.
    seen: dict[str, str] = {}
    for name in columns:
        if name.lower() in RESERVED:
            raise DataError(f"the column {name!r} has a name that the product adds itself; rename it in the source")
        if name.lower() == "label" and name != project.label.column:
            raise DataError(f"the column {name!r} is not label.column; rename it in the source, or name it there")
        if (other := seen.setdefault(name.lower(), name)) != name or columns.count(name) > 1:
            raise DataError(f"the columns {other!r} and {name!r} have one name in SQL; rename one in the source")


def moments(rows: pd.DataFrame, project: Project, *, block: str = "") -> pd.Series:
    """Return each row's moment in UTC, microseconds; DataError where the timestamp cannot be read.

    Of a block of the table's rows the error says so.
    """
    if project.timestamp is None:
        return pd.Series(UNTIMED, index=rows.index).dt.as_unit("us")
    column = rows[project.timestamp]
    if column.isna().all():
        raise DataError(f"timestamp: every value of {project.timestamp!r} is missing; expected dates")
    if pd.api.types.is_numeric_dtype(column):
        raise DataError(f"timestamp: {project.timestamp!r} holds numbers such as {column.iloc[0]}; expected dates")
    known = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    bad = column[known.isna() & column.notna()]
    if not bad.empty:
        raise DataError(
            f"timestamp: row {bad.index[0]} of {project.timestamp!r} holds {brief(bad.iloc[0])} "
            f"({len(bad)} of {len(column)} rows{block} are like it); expected ISO 8601 from 1678 to 2261, such as "
            "2026-03-01 or 2026-03-01T12:00:00Z"
        )
    return known.dt.as_unit("us")


def _counts(rows: pd.DataFrame, project: Project) -> dict[str, Any]:
    y, moment = positives(rows[project.label.column], project), rows["event_timestamp"]
    timed = project.timestamp is not None and moment.notna().any()
    return {
        "rows": len(rows),
        "positives": int(y.sum()),
        "prevalence": round(float(y[trusted(rows, project)].astype("float64").mean()), 6),
        "first": moment.min().isoformat() if timed else None,
        "last": moment.max().isoformat() if timed else None,
    }


def positives(column: pd.Series, project: Project) -> pd.Series:
    """Return the label as a nullable boolean: true where the row is of the rare class, missing where it is not known.

    >>> from rarecall.project import Project
    >>> project = Project.model_validate(
    ...     {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": "yes"}})
    >>> positives(pd.Series(["yes", "no", None]), project).tolist()
    [True, False, <NA>]
    """
    wanted, kind = project.label.positive, feature_kinds.of_values(column)
    if kind == "boolean":
        hit = column.astype(str).str.lower() == str(wanted).lower()
    elif kind == "numeric":
        hit = column.astype("float64") == _number(wanted)
    else:
        hit = column.astype(str).str.strip() == str(wanted).strip()
    return hit.astype("boolean").mask(column.isna())


def trusted(rows: pd.DataFrame, project: Project) -> pd.Series:
    """Tell which rows' label can be judged: it is known, and of a table the row is old enough for it to last.

    A table knows the positives of the last days before their negatives: a fraud is reported within days, and that there
    was none is known when nobody has reported one. A source's column has a value in every row, which says what it says.
    """
    known: pd.Series = rows[project.label.column].notna()
    if not project.label.table:
        return known
    return known & rows["event_timestamp"].le(rows["event_timestamp"].max() - pd.Timedelta(project.label.delay))


def key_types(rows: Any, project: Project) -> dict[str, str]:
    """Return as what a snapshot's accepted rows hold the label and the entity: a block of them cannot tell.

    Parameters
    ----------
    rows : DataFrame or Scan
    project : Project
    """
    found = {"label": "Int8" if positives(rows[project.label.column], project).isna().any() else "int8"}
    for name in project.entity:
        column = rows[name]
        found[name] = "int64" if pd.api.types.is_numeric_dtype(column) and (column % 1 == 0).all() else "str"
    return found


def learnable(
    rows: pd.DataFrame, kinds: dict[str, str], project: Project, types: dict[str, str] | None = None
) -> pd.DataFrame:
    """Keep what training may read of a snapshot's accepted rows.

    Parameters
    ----------
    rows : DataFrame
        Accepted rows: entity, moment and label are there in each, but for labels of a table that are not known yet.
    kinds : dict of str to str
        The features and their kinds.
    project : Project
    types : dict of str to str, optional
        What `key_types` says of all of them, where these are a block.

    Returns
    -------
    DataFrame
        `row_id`, the entity, `event_timestamp`, `label` (0 or 1, or missing), the features, and the cohort columns
        besides.
    """
    types = types or key_types(rows, project)
    label: Any = positives(rows[project.label.column], project)
    names = list(dict.fromkeys([*kinds, *(cohort.column for cohort in project.cohorts)]))
    kept = rows[["row_id", "event_timestamp"]].assign(label=label.astype(types["label"]))
    for name in project.entity:
        entity: Any = rows[name]
        kept[name] = entity.astype(types[name])
    for name in names:
        # A cohort column that is no feature was not typed with the features.
        plain = pd.api.types.is_numeric_dtype(rows[name]) and not pd.api.types.is_bool_dtype(rows[name])
        kept[name] = rows[name] if name in kinds or plain else feature_kinds.texts(rows[name])
    return kept


def check_label(count: int, known: int, values: pd.Series, project: Project) -> None:
    """Raise DataError unless so many positives of so many known labels, of these values, can be learned from."""
    column = project.label.column
    if known == 0:
        raise DataError(f"label.column: every value of {column!r} is missing; expected {project.label.positive!r}")
    if count == 0:
        hint = " (YAML reads yes and no without quotes as booleans: quote it)" if _is_bool(project) else ""
        there = nearest(str(project.label.positive), sorted(values.astype(str).unique()))
        raise DataError(f"label.positive: {project.label.positive!r} never occurs in {column!r}{hint}{there}")
    if count == known:
        raise DataError(f"label.column: {column!r} is constant: every known value is {project.label.positive!r}")
    if count < 2:
        raise DataError(f"label.column: {column!r} has one positive row; at least 2 are needed to learn and to judge")
    if neighbors(project.augmentation.sampler) and count <= project.augmentation.k:
        raise DataError(
            f"augmentation.k: {project.augmentation.k} neighbours need more than {project.augmentation.k} "
            f"positive rows, got {count}; lower augmentation.k or set augmentation.sampler: none"
        )


def _is_bool(project: Project) -> bool:
    return isinstance(project.label.positive, bool)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
