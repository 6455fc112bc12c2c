"""The kind of a column: what its type, its values and its name together say."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from rarecall.profiling import names
from rarecall.sections import Kind

ColumnKind = Literal["numeric", "categorical", "boolean", "id", "date", "constant"]

_LEVELS = 50  # a column with no more distinct values is never an id
_MOST_LEVELS = 1000  # a text column with more always is one, or free text
_MOST_CODES = 100  # whole numbers with a code's name and more values count something after all
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?\b|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}\b")


def infer(column: "pd.Series[Any]", *, unique: bool) -> ColumnKind:
    """Return what a column is.

    Parameters
    ----------
    column : Series of shape (n_rows,)
        Missing values are empty, not marked; a sample is enough.
    unique : bool
        Whether it differs in every row of the whole table.

    >>> infer(pd.Series([3, 1, 2, 2], name="region"), unique=False)
    'categorical'
    >>> infer(pd.Series(["2026-03-01", None, "2026-03-02T10:00:00Z"]), unique=False)
    'date'
    """
    known = column.dropna()
    levels = known.nunique()
    if levels <= 1:
        return "constant"
    if is_bool_dtype(known.infer_objects()):
        return "boolean"
    if is_datetime64_any_dtype(column):
        return "date"
    return _number(known, levels, unique=unique) if is_numeric_dtype(column) else _text(known, levels)


def declared(as_read: pd.DataFrame, found: Mapping[str, ColumnKind]) -> dict[str, Kind]:
    """Return the kinds that a column's type alone would not tell, as the project file declares them.

    >>> declared(pd.DataFrame({"sex": [1, 2], "age": [30, 40]}), {"sex": "categorical", "age": "numeric"})
    {'sex': 'categorical'}
    """
    return {
        name: kind
        for name, kind in found.items()
        if (kind == "numeric" or kind == "categorical" or kind == "boolean")  # noqa: PLR1714 - mypy narrows only this
        and kind != _by_type(as_read[name])
    }


def is_iso(column: "pd.Series[Any]") -> bool:
    """Return whether every known value is a moment as the product reads it: a timestamp, or ISO 8601 text.

    >>> is_iso(pd.Series(["2026-03-01", None])), is_iso(pd.Series(["1.3.2026"])), is_iso(pd.Series([2026]))
    (True, False, False)
    """
    if is_datetime64_any_dtype(column) or is_numeric_dtype(column):
        return bool(is_datetime64_any_dtype(column))
    return bool(pd.to_datetime(column.dropna(), utc=True, errors="coerce", format="ISO8601").notna().all())


def _by_type(column: "pd.Series[Any]") -> Kind:
    if is_bool_dtype(column.dropna().infer_objects()):
        return "boolean"
    return "numeric" if is_numeric_dtype(column) else "categorical"


def _number(known: "pd.Series[Any]", levels: int, *, unique: bool) -> ColumnKind:
    if set(known.unique()) == {0, 1}:
        return "boolean"
    whole, said = bool((known % 1 == 0).all()), names.words(str(known.name))
    if whole and levels > _LEVELS and (unique or said & names.IDS):
        return "id"
    # Between two codes lies nothing, so no synthetic row may stand there.
    is_code = whole and (levels == 2 or (levels <= _MOST_CODES and said & names.CODES))
    return "categorical" if is_code else "numeric"


def _text(known: "pd.Series[Any]", levels: int) -> ColumnKind:
    if known.astype(str).str.match(_DATE).all():
        return "date"
    return "id" if levels > _MOST_LEVELS or (levels > _LEVELS and levels > len(known) / 2) else "categorical"
