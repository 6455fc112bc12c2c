"""Rows between parents and neighbours: numbers on the line between them, categories by a vote of the neighbours."""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from rarecall.resampling.columns import Columns

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def between(
    X: Any,
    parents: Ints,
    neighbors: Ints,
    voters: Ints | None,
    step: Floats,
    columns: Columns,
    *,
    shares: Floats | None = None,
) -> Any:
    """Return one row for each parent and neighbour.

    Parameters
    ----------
    X : ndarray, sparse matrix or DataFrame
    parents : ndarray of int of shape (n,)
        Row numbers in X.
    neighbors : ndarray of int of shape (n,) or (n, m)
        Row numbers of the neighbour of each row, or of the m that make the point at the end of its line.
    voters : ndarray of int of shape (n, k), optional
        Row numbers of the neighbours that vote on categories, nearest first; needed where there are categories. A
        negative number has no vote.
    step : ndarray of float of shape (n,) or (n, n_columns)
        Where on the line from parent (0) to neighbour (1) the row lies, in all columns or in each.
    shares : ndarray of float of shape (n, m), optional
        The weights of several neighbours; a row's sum to 1.

    Returns
    -------
    ndarray, sparse matrix or DataFrame
        As X. A value is missing where all sides miss it; where the parent does, a neighbour's stands for it, and where
        a neighbour does, the parent's.

    >>> between(np.array([[0.0], [8.0]]), np.array([0]), np.array([1]), None, np.array([0.25]), Columns(n=1))
    array([[2.]])
    """
    ends = neighbors if neighbors.ndim == 2 else neighbors[:, None]
    weights = np.ones(ends.shape) if shares is None else shares
    if sparse.issparse(X):
        return _sparse(X, parents, ends, weights, step)
    if isinstance(X, pd.DataFrame):
        drawn = [
            _voted(X.iloc[:, at], parents, voters)
            if at in set(columns.categorical)
            else _moved(X.iloc[:, at], parents, ends, weights, _of_columns(step, [at])[:, 0], columns, at)
            for at in range(X.shape[1])
        ]
        frame = pd.concat([series.reset_index(drop=True) for series in drawn], axis=1) if drawn else X.iloc[:0]
        frame.columns = X.columns
        return frame
    places = list(columns.numeric)
    if not columns.categorical:
        X = X.astype(np.float64) if X.dtype == object else X
        points = [X.take(end, axis=0) for end in ends.T]  # which lets other threads run
        return _held(
            _line(X.take(parents, axis=0), points, weights.T[:, :, None], _of_columns(step, places)),
            columns,
            columns.numeric,
        )
    rows = np.empty((len(parents), X.shape[1]), dtype=X.dtype)
    for at in columns.categorical:
        rows[:, at] = X[_elected(pd.Series(X[:, at]), parents, voters), at]
    numbers = X[:, places].astype(np.float64) if X.dtype == object else X[:, places]
    points = [numbers[end] for end in ends.T]
    line = _line(numbers[parents], points, weights.T[:, :, None], _of_columns(step, places))
    rows[:, places] = _held(line, columns, columns.numeric)
    return rows


def _of_columns(step: Floats, places: list[int]) -> Floats:
    """Return the steps in some columns, or one for all of them."""
    return step[:, None] if step.ndim == 1 else step[:, places]


def _sparse(X: Any, parents: Ints, ends: Ints, weights: Floats, step: Floats) -> Any:
    start = X[parents]
    way = sum(sparse.diags_array(weight) @ (X[end] - start) for end, weight in zip(ends.T, weights.T, strict=True))
    if step.ndim == 1:
        moved = sparse.diags_array(step) @ way
    else:
        moved = way.tocoo()
        moved.data = moved.data * step[moved.row, moved.col]
    return type(X)((start + moved).astype(X.dtype))


