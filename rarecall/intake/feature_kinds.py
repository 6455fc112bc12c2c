"""What kind each feature is, declared or read off its values, and its values held as that."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from rarecall.errors import DataError, brief
from rarecall.project import Project

_UNREADABLE = {
    "date": "a date; derive a number from it",
    "nested": "nested values; derive columns from them",
    "bytes": "raw bytes; derive columns from them",
}
_INFERRED = {
    **dict.fromkeys(["integer", "floating", "decimal", "mixed-integer-float"], "numeric"),
    **dict.fromkeys(
        ["datetime64", "datetime", "date", "time", "period", "timedelta64", "timedelta", "interval"], "date"
    ),
    "boolean": "boolean",
    "bytes": "bytes",
}
"""What pandas' `infer_dtype` says of values, as a kind; everything else is a category."""

_EXACT = 2**53  # beyond it a float no longer holds every whole number
_MOST_LEVELS = 1000  # a text column with more is an id or free text, not a category
_ID_SHARE = 0.5  # a text column with more distinct values than this share of the rows, as well


@dataclass
class Look:
    """What a look at a column's values says of it.

    Attributes
    ----------
    kind : str
        As `of_values` says; nothing before a value was seen.
    levels : set
        Its distinct values, but no more than tell that it is no category.
    known : int
        How many values there are.
    count : int or None
        How many distinct values there are; None where more came than were counted.
    """

    kind: str = ""
    levels: set[Any] = field(default_factory=set)
    known: int = 0
    count: int | None = 0

    def take(self, column: pd.Series) -> None:
        """Look at some more of the column."""
        known, kind = int(column.notna().sum()), of_values(column)
        if known or not self.known:
            self.kind = kind if not self.known or kind == self.kind else "categorical"
        self.known += known
        if self.kind in _UNREADABLE or self.count is None:
            return
        most = _MOST_LEVELS if self.kind == "categorical" else 1
        self.levels.update(column.dropna().unique()[: most + 1].tolist())
        self.count = len(self.levels) if len(self.levels) <= most else None
        if self.count is None:
            self.levels.clear()


def kinds(rows: pd.DataFrame, project: Project) -> tuple[dict[str, str], dict[str, str]]:
    """Return the kind of each feature, as declared or inferred, and why each other column is passed over.

    Raises
    ------
    DataError
        No feature is left, or a column is declared what it cannot be.
    """
    return chosen([str(name) for name in rows.columns], lambda name: _whole_look(rows[name], project), project)


def candidates(columns: Sequence[str], project: Project) -> list[str]:
    """Return the columns that may be features, by their roles alone."""
    never = {project.label.column, project.timestamp, *project.entity, *project.features.exclude}
    wanted = project.features.include
    return [name for name in (columns if wanted is None else wanted) if name not in never]


def chosen(
    columns: Sequence[str], look: Callable[[str], Look], project: Project
) -> tuple[dict[str, str], dict[str, str]]:
    """Return what `kinds` returns, from a look at each column; DataError as there."""
    found: dict[str, str] = {}
    skipped: dict[str, str] = {}
    for name in candidates(columns, project):
        seen = look(name)
        if declared := project.features.kinds.get(name):
            _check_declared(name, seen.kind, declared)
            found[name] = declared
            continue
        kind, why = _infer(seen)
        if kind is None or (why and project.features.include is None):
            skipped[name] = str(why)
        else:
            found[name] = kind
    if not found:
        why = "; ".join(f"{name}: {reason}" for name, reason in list(skipped.items())[:3])
        raise DataError(f"features: no usable column is left{f' ({why})' if why else ''}; include one or declare kinds")
    return found, skipped


def _check_declared(name: str, kind: str, declared: str) -> None:
    if kind in _UNREADABLE and not (kind == "date" and declared == "categorical"):
        raise DataError(f"features.kinds: {name!r} is declared {declared}, but holds {_UNREADABLE[kind]}")


def _whole_look(column: pd.Series, project: Project) -> Look:
    kind = of_values(column)
    counted = kind not in _UNREADABLE and column.name not in project.features.kinds
    count = int(column.nunique(dropna=True)) if counted else 0
    return Look(kind=kind, known=int(column.notna().sum()), count=count)


def _infer(look: Look) -> tuple[str | None, str | None]:
    """Return the kind of a column and why it should not be a feature, if so."""
    kind, levels = look.kind, look.count
    if kind in _UNREADABLE:
        return None, _UNREADABLE[kind]
    if levels is not None and levels <= 1:
        return "categorical", "constant"
    if kind == "categorical":
        if levels is None:
            return kind, f"more than {_MOST_LEVELS} distinct texts look like an id"
        if levels > _MOST_LEVELS or (levels > 50 and levels > _ID_SHARE * look.known):
            return kind, f"{levels} distinct texts look like an id"
    return kind, None


def of_values(column: pd.Series) -> str:
    """Return what a column's values are, whatever type holds them: decimals and dates come as plain objects."""
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred == "mixed" and column.dropna().map(pd.api.types.is_list_like).any():
        return "nested"
    return _INFERRED.get(inferred, "categorical")


def typed(rows: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """Return the rows with each feature held as its kind is: numbers, or texts and None.

    Raises
    ------
    DataError
        A column that is declared numeric holds what is no number.
    """
    rows = rows.copy(deep=False)
    for name, column in rows.items():
        if kind := kinds.get(str(name)):
            rows[name] = number_column(column) if kind == "numeric" else texts(column, boolean=kind == "boolean")
        elif pd.api.types.infer_dtype(column, skipna=True).startswith("mixed") and of_values(column) == "categorical":
            rows[name] = texts(column)  # numbers beside texts: no file holds both in one column
    return rows


def number_column(column: pd.Series) -> pd.Series:
    """Return a column as whole numbers, or as floats where one is no whole one; DataError where it holds no number."""
    numbers = pd.to_numeric(column, errors="coerce")
    bad = column[numbers.isna() & column.notna()]
    if not bad.empty:
        raise DataError(
            f"features.kinds: {column.name!r} is declared numeric, but row {bad.index[0]} holds {brief(bad.iloc[0])}; "
            "declare it categorical or add the value to missing.markers"
        )
    whole = pd.api.types.is_signed_integer_dtype(numbers) and not numbers.isna().any()
    return numbers.astype("int64" if whole else "float64")


def are_codes(column: pd.Series) -> bool:
    """Tell whether numbers are whole and stay so as floats; what is no number is none of these."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return True
    known = column.dropna()
    return bool((known.abs() <= _EXACT).all() and (known % 1 == 0).all())


def texts(column: pd.Series, *, boolean: bool = False) -> pd.Series:
    """Return a column as texts and None; a code that came as a float because others are missing reads 3, not 3.0."""
    if pd.api.types.is_float_dtype(column) and are_codes(column):
        column = column.astype("Int64")
    text = column.astype("string")
    if boolean:
        text = text.str.lower()
    cells = np.array(text, dtype=object)
    cells[text.isna().to_numpy()] = None
    return pd.Series(cells, index=column.index, name=column.name)
