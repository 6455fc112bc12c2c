"""The space in which neighbours are looked for: scaled numbers, and a fixed distance between unequal categories."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from rarecall.resampling.columns import Columns
from rarecall.resampling.refusal import SamplingError
from rarecall.search.blocks import Floats, Ints, Matrix, Table

SPREAD_ROWS = 100_000
"""Rows, at equal strides, whose quartiles give the spread: the same rows however the table is cut."""

LEVELS = 255
"""The most levels of a category that are told apart; all rarer ones count as one."""

_NORMAL_IQR = 1.349  # interquartile range of a standard normal


class Mixed(Table):
    """Numbers and categories as one space (SMOTE-NC's metric, Chawla et al. 2002, section 6.1).

    Two unequal categories are as far apart as the median of the numeric columns' standard deviations; a missing
    category is a level of its own, a missing number is NaN. A row is put together only when it is asked for.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows, n_numeric)
    codes : ndarray of int32 of shape (n_rows, n_categorical)
        Levels counted from 0.
    levels : sequence of int
        How many levels each category has.
    center, spread : ndarray of shape (n_numeric,)
    mismatch : float
        Distance between two unequal categories.
    """

    def __init__(
        self,
        numbers: Floats,
        codes: NDArray[np.int32],
        levels: list[int],
        *,
        center: Floats,
        spread: Floats,
        mismatch: float = 1.0,
    ) -> None:
        self.numbers, self.codes, self.levels = numbers, codes, levels
        self.center, self.spread, self.mismatch = center, spread, mismatch
        self.n_rows = len(numbers)
        self.n_columns = numbers.shape[1] + sum(levels)

    def take(self, ids: Ints | slice) -> Floats:
        """Return the rows of these numbers: scaled numbers, then one column a level."""
        numbers = self.numbers[ids]
        rows = np.zeros((len(numbers), self.n_columns), dtype=np.float32)
        rows[:, : numbers.shape[1]] = (numbers - self.center) / self.spread
        first, every = numbers.shape[1], np.arange(len(numbers))
        for codes, levels in zip(self.codes[ids].T, self.levels, strict=True):
            # Unequal levels differ in two columns, so each holds the distance over the square root of two.
            rows[every, first + codes] = self.mismatch / np.sqrt(2.0)
            first += levels
        return rows

    def part(self, ids: Ints) -> "Mixed":
        """Return the space of some rows only, in the same scale."""
        return Mixed(
            self.numbers[ids], self.codes[ids], self.levels,
            center=self.center, spread=self.spread, mismatch=self.mismatch,
        )  # fmt: skip


def measure(X: Any, columns: Columns, *, scaling: str, minority: Ints) -> Matrix | Mixed:
    """Return the space of a table's rows.

    Parameters
    ----------
    X : DataFrame, ndarray or sparse matrix
    columns : Columns
    scaling : {"auto", "robust", "none"}
        `auto` scales where there are categories, since a mismatch must have a unit to be measured in, and leaves a
        table of numbers as it is, as He et al. (2008) do.
    minority : ndarray of int
        Rows of the classes to be augmented; their spread sets the distance between unequal categories.
    """
    numbers = numbers_of(X, columns)
    if not columns.categorical and scaling != "robust":
        return Matrix(numbers)
    if sparse.issparse(numbers):
        numbers = numbers.toarray()
    center, spread = spreads(numbers[:: stride(len(numbers))]) if scaling != "none" else _unscaled(numbers.shape[1])
    codes, levels = encode(X, columns)
    space = Mixed(numbers, codes, levels, center=center, spread=spread)
    space.mismatch = mismatch((numbers[minority] - center) / spread)
    return space


def stride(n_rows: int) -> int:
    """Return the distance between the rows that the spread is taken from."""
    return max(1, n_rows // SPREAD_ROWS)


def spreads(numbers: Floats) -> tuple[Floats, Floats]:
    """Return each column's median and robust spread: the interquartile range as a standard deviation.

    A column whose quartiles coincide falls back to its standard deviation, a constant one to 1.
    """
    center, spread = _unscaled(numbers.shape[1])
    for at, column in enumerate(numbers.T):
        known = column[~np.isnan(column)].astype(np.float64)
        if len(known):
            low, center[at], high = np.percentile(known, [25, 50, 75])
            spread[at] = (high - low) / _NORMAL_IQR or known.std() or 1.0
    return center, spread


def mismatch(scaled: Floats) -> float:
    """Return the distance between unequal categories: the median of the columns' standard deviations, or 1."""
    known = [column[~np.isnan(column)] for column in scaled.T]
    deviations = [float(column.std()) for column in known if len(column)]
    return (float(np.median(deviations)) if deviations else 0.0) or 1.0


def encode(X: Any, columns: Columns) -> tuple[NDArray[np.int32], list[int]]:
    """Return each category's level number and how many levels there are; the rarest share the last one."""
    codes = np.empty((X.shape[0], len(columns.categorical)), dtype=np.int32)
    levels = []
    for place, at in enumerate(columns.categorical):
        column = X.iloc[:, at] if isinstance(X, pd.DataFrame) else pd.Series(X[:, at])
        number, _ = pd.factorize(column, use_na_sentinel=False)
        folded = fold(np.bincount(number))
        codes[:, place] = folded[number]
        levels.append(int(folded.max(initial=0)) + 1)
    return codes, levels


def fold(counts: Ints) -> Ints:
    """Return the level that each value of a category counts as, given how often it occurs: the rarest share the last.

    >>> fold(np.array([3, 9])).tolist(), int(fold(np.arange(1000)).max())
    ([0, 1], 255)
    """
    if len(counts) <= LEVELS:
        return np.arange(len(counts))
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(rank, LEVELS)


def _unscaled(n: int) -> tuple[Floats, Floats]:
    return np.zeros(n), np.ones(n)


def numbers_of(X: Any, columns: Columns) -> Any:
    """Return the numeric columns as one array of floats, checked to be finite or missing."""
    if isinstance(X, pd.DataFrame):
        numbers = as_numbers(X.iloc[:, list(columns.numeric)] if columns.categorical else X)
    elif columns.categorical:
        numbers = np.asarray(X[:, list(columns.numeric)], dtype=np.float64)
    else:
        numbers = X
    held: Any = numbers.data if sparse.issparse(numbers) else numbers
    # The sum is finite unless a value is not, so one pass without scratch memory settles the usual case.
    if held.dtype.kind == "f" and not np.isfinite(np.sum(held, dtype=np.float64)) and np.isinf(held).any():
        raise SamplingError(
            "expected finite or missing numbers, got infinity: input contains infinity or a value too large; "
            "mark such values as missing, or bound them"
        )
    return numbers


def as_numbers(frame: pd.DataFrame) -> Floats:
    """Return a DataFrame's numbers, dates as seconds, as one array; without a copy where it is one already."""
    kinds = {dtype.kind if isinstance(dtype, np.dtype) else "?" for dtype in frame.dtypes}
    if kinds <= {"f"}:
        return frame.to_numpy()
    numbers = np.empty(frame.shape, dtype=np.float64)
    for at in range(frame.shape[1]):
        column = frame.iloc[:, at]
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            moments = column.to_numpy(dtype="datetime64[ns]")
            numbers[:, at] = np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 1e9)
        elif pd.api.types.is_timedelta64_dtype(column.dtype):
            numbers[:, at] = column.dt.total_seconds()
        else:
            numbers[:, at] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers
