"""Rows between parents and neighbours: numbers on the line between them, categories by a vote of the neighbours."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from rarecall.resampling.columns import Columns

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def between(X: Any, parents: Ints, neighbors: Ints, voters: Ints | None, step: Floats, columns: Columns) -> Any:
    """Return one row for each parent and neighbour.

    Parameters
    ----------
    X : ndarray, sparse matrix or DataFrame
    parents, neighbors : ndarray of int of shape (n,)
        Row numbers in X.
    voters : ndarray of int of shape (n, k), optional
        Row numbers of the neighbours that vote on categories, nearest first; needed where there are categories. A
        negative number has no vote.
    step : ndarray of float of shape (n,)
        Where on the line from parent (0) to neighbour (1) the row lies.

    Returns
    -------
    ndarray, sparse matrix or DataFrame
        As X. A value is missing where both sides miss it; where one does, it is the other's.

    >>> between(np.array([[0.0], [8.0]]), np.array([0]), np.array([1]), None, np.array([0.25]), Columns(n=1))
    array([[2.]])
    """
    if sparse.issparse(X):
        start = X[parents]
        new = start + sparse.diags_array(step) @ (X[neighbors] - start)
        return type(X)(new.astype(X.dtype))
    if isinstance(X, pd.DataFrame):
        drawn = [
            _voted(X.iloc[:, at], parents, voters)
            if at in set(columns.categorical)
            else _moved(X.iloc[:, at], parents, neighbors, step, columns, at)
            for at in range(X.shape[1])
        ]
        frame = pd.concat([series.reset_index(drop=True) for series in drawn], axis=1) if drawn else X.iloc[:0]
        frame.columns = X.columns
        return frame
    if not columns.categorical:
        return _held(_line(X[parents], X[neighbors], step[:, None]), columns, columns.numeric)
    rows = np.empty((len(parents), X.shape[1]), dtype=X.dtype)
    for at in columns.categorical:
        rows[:, at] = X[_elected(pd.Series(X[:, at]), parents, voters), at]
    places = list(columns.numeric)
    numbers = X[:, places].astype(np.float64) if X.dtype == object else X[:, places]
    rows[:, places] = _held(_line(numbers[parents], numbers[neighbors], step[:, None]), columns, columns.numeric)
    return rows


def _line(start: Any, end: Any, step: Floats) -> Any:
    """Return start + step * (end - start) in the values' own type; whole numbers are rounded."""
    if start.dtype.kind == "f":
        new = (start + step * (end - start)).astype(start.dtype, copy=False)  # as imbalanced-learn, to the last bit
        if np.isnan(np.sum(new)):
            new = np.where(np.isnan(new), np.where(np.isnan(start), end, start), new)
        return new
    if start.dtype.kind == "b":
        return np.where(step < 0.5, start, end)
    # Adding the rounded way to the start keeps every digit of integers beyond 2**53.
    way = np.rint(step * (end.astype(np.float64) - start.astype(np.float64)))
    return (start + way.astype(np.int64).astype(start.dtype)).astype(start.dtype)


def _held(rows: Any, columns: Columns, places: tuple[int, ...]) -> Any:
    """Round to the declared steps and hold within the bounds, in place; `places` says which column is which."""
    for at, size in (columns.steps or {}).items():
        values = rows[:, places.index(at)]
        values[:] = np.rint(values / size) * size
    for at, (low, high) in (columns.bounds or {}).items():
        values = rows[:, places.index(at)]
        np.clip(values, low, high, out=values)
    return rows


def _moved(
    column: "pd.Series[Any]", parents: Ints, neighbors: Ints, step: Floats, columns: Columns, at: int
) -> "pd.Series[Any]":
    start, missing_start = _plain(column.iloc[parents])
    end, missing_end = _plain(column.iloc[neighbors])
    # A missing value stands for its partner's while the line is drawn.
    new = _line(np.where(missing_start, end, start), np.where(missing_end, start, end), step)
    held = Columns(
        n=1,
        steps={0: columns.steps[at]} if columns.steps and at in columns.steps else None,
        bounds={0: columns.bounds[at]} if columns.bounds and at in columns.bounds else None,
    )
    return _typed(_held(new[:, None], held, (0,))[:, 0], missing_start & missing_end, column.dtype)


def _plain(values: "pd.Series[Any]") -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return floats or 64-bit integers, and where the value is missing; dates are nanoseconds since 1970."""
    missing = values.isna().to_numpy()
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.to_numpy(dtype="datetime64[ns]").astype(np.int64), missing
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        return values.to_numpy(dtype="timedelta64[ns]").astype(np.int64), missing
    if isinstance(values.dtype, np.dtype):
        return values.to_numpy(), missing
    plain = np.int64 if pd.api.types.is_integer_dtype(values.dtype) else np.float64
    return values.to_numpy(dtype=plain, na_value=0), missing


def _typed(values: NDArray[Any], missing: NDArray[np.bool_], dtype: Any) -> "pd.Series[Any]":
    """Return plain values as a column of a type, missing where said."""
    if pd.api.types.is_datetime64_any_dtype(dtype):
        moments = pd.Series(values.view("datetime64[ns]")).mask(missing)
        zone = getattr(dtype, "tz", None)
        return (moments if zone is None else moments.dt.tz_localize("UTC")).astype(dtype)
    if pd.api.types.is_timedelta64_dtype(dtype):
        return pd.Series(values.view("timedelta64[ns]")).mask(missing).astype(dtype)
    series = pd.Series(values).astype(dtype)
    return series.mask(missing) if missing.any() else series


def _voted(column: "pd.Series[Any]", parents: Ints, voters: Ints | None) -> "pd.Series[Any]":
    return column.iloc[_elected(column, parents, voters)]


def _elected(column: "pd.Series[Any]", parents: Ints, voters: Ints | None) -> Ints:
    """Return, for each row to be drawn, the number of a row that holds the winning category.

    The most frequent category among the neighbours wins; among equals the parent's, then the nearest neighbour's. A
    missing value has no vote, and wins only where the parent and all its neighbours miss it.
    """
    if voters is None:
        raise ValueError("expected voters, since the table has categories, got none; hand the plan's neighbours in")
    rows, place = np.unique(np.column_stack([parents, voters]), return_inverse=True)
    levels = pd.factorize(column.iloc[rows])[0][place.reshape(len(parents), -1)]
    levels[:, 1:][voters < 0] = -1
    own, cast = levels[:, 0], levels[:, 1:]
    votes = (cast[:, :, None] == cast[:, None, :]).sum(axis=2) * 2 + (cast == own[:, None])
    votes[cast < 0] = 0
    winner = np.take_along_axis(voters, votes.argmax(axis=1)[:, None], axis=1)[:, 0]
    silent = (cast < 0).all(axis=1)
    return np.where(silent, parents, winner)
