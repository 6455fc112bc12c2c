"""The centre: the mean of some rows as one row more of their table."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from rarecall.resampling.columns import Columns
from rarecall.resampling.plan import Ints


def with_center(X: Any, rows: Ints, columns: Columns) -> Any:
    """Return a table with one row more, the mean of some of its rows.

    Parameters
    ----------
    X : ndarray, sparse matrix or DataFrame
    rows : ndarray of int
    columns : Columns
        Of a category the mean is the value that most of the rows have, of equals the first; of whole numbers and
        moments it is rounded. What is missing is left out, and what all of the rows miss is missing.

    >>> with_center(np.array([[0.0], [8.0], [1.0]]), np.array([0, 1]), Columns(n=1)).ravel().tolist()
    [0.0, 8.0, 1.0, 4.0]
    """
    if sparse.issparse(X):
        return sparse.vstack([X, type(X)(X[rows].mean(axis=0).reshape(1, -1)).astype(X.dtype)], format=X.format)
    voted = set(columns.categorical)
    if isinstance(X, pd.DataFrame):
        some = X.iloc[rows]
        parts = [_column(X.iloc[:, at], some.iloc[:, at], voted=at in voted) for at in range(X.shape[1])]
        return pd.concat(parts, axis=1).set_axis(X.columns, axis=1)
    last = np.empty((1, X.shape[1]), dtype=X.dtype)
    for at in range(X.shape[1]):
        values = pd.Series(X[rows, at])
        last[0, at] = values.iloc[_most(values)] if at in voted else _mean(values, X.dtype)
    return np.vstack([X, last])


def nearer(parents: Ints, center: int, step: NDArray[np.float64]) -> Ints:
    """Return for each row the one end of its line that says what its categories are: that which is nearer.

    >>> nearer(np.array([3, 4]), 9, np.array([0.2, 0.7])).tolist()
    [[3], [9]]
    """
    return np.where(step < 0.5, parents, center)[:, None]


def _column(whole: "pd.Series[Any]", some: "pd.Series[Any]", *, voted: bool) -> "pd.Series[Any]":
    whole = whole.reset_index(drop=True)
    if voted or not some.notna().any():
        at = _most(some) if voted else 0
        return _with(whole, some.iloc[at : at + 1])
    mean: Any = some.mean()
    if pd.api.types.is_integer_dtype(whole.dtype) or pd.api.types.is_bool_dtype(whole.dtype):
        mean = round(float(mean))
    return _with(whole, pd.Series([mean]).astype(whole.dtype))


def _with(whole: "pd.Series[Any]", last: "pd.Series[Any]") -> "pd.Series[Any]":
    parts: list[Any] = [whole, last]
    longer: pd.Series[Any] = pd.concat(parts, ignore_index=True).astype(whole.dtype)
    return longer


def _most(values: "pd.Series[Any]") -> int:
    """Return the place of a row with the most frequent value; a missing one only where all are."""
    codes, _ = pd.factorize(values)
    known = codes[codes >= 0]
    return int(np.flatnonzero(codes == np.bincount(known).argmax())[0]) if len(known) else 0


def _mean(values: "pd.Series[Any]", dtype: Any) -> Any:
    numbers = values.astype(np.float64)
    if not numbers.notna().any():
        return np.nan
    return round(float(numbers.mean())) if np.dtype(dtype).kind in "iub" else float(numbers.mean())
