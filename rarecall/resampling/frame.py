"""The tables a sampler takes, and the way back: what came in as polars, Arrow, pandas or numpy goes out as that."""

import importlib
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse


class Frame:
    """A table as the engine works on it, and as its owner gave it.

    Attributes
    ----------
    given : object
        As it came.
    table : ndarray, CSR matrix or DataFrame
        As it is worked on.
    """

    def __init__(self, given: Any, table: Any) -> None:
        self.given, self.table = given, table

    def __len__(self) -> int:
        return int(self.table.shape[0])

    @classmethod
    def of(cls, X: Any) -> Self:
        """Return any table as a frame; nothing is copied where it need not be."""
        if isinstance(X, pd.DataFrame):
            if X.shape[1] and all(isinstance(dtype, pd.SparseDtype) for dtype in X.dtypes):
                accessor: Any = X.sparse
                return cls(X, accessor.to_coo().tocsr())
            return cls(X, X)
        if isinstance(X, pa.Table):
            return cls(X, X.to_pandas())
        if hasattr(X, "to_arrow") and hasattr(X, "vstack"):  # polars, which is no dependency
            return cls(X, X.to_arrow().to_pandas())
        if sparse.issparse(X):
            return cls(X, X.tocsr())
        return cls(X, np.asarray(X))

    def like(self, rows: Any) -> Any:
        """Return drawn rows as what was given."""
        if isinstance(self.given, pd.DataFrame):
            if sparse.issparse(rows):
                accessor: Any = pd.DataFrame.sparse
                rows = accessor.from_spmatrix(rows)
                rows.columns = self.given.columns
            return rows.astype(self.given.dtypes)
        if isinstance(self.given, pa.Table):
            return pa.Table.from_pandas(rows, preserve_index=False).cast(self.given.schema)
        if isinstance(self.table, pd.DataFrame):
            polars: Any = importlib.import_module(type(self.given).__module__.partition(".")[0])
            return polars.from_arrow(pa.Table.from_pandas(rows, preserve_index=False)).cast(self.given.schema)
        if sparse.issparse(self.given):
            return rows.asformat(self.given.format)
        return rows.tolist() if isinstance(self.given, list) else rows

    def whole(self, rows: Any) -> Any:
        """Return real and drawn rows in one array as what was given."""
        return rows.tolist() if isinstance(self.given, list) else rows

    def extended(self, blocks: Iterable[Any], expected: int) -> Any:
        """Return the real rows, unchanged and in order, and then the drawn ones.

        Parameters
        ----------
        blocks : iterable of drawn rows
        expected : int
            How many rows they are at most; an array is made once, in full.
        """
        if isinstance(self.table, np.ndarray):
            n = len(self)
            whole = np.empty((n + expected, self.table.shape[1]), dtype=self.table.dtype)
            whole[:n] = self.table
            for block in blocks:
                whole[n : n + len(block)] = block
                n += len(block)
            return self.whole(whole[:n])
        drawn = list(blocks)
        if not drawn:
            return self.given.copy() if isinstance(self.given, pd.DataFrame) else self.given
        if sparse.issparse(self.given):
            return sparse.vstack([self.given, *drawn], format=self.given.format)
        rows = sparse.vstack(drawn) if sparse.issparse(drawn[0]) else pd.concat(drawn, ignore_index=True)
        synthetic = self.like(rows)
        if isinstance(self.given, pa.Table):
            return pa.concat_tables([self.given, synthetic])
        if isinstance(self.given, pd.DataFrame):
            return pd.concat([self.given, synthetic], ignore_index=True)
        return self.given.vstack(synthetic)


def as_frame(table: Any) -> pd.DataFrame:
    """Return a frame's table as a DataFrame with its rows numbered; an array's columns are named 0, 1, ...

    >>> list(as_frame(np.zeros((2, 2))).columns)
    ['0', '1']
    """
    return table.reset_index(drop=True) if isinstance(table, pd.DataFrame) else pd.DataFrame(table).rename(columns=str)


def as_given(rows: pd.DataFrame, table: Any) -> Any:
    """Return rows of `as_frame` as the frame's table holds them."""
    return rows if isinstance(table, pd.DataFrame) else rows.to_numpy(dtype=table.dtype)
