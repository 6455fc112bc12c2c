"""Exact top-k of many queries over blocks of rows: one matrix product a tile, and few rows that pass its bound.

A tile's product gives, in float32, a lower bound of every squared distance between a block of queries and a block of
rows. Only pairs whose bound lies below the query's k-th best so far are measured again, in float64, so rounding can
cost time but never a neighbour. Ties go to the lower row number. Hence the result depends on the rows alone: not on
the block size, the order of the blocks or the number of threads.
"""

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]

TILE_QUERIES = 256
TILE_ROWS = 2048  # 256 x 2048 float32 are 2 MB: a tile stays in the second-level cache between product and test
_PAIRS = 1 << 17  # pairs measured in float64 at a time: bounds the scratch memory


class TopK:
    """The k nearest rows of each query among the blocks seen so far.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, n_columns)
        NaN is a value that is not there: distances are then taken over the columns both sides have and scaled up to
        all of them, as in scikit-learn's `nan_euclidean_distances`.
    k : int
        How many rows to keep for each query.
    own : ndarray of int of shape (n_queries,), optional
        The number of the row that each query is, which is then never its neighbour.
    center : ndarray of shape (n_columns,), optional
        Subtracted from both sides; the nearer to the data's mean, the tighter the float32 bound.

    Attributes
    ----------
    squared : ndarray of float64 of shape (n_queries, k)
        Squared distances, ascending; infinite where there were fewer than k rows.
    ids : ndarray of int64 of shape (n_queries, k)
        The rows' numbers; -1 where there were fewer than k rows.

    >>> top = TopK(np.array([[0.0], [9.0]]), k=2)
    >>> top.scan(np.array([[1.0], [5.0], [8.0]]), ids=np.arange(3))
    >>> top.ids.tolist(), top.squared.tolist()
    ([[0, 1], [2, 1]], [[1.0, 25.0], [1.0, 16.0]])
    """

    def __init__(self, queries: Floats, k: int, *, own: Ints | None = None, center: Floats | None = None) -> None:
        self.k = k
        self.own = own
        self.center = np.zeros(queries.shape[1]) if center is None else center.astype(np.float64)
        self.rows = queries
        self.gaps = _gaps(self.rows)
        # Half the significand's last place, for each of the d products and a few more for what surrounds them, times 4.
        self.slack = 4.0 * (queries.shape[1] + 8) * 2.0**-24
        self.squared = np.full((len(queries), k), np.inf)
        self.ids = np.full((len(queries), k), -1, dtype=np.int64)
        self.bound = np.full(len(queries), np.inf)

    def narrow(self, block: Floats, chunk: Ints | slice = slice(None)) -> None:
        """Lower the queries' bounds to what the block's k-th nearest row promises, without keeping its rows."""
        chunk = _numbers(chunk, len(self.rows))
        need = self.k + (self.own is not None)  # the query itself may be among the block's rows
        if len(block) < need:
            return
        gaps = np.union1d(self.gaps, _gaps(block))
        rows = self._lift_rows(block, gaps, sign=1.0)
        for start in range(0, len(chunk), TILE_QUERIES):
            part = chunk[start : start + TILE_QUERIES]
            lifted, norms, whole = self._lift_queries(self.rows[part], gaps, np.zeros(len(part)))
            tile = lifted @ rows.T + (norms + self.slack * whole).astype(np.float32)[:, None]
            if len(gaps):
                shared = self._shared(self.rows[part], block)
                with np.errstate(divide="ignore", invalid="ignore"):
                    tile = np.where(shared > 0, tile * (block.shape[1] / shared), np.inf)
            kth = np.partition(tile, need - 1, axis=1)[:, need - 1].astype(np.float64)
            self.bound[part] = np.minimum(self.bound[part], np.maximum(kth, 0.0) * (1.0 + self.slack))

    def scan(self, block: Floats, ids: Ints, *, pool: Executor | None = None) -> None:
        """Take a block's rows, numbered by `ids`, into account for every query; each row may come once."""
        gaps = np.union1d(self.gaps, _gaps(block))
        tiles = [slice(first, first + TILE_ROWS) for first in range(0, len(block), TILE_ROWS)]
        lifted = [self._lift_rows(block[tile], gaps, sign=-1.0) for tile in tiles]
        size = min(TILE_QUERIES, max(32, -(-len(self.rows) // 4)))  # few queries are still work for several threads
        starts = range(0, len(self.rows), size)

        def one(start: int) -> None:
            chunk = np.arange(start, min(start + size, len(self.rows)))
            held = 0
            kept: list[tuple[Ints, Ints, Floats]] = []
            for tile, rows in zip(tiles, lifted, strict=True):
                kept.append(self._measure(block[tile], ids[tile], chunk, rows, gaps))
                held += len(kept[-1][0])
                if held > 2 * self.k * len(chunk):  # so many that new bounds are worth a sort
                    self.merge(kept)
                    kept, held = [], 0
            if kept:
                self.merge(kept)

        for _ in pool.map(one, starts) if pool else map(one, starts):
            pass

    def candidates(self, block: Floats, ids: Ints, chunk: Ints) -> tuple[Ints, Ints, Floats]:
        """Return the (query, row, squared distance) of the pairs that beat the query's bound, in no order."""
        gaps = np.union1d(self.gaps, _gaps(block))
        rows = self._lift_rows(block, gaps, sign=-1.0)
        found = [
            self._measure(block, ids, chunk[start : start + TILE_QUERIES], rows, gaps)
            for start in range(0, len(chunk), TILE_QUERIES)
        ]
        return _joined(found)

    def merge(self, found: list[tuple[Ints, Ints, Floats]]) -> None:
        """Keep the k best of what is known and what was found, and lower the bounds to the k-th."""
        if not found or not sum(len(query) for query, _, _ in found):
            return
        query, row, squared = _joined(found)
        touched = np.unique(query)
        query = np.concatenate([np.repeat(touched, self.k), query])
        row = np.concatenate([self.ids[touched].ravel(), row])
        squared = np.concatenate([self.squared[touched].ravel(), squared])
        # Empty places (-1) sort behind rows at an infinite distance.
        order = np.lexsort((np.where(row < 0, np.iinfo(np.int64).max, row), squared, query))
        query, row, squared = query[order], row[order], squared[order]
        rank = np.arange(len(query)) - np.searchsorted(query, query)
        kept = rank < self.k
        self.ids[query[kept], rank[kept]] = row[kept]
        self.squared[query[kept], rank[kept]] = squared[kept]
        self.bound[touched] = np.minimum(self.bound[touched], self.squared[touched, -1])

    def _measure(self, block: Floats, ids: Ints, chunk: Ints, rows: Floats, gaps: Ints) -> tuple[Ints, Ints, Floats]:
        bound = self.bound[chunk]
        finite = np.isfinite(bound)
        lifted, norms, whole = self._lift_queries(self.rows[chunk], gaps, np.where(finite, bound, 0.0))
        complete = (block.shape[1] - len(gaps)) / block.shape[1]
        limit = np.where(finite, bound, 0.0) * (complete + 4.0 * self.slack) - norms + self.slack * whole
        limit[~finite] = np.inf
        tile = lifted @ rows.T
        passed = np.flatnonzero(tile <= limit.astype(np.float32)[:, None])
        which, place = np.divmod(passed, tile.shape[1])
        query = chunk[which]
        squared = np.empty(len(query))
        for start in range(0, len(query), _PAIRS):
            part = slice(start, start + _PAIRS)
            left, right = self.rows.take(query[part], axis=0), block.take(place[part], axis=0)
            squared[part] = _squared(left, right, gappy=bool(len(gaps)))
        row = ids[place]
        keep = squared <= self.bound[query]
        if self.own is not None:
            keep &= row != self.own[query]
        return query[keep], row[keep], squared[keep]

    def _lift_rows(self, block: Floats, gaps: Ints, *, sign: float) -> Floats:
        """Return rows such that the product with a lifted query is the squared distance less the query's own norm."""
        d = block.shape[1]
        lifted = np.empty((len(block), d + 1 + 2 * len(gaps)), dtype=np.float32)
        known = lifted[:, :d]
        np.subtract(block, self.center.astype(block.dtype), out=known, casting="same_kind")
        if len(gaps):
            np.nan_to_num(known, copy=False, nan=0.0)
        norms = np.einsum("ij,ij->i", known, known)
        lost = np.einsum("ij,ij->i", known[:, gaps], known[:, gaps]) if len(gaps) else 0.0
        lifted[:, d] = norms - lost + sign * self.slack * norms
        if len(gaps):
            lifted[:, d + 1 : d + 1 + len(gaps)] = ~np.isnan(block[:, gaps])
            lifted[:, d + 1 + len(gaps) :] = known[:, gaps] ** 2
        return lifted

    def _lift_queries(self, rows: Floats, gaps: Ints, bound: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the other side of the product, and the queries' squared norms without and with the gappy columns."""
        known = rows - self.center.astype(rows.dtype)
        if len(gaps):
            np.nan_to_num(known, copy=False, nan=0.0)
        d = rows.shape[1]
        lifted = np.empty((len(rows), d + 1 + 2 * len(gaps)), dtype=np.float32)
        lifted[:, :d] = -2.0 * known
        lifted[:, d] = 1.0
        whole: Floats = np.einsum("ij,ij->i", known, known, dtype=np.float64)
        norms = whole
        if len(gaps):
            there = ~np.isnan(rows[:, gaps])
            # Both sides of `numerator <= bound * shared / d` stand in the product, so one comparison decides.
            lifted[:, d + 1 : d + 1 + len(gaps)] = known[:, gaps] ** 2 - there * (bound / d)[:, None]
            lifted[:, d + 1 + len(gaps) :] = there
            norms = whole - np.einsum("ij,ij->i", known[:, gaps], known[:, gaps], dtype=np.float64)
        return lifted, norms, whole

    @staticmethod
    def _shared(queries: Floats, block: Floats) -> Floats:
        shared: Floats = (~np.isnan(queries)).astype(np.float32) @ (~np.isnan(block)).astype(np.float32).T
        return shared


def _gaps(rows: Floats) -> Ints:
    """Return the columns that hold NaN; one sum tells that there is none."""
    if not len(rows) or not np.isnan(np.sum(rows, dtype=np.float64)):
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(np.isnan(rows).any(axis=0))


def _numbers(chunk: Ints | slice, n: int) -> Ints:
    return np.arange(n)[chunk] if isinstance(chunk, slice) else chunk


def _joined(found: Iterable[tuple[Ints, Ints, Floats]]) -> tuple[Ints, Ints, Floats]:
    queries, rows, squared = zip(*found, strict=True)
    return np.concatenate(queries), np.concatenate(rows), np.concatenate(squared)


def _squared(left: Floats, right: Floats, *, gappy: bool) -> Floats:
    """Return squared distances, pair by pair, in float64."""
    difference = np.subtract(left, right, dtype=np.float64)
    if not gappy:
        alike: Floats = np.einsum("ij,ij->i", difference, difference)
        return alike
    shared = np.count_nonzero(~np.isnan(difference), axis=1)
    np.nan_to_num(difference, copy=False, nan=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.einsum("ij,ij->i", difference, difference) * (difference.shape[1] / shared)
    return np.where(shared > 0, scaled, np.inf)
