"""Rows as a neighbour search reads them: by number where they are in memory, block after block where they are not."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from rarecall.errors import DataError

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

BLOCK = 1 << 16


class Rows(ABC):
    """A table of numbers; NaN is a value that is not there.

    Attributes
    ----------
    n_columns : int
        Known before the first block is read.
    n_rows : int or None
        None where only reading to the end would tell.
    """

    n_columns: int
    n_rows: int | None

    @abstractmethod
    def blocks(self) -> Iterator[Floats]:
        """Yield all rows in order, in blocks of at most `BLOCK`."""


class Table(Rows):
    """Rows that can be had by number: the base of what lies in memory."""

    n_rows: int

    @abstractmethod
    def take(self, ids: Ints | slice) -> Floats:
        """Return the rows of these numbers as an array of float32 or float64."""

    def blocks(self) -> Iterator[Floats]:
        """Yield all rows in order, in blocks of at most `BLOCK`."""
        for start in range(0, self.n_rows, BLOCK):
            yield self.take(slice(start, start + BLOCK))

    def sample(self, size: int) -> Floats:
        """Return about `size` rows at equal strides: the same ones on every call."""
        return self.take(slice(None, None, max(1, self.n_rows // size)))


class Matrix(Table):
    """A numpy array or a SciPy sparse matrix, read without a copy beyond the rows that are asked for.

    >>> Matrix(np.arange(6).reshape(3, 2)).take(np.array([2, 0]))
    array([[4., 5.],
           [0., 1.]])
    """

    def __init__(self, X: Any) -> None:
        self.X = sparse.csr_array(X) if sparse.issparse(X) else np.asarray(X)
        self.n_rows, self.n_columns = self.X.shape

    def take(self, ids: Ints | slice) -> Floats:
        """Return the rows of these numbers as an array of float32 or float64."""
        if isinstance(ids, np.ndarray) and isinstance(self.X, np.ndarray):
            rows: Any = self.X.take(ids, axis=0)  # twice as fast as indexing, and it lets other threads run
        else:
            rows = self.X[ids]
        rows = rows.toarray() if sparse.issparse(rows) else rows
        return np.asarray(rows, dtype=np.float32 if rows.dtype == np.float32 else np.float64)


class Stream(Rows):
    """Blocks that a function makes anew for each reading, or that an iterator gives once.

    Parameters
    ----------
    source : callable or iterable
        A callable returns an iterator of two-dimensional blocks and can be read any number of times, as can a list.
    """

    n_rows = None

    def __init__(self, source: Callable[[], Iterable[Floats]] | Iterable[Floats]) -> None:
        self._source = source
        self._first: Floats | None = None
        self._spent = False
        if callable(source):
            self._first = np.asarray(next(iter(source())))
        elif isinstance(source, Iterator):
            self._first = np.asarray(next(source))
        else:
            self._first = np.asarray(next(iter(source)))
        self.n_columns = self._first.shape[1]

    def blocks(self) -> Iterator[Floats]:
        """Yield all rows in order, in blocks of at most `BLOCK`; DataError when an iterator is asked for twice."""
        if self._spent:
            raise DataError(
                "expected blocks that can be read again, got an iterator that was read to its end; "
                "give fit a function that returns a new iterator, or a list of blocks"
            )
        if isinstance(self._source, Iterator):
            self._spent = True
            assert self._first is not None  # noqa: S101 - set in __init__ and dropped only here
            first, self._first = self._first, None
            yield from _cut([first])
            yield from _cut(self._source)
        else:
            yield from _cut(self._source() if callable(self._source) else self._source)


class Parquet(Rows):
    """A Parquet file, or a folder of them in the order of their names, read a batch at a time as float32.

    Parameters
    ----------
    path : str or Path
    columns : sequence of str, optional
        Which columns, in this order; by default all.
    """

    def __init__(self, path: str | Path, columns: Iterable[str] | None = None) -> None:
        path = Path(path)
        self.files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        if not self.files:
            raise DataError(f"expected Parquet files in {path}, found none; give the folder that holds them")
        self.columns = list(columns) if columns is not None else pq.read_schema(self.files[0]).names
        self.n_columns = len(self.columns)
        self.n_rows = sum(pq.read_metadata(file).num_rows for file in self.files)

    def blocks(self) -> Iterator[Floats]:
        """Yield all rows in order, in blocks of at most `BLOCK`."""
        for file in self.files:
            with pq.ParquetFile(file) as parquet:
                for batch in parquet.iter_batches(batch_size=BLOCK, columns=self.columns):
                    block = np.empty((batch.num_rows, self.n_columns), dtype=np.float32)
                    for place, name in enumerate(self.columns):
                        block[:, place] = batch.column(name).to_numpy(zero_copy_only=False)
                    yield block


def as_rows(X: Any) -> Rows:
    """Return X as rows: an array, a sparse matrix, blocks, the path of Parquet, or rows already."""
    if isinstance(X, Rows):
        return X
    if isinstance(X, str | Path):
        return Parquet(X)
    if sparse.issparse(X) or hasattr(X, "__array__"):
        return Matrix(X)
    if callable(X) or isinstance(X, Iterator):
        return Stream(X)
    if isinstance(X, list | tuple) and X and getattr(X[0], "ndim", 0) == 2:
        return Stream(X)
    return Matrix(np.asarray(X))


def _cut(blocks: Iterable[Floats]) -> Iterator[Floats]:
    for given in blocks:
        block = np.asarray(given)
        for start in range(0, len(block), BLOCK):
            yield block[start : start + BLOCK]
