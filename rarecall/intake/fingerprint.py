"""Fingerprints: what a row is called when its place in the table, which moves between deliveries, cannot name it."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.project import Project

_COLUMN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: odd, so multiplying by it loses nothing


def of_rows(frame: pd.DataFrame, columns: Iterable[str]) -> NDArray[Any]:
    """Return 16 hexadecimal digits for each row, from its values in these columns.

    Neither the row's place, the columns' order nor how a number is stored (int, float, nullable) matters. Two
    different rows share one with probability 2**-64: 3e-8 for any two among a million.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    columns : iterable of str

    Returns
    -------
    ndarray of str of shape (n_rows,)

    >>> rows = pd.DataFrame({"id": [7, 8], "job": ["cook", None]})
    >>> names = of_rows(rows, ["id", "job"])
    >>> list(names) == list(of_rows(rows.iloc[::-1].astype({"id": float}), ["job", "id"])[::-1])
    True
    >>> len(names[0]), names[0] != names[1]
    (16, True)
    """
    total = np.zeros(len(frame), dtype=np.uint64)
    for name in sorted(set(columns)):
        place = pd.util.hash_array(np.array([name], dtype=object), categorize=False)[0]
        values = pd.util.hash_array(_plain(frame[name]), categorize=True)
        with np.errstate(over="ignore"):
            # Mixed with the column's name before they are added, so that values of two columns cannot change places.
            mixed = (values ^ place) * _COLUMN
            total += mixed ^ (mixed >> np.uint64(29))
    return np.array([f"{value:016x}" for value in total.tolist()])


def key_columns(project: Project, features: Iterable[str]) -> list[str]:
    """Return the columns that name a row across deliveries: entity and time, or else all features.

    The label is never among them, so that a row is known again after its label was corrected.
    """
    if not project.entity:
        return sorted(features)
    return [*project.entity, *([project.timestamp] if project.timestamp else [])]


def _plain(column: "pd.Series[Any]") -> NDArray[Any]:
    """Return a column's values as floats or as texts, missing ones all alike."""
    if pd.api.types.is_bool_dtype(column.dtype):
        column = column.astype("string").str.lower()
    elif pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isnan(numbers), np.nan, numbers + 0.0)  # one NaN of the many, and no negative zero
    elif pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
        column = pd.Series(moments.astype(str))
    texts: NDArray[Any] = column.astype("string").to_numpy(dtype=object, na_value="\0")
    return texts