def _line(start: Any, ends: list[Any], weights: Floats, step: Floats) -> Any:
    """Return start + step * (end - start) in the values' own type; whole numbers are rounded.

    The end is the weighted mean of the ends; `weights` has one array for each of them.
    """
    if start.dtype.kind == "b":
        return np.where(step < 0.5, start, ends[0])
    if start.dtype.kind == "f":
        if any(np.isnan(np.sum(values)) for values in (start, *ends)):
            start, ends = _filled(start, ends)
        # With one end as imbalanced-learn, to the last bit.
        moved = step * _way(start, ends, weights)
        moved += start
        return moved.astype(start.dtype, copy=False)
    # Adding the rounded way to the start keeps every digit of integers beyond 2**53.
    plain = [end.astype(np.float64) for end in ends]
    way = np.rint(step * _way(start.astype(np.float64), plain, weights))
    # Unsigned and modulo 2**64, since the way between two 64-bit integers may have 65 bits.
    size = np.abs(way).astype(np.uint64)
    return (start.astype(np.uint64) + np.where(way < 0, np.uint64(0) - size, size)).astype(start.dtype)


def _way(start: Any, ends: list[Any], weights: Floats) -> Any:
    """Return the weighted mean of the ends, less the start."""
    if len(ends) == 1:
        return ends[0] - start
    way = weights[0] * (ends[0] - start)
    for weight, end in zip(weights[1:], ends[1:], strict=True):
        way = way + weight * (end - start)
    return way


def _filled(start: Any, ends: list[Any]) -> tuple[Any, list[Any]]:
    """Let the first that is known stand for a missing start, and the start for a missing end."""
    for end in ends:
        start = np.where(np.isnan(start), end, start)
    return start, [np.where(np.isnan(end), start, end) for end in ends]


def _held(rows: Any, columns: Columns, places: tuple[int, ...]) -> Any:
    """Round to the declared steps and hold within the bounds, in place; `places` says which column is which."""
    for at, size in (columns.steps or {}).items():
        values = rows[:, places.index(at)]
        values[:] = _clipped(np.rint(values / size) * size, None, None, values.dtype)
    for at, (low, high) in (columns.bounds or {}).items():
        values = rows[:, places.index(at)]
        values[:] = _clipped(values, low, high, values.dtype)
    return rows


def _clipped(values: Any, low: float | None, high: float | None, dtype: Any) -> Any:
    """Return values within the bounds; whole numbers also stay whole and within what their type can hold."""
    least, most = -math.inf if low is None else low, math.inf if high is None else high
    if dtype.kind in "iu":
        least, most = math.ceil(max(least, np.iinfo(dtype).min)), math.floor(min(most, np.iinfo(dtype).max))
    return np.clip(values, least, most)


def _moved(
    column: "pd.Series[Any]", parents: Ints, neighbors: Ints, weights: Floats, step: Floats, columns: Columns, at: int
) -> "pd.Series[Any]":
    start, missing = _plain(column.iloc[parents])
    ends = []
    gaps = []
    for rows in neighbors.T:
        end, gap = _plain(column.iloc[rows])
        ends.append(end)
        gaps.append(gap)
    # A missing value stands for its partner's while the line is drawn.
    for end, gap in zip(ends, gaps, strict=True):
        start, missing = np.where(missing, end, start), missing & gap
    ends = [np.where(gap, start, end) for end, gap in zip(ends, gaps, strict=True)]
    new = _line(start, ends, weights.T, step)
    held = Columns(
        n=1,
        steps={0: columns.steps[at]} if columns.steps and at in columns.steps else None,
        bounds={0: columns.bounds[at]} if columns.bounds and at in columns.bounds else None,
    )
    return _typed(_held(new[:, None], held, (0,))[:, 0], missing, column.dtype)


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
    levels = pd.factorize(column.iloc[rows])[0][place.reshape(len(parents), 1 + voters.shape[1])]
    levels[:, 1:][voters < 0] = -1
    own, cast = levels[:, 0], levels[:, 1:]
    votes = (cast[:, :, None] == cast[:, None, :]).sum(axis=2) * 2 + (cast == own[:, None])
    votes[cast < 0] = 0
    winner = np.take_along_axis(voters, votes.argmax(axis=1)[:, None], axis=1)[:, 0]
    silent = (cast < 0).all(axis=1)
    return np.where(silent, parents, winner)
