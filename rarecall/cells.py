"""Cells: an approximate search that looks only near each query, and knows how much it misses.

The idea is the inverted file of Jegou et al. 2011 ("Product quantization for nearest neighbor search"), but turned
about: all queries are known, so every cell meets all of its queries in one matrix product.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import numpy as np

from rarecall.blocks import Rows, Table
from rarecall.topk import Floats, Ints, TopK

JUDGED = 256
"""Queries that are also searched exactly, to choose how many cells to look into and to know the recall."""

GUIDE = 2048
"""Rows at equal strides that give every query its first bound."""

_FEW = 512  # rows of the guide that give every query its first bound: a partial sort costs ten times a product
_FIRST = 4  # cells after whose rows the bounds are lowered once more

Means = Callable[[Floats, int, int], Floats]


class Cells:
    """Rows grouped about centroids, and how many of these cells a query must look into.

    Parameters
    ----------
    rows : Table
    n_queries : int
        Decides how many cells there are.
    means : callable
        Takes a sample of rows, a number of cells and a seed, and returns as many centroids.
    seed : int
    pool : Executor
        The result does not depend on how many threads it has.

    Attributes
    ----------
    n_cells, n_probes : int
        How many cells there are, and how many of them each query looks into.
    recall : float
        Share of the true neighbours in these, for the queries that were judged.
    """

    def __init__(self, rows: Table, n_queries: int, means: Means, *, seed: int, pool: Executor) -> None:
        self.rows, self.pool, self.seed = rows, pool, seed
        # Assigning costs rows x cells, searching queries x rows x (share of the cells): their sum is least near here
        # for the share that 0.985 takes on 10 to 100 columns (docs/neighbors.md).
        self.n_cells = int(np.clip((0.1 * n_queries) ** 0.77, 16, max(16, rows.n_rows // 100)))
        sample = self._filled(rows.sample(64 * self.n_cells))
        self.center = sample.mean(axis=0, dtype=np.float64)
        self.centroids = means(np.ascontiguousarray(sample - self.center, dtype=np.float32), self.n_cells, seed)
        norms = np.einsum("ij,ij->i", self.centroids, self.centroids)
        self._lifted = np.column_stack([-2.0 * self.centroids, norms]).T.astype(np.float32)
        cell = np.concatenate(list(pool.map(self._nearest, range(0, rows.n_rows, GUIDE))))
        self.order = np.argsort(cell, kind="stable")
        self.starts = np.searchsorted(cell[self.order], np.arange(self.n_cells + 1))
        self.cell = cell
        self.n_probes, self.recall = self.n_cells, 1.0

    def judge(self, queries: Floats, k: int, *, own: Ints | None, min_recall: float) -> None:
        """Search some queries exactly, and choose the least number of cells that holds the neighbours wanted."""
        rng = np.random.default_rng(self.seed)
        judged = np.sort(rng.choice(len(queries), size=min(JUDGED, len(queries)), replace=False))
        top = all_pairs(self.rows, queries[judged], k, own=None if own is None else own[judged], pool=self.pool)
        distance = self._to_centroids(queries[judged])
        found = np.take_along_axis(distance, self.cell[top.ids], axis=1)
        # A neighbour is seen by whoever looks into at least as many cells as lie no farther than the neighbour's.
        ranks = np.sort((distance[:, None, :] <= found[:, :, None]).sum(axis=2).ravel())
        # Two standard errors above what is asked for, since the rows judged are a sample.
        wanted = min(1.0, min_recall + 2.0 * np.sqrt(min_recall * (1.0 - min_recall) / len(ranks)))
        self.n_probes = int(ranks[int(np.ceil(wanted * len(ranks))) - 1])
        self.recall = float(np.mean(ranks <= self.n_probes))

    def search(self, queries: Floats, k: int, *, own: Ints | None) -> TopK:
        """Return the k best rows among the cells nearest to each query."""
        top = TopK(queries, k, own=own, center=self.center)
        starts = range(0, len(queries), GUIDE)
        probes = np.concatenate(list(self.pool.map(lambda s: self._probes(queries[s : s + GUIDE]), starts)))
        self._each(probes[:, :1], lambda cell, chunk: top.narrow(self._rows_of(cell)[0], chunk))
        for part in (probes[:, :_FIRST], probes[:, _FIRST:]):
            top.merge(self._each(part, lambda cell, chunk: top.candidates(*self._rows_of(cell), chunk)))
        if len(short := np.flatnonzero(top.ids[:, -1] < 0)):  # cells so small that k rows were not to be had
            whole = all_pairs(self.rows, queries[short], k, own=None if own is None else own[short], pool=self.pool)
            top.ids[short], top.squared[short] = whole.ids, whole.squared
        return top

    def _each(self, probes: Ints, work: Callable[[int, Ints], Any]) -> list[Any]:
        """Do the work once for every cell with the queries that look into it."""
        order = np.argsort(probes.ravel(), kind="stable")
        bounds = np.searchsorted(probes.ravel()[order], np.arange(self.n_cells + 1))
        order //= max(1, probes.shape[1])
        busy = [cell for cell in range(self.n_cells) if bounds[cell] < bounds[cell + 1]]
        return list(self.pool.map(lambda cell: work(cell, order[bounds[cell] : bounds[cell + 1]]), busy))

    def _rows_of(self, cell: int) -> tuple[Floats, Ints]:
        ids = self.order[self.starts[cell] : self.starts[cell + 1]]
        return self.rows.take(ids), ids

    def _nearest(self, start: int) -> Ints:
        nearest: Ints = self._to_centroids(self.rows.take(slice(start, start + GUIDE))).argmin(axis=1)
        return nearest.astype(np.int32)

    def _probes(self, queries: Floats) -> Ints:
        distance = self._to_centroids(queries)
        if self.n_probes < self.n_cells:
            nearest = np.argpartition(distance, self.n_probes - 1, axis=1)[:, : self.n_probes]
        else:
            nearest = np.broadcast_to(np.arange(self.n_cells), distance.shape)
        order = np.argsort(np.take_along_axis(distance, nearest, axis=1), axis=1, kind="stable")
        ordered: Ints = np.take_along_axis(nearest, order, axis=1)
        return ordered.astype(np.int32)

    def _to_centroids(self, rows: Floats) -> Floats:
        """Return squared distances to the centroids, less each row's own norm."""
        lifted = np.ones((len(rows), rows.shape[1] + 1), dtype=np.float32)
        np.subtract(self._filled(rows), self.center, out=lifted[:, :-1], casting="same_kind")
        distance: Floats = lifted @ self._lifted
        return distance

    def _filled(self, rows: Floats) -> Floats:
        """Return the rows with the column's mean, or zero, where there is no value: cells are only a guide."""
        if not np.isnan(np.sum(rows, dtype=np.float64)):
            return rows
        return np.where(np.isnan(rows), getattr(self, "center", 0.0), rows)


def all_pairs(rows: Rows, queries: Floats, k: int, *, own: Ints | None, pool: Executor) -> TopK:
    """Return the k best of all rows, read block after block."""
    top: TopK | None = None
    start = 0
    for block in rows.blocks():
        if top is None:
            guide = rows.sample(GUIDE) if isinstance(rows, Table) else block[:GUIDE]
            known = ~np.isnan(guide)
            center = np.where(known, guide, 0.0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)
            top = TopK(queries, k, own=own, center=center)
            top.narrow(guide[:: max(1, len(guide) // _FEW)])
        top.scan(block, np.arange(start, start + len(block)), pool=pool)
        start += len(block)
    if top is None:
        raise ValueError("expected at least one block of rows, got none")
    return top
