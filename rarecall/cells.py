"""Cells: an approximate search that looks only near each query, and knows how much it misses.

The idea is the inverted file of Jegou et al. 2011 ("Product quantization for nearest neighbor search"), but turned
about: all queries are known, so every cell meets all of its queries in one matrix product.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import numpy as np

from rarecall.blocks import Rows, Table
from rarecall.topk import Floats, Ints, Lift, Tile, TopK, gaps_of, middle

JUDGED = 256
"""Queries that are also searched exactly, to choose how many cells to look into and to know the recall."""

GUIDE = 2048
"""Rows at equal strides that give every query its first bound."""

MOST = 1 << 16
"""The most cells there are: their numbers fit 16 bits, which numpy sorts by radix."""

HELD = 1 << 29
"""Bytes of lifted rows that may be kept between the passes; beyond, every pass lifts them again."""

_FIRST = 4  # cells after whose rows the bounds are lowered once more

Means = Callable[[Floats, int, int], Floats]


class Cells:
    """Rows grouped about centroids, and how many of these cells a query must look into.

    Parameters
    ----------
    rows : Table
    queries : ndarray of shape (n_queries, n_columns)
    means : callable
        Takes a sample of rows, a number of cells and a seed, and returns as many centroids.
    own : ndarray of int of shape (n_queries,), optional
        The number of the row that each query is, which is then never its neighbour.
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

    def __init__(
        self, rows: Table, queries: Floats, means: Means, *, own: Ints | None, seed: int, pool: Executor
    ) -> None:
        self.rows, self.queries, self.own, self.seed, self.pool = rows, queries, own, seed, pool
        # Assigning costs rows x cells, searching queries x rows x (share of the cells): their sum is least near here
        # for the share that 0.985 takes on 10 to 100 columns (docs/neighbors.md).
        self.n_cells = int(np.clip((0.1 * len(queries)) ** 0.77, 16, min(MOST, max(16, rows.n_rows // 100))))
        sample = rows.sample(64 * self.n_cells)
        self.center = middle(sample)
        with np.errstate(over="ignore"):
            centred = (self._filled(sample) - self.center).astype(np.float32)
        self.centroids = means(centred, self.n_cells, seed)
        norms = np.einsum("ij,ij->i", self.centroids, self.centroids)
        self._lifted = np.column_stack([-2.0 * self.centroids, norms]).T.astype(np.float32)
        found = list(pool.map(self._nearest, range(0, rows.n_rows, GUIDE)))
        self.cell = np.concatenate([cell for cell, _ in found])
        self.order = np.argsort(self.cell, kind="stable")
        self.starts = np.searchsorted(self.cell[self.order], np.arange(self.n_cells + 1))
        gaps = np.unique(np.concatenate([gaps_of(queries), *(gaps for _, gaps in found)]))
        self._lift = Lift(self.center, gaps)
        shape = rows.n_rows, self._lift.width
        # One array for all cells: the memory of many small ones does not go back to the system when they are freed.
        self._held = np.empty(shape, dtype=np.float32) if 4 * shape[0] * shape[1] <= HELD else None
        self._longest = np.full(self.n_cells, -1.0)  # of the rows held of a cell; below 0 where none are yet
        self.n_probes, self.recall = self.n_cells, 1.0

    def judge(self, k: int, *, min_recall: float) -> None:
        """Search some queries exactly, and choose the least number of cells that holds the neighbours wanted."""
        rng = np.random.default_rng(self.seed)
        judged = np.sort(rng.choice(len(self.queries), size=min(JUDGED, len(self.queries)), replace=False))
        top = self._look(judged, k)
        distance = self._to_centroids(self.queries[judged])
        found = np.take_along_axis(distance, self.cell[top.ids], axis=1)
        # A neighbour is seen by whoever looks into at least as many cells as lie no farther than the neighbour's.
        ranks = (distance[:, None, :] <= found[:, :, None]).sum(axis=2)
        ranks = np.sort(np.where(np.isnan(found), self.n_cells, ranks).ravel())  # beyond float32 nothing is known
        # Two standard errors above what is asked for, since the rows judged are a sample.
        wanted = min(1.0, min_recall + 2.0 * np.sqrt(min_recall * (1.0 - min_recall) / len(ranks)))
        self.n_probes = int(ranks[int(np.ceil(wanted * len(ranks))) - 1])
        self.recall = float(np.mean(ranks <= self.n_probes))

    def search(self, k: int) -> TopK:
        """Return the k best rows among the cells nearest to each query."""
        top = self._look(slice(None), k)
        if len(short := np.flatnonzero(top.ids[:, -1] < 0)):  # cells so small that k rows were not to be had
            whole = all_pairs(self.rows, self.queries[short], k, own=self._own(short), pool=self.pool)
            top.ids[short], top.squared[short] = whole.ids, whole.squared
        return top

    def _look(self, chosen: Ints | slice, k: int) -> TopK:
        """Search the cells nearest to each of the chosen queries: the first for a bound, then few, then the rest."""
        queries = self.queries[chosen]
        top = TopK(queries, k, own=self._own(chosen), center=self.center)
        starts = range(0, len(queries), GUIDE)
        probes = np.concatenate(list(self.pool.map(lambda s: self._probes(queries[s : s + GUIDE]), starts)))
        top.make_ready(self._lift)
        self._each(probes[:, :1], top.narrow)
        for part in (probes[:, :_FIRST], probes[:, _FIRST:]):
            top.merge(self._each(part, top.candidates), pool=self.pool)
        return top

    def _each(self, probes: Ints, work: Callable[[Tile, Ints], Any]) -> list[Any]:
        """Do the work once for every cell with the queries that look into it."""
        order = np.argsort(probes.ravel(), kind="stable")
        bounds = np.searchsorted(probes.ravel()[order], np.arange(self.n_cells + 1))
        order //= max(1, probes.shape[1])
        busy = [cell for cell in range(self.n_cells) if bounds[cell] < bounds[cell + 1]]
        return list(self.pool.map(lambda cell: work(self._tile(cell), order[bounds[cell] : bounds[cell + 1]]), busy))

    def _tile(self, cell: int) -> Tile:
        span, rows = slice(self.starts[cell], self.starts[cell + 1]), self.rows
        ids = self.order[span]
        held = None if self._held is None else self._held[span]

        def read(place: Ints) -> Floats:
            return rows.take(ids[place])

        if held is not None and (longest := self._longest[cell]) >= 0:
            return Tile(self._lift, held, float(longest), ids, read)
        tile = self._lift.tile(rows.take(ids), ids, read=read, out=held)
        self._longest[cell] = tile.longest
        return tile

    def _own(self, chosen: Ints | slice) -> Ints | None:
        return None if self.own is None else self.own[chosen]

    def _nearest(self, start: int) -> tuple[Ints, Ints]:
        """Return the cells of some rows, and the columns in which they have gaps."""
        rows = self.rows.take(slice(start, start + GUIDE))
        return self._to_centroids(rows).argmin(axis=1).astype(np.uint16), gaps_of(rows)

    def _probes(self, queries: Floats) -> Ints:
        distance = self._to_centroids(queries)
        if self.n_probes < self.n_cells:
            nearest = np.argpartition(distance, self.n_probes - 1, axis=1)[:, : self.n_probes]
        else:
            nearest = np.broadcast_to(np.arange(self.n_cells), distance.shape)
        order = np.argsort(np.take_along_axis(distance, nearest, axis=1), axis=1, kind="stable")
        ordered: Ints = np.take_along_axis(nearest, order, axis=1)
        return ordered.astype(np.uint16)

    def _to_centroids(self, rows: Floats) -> Floats:
        """Return squared distances to the centroids, less each row's own norm."""
        lifted = np.ones((len(rows), rows.shape[1] + 1), dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            np.subtract(self._filled(rows), self.center, out=lifted[:, :-1], casting="same_kind")
            distance: Floats = lifted @ self._lifted
        return distance

    def _filled(self, rows: Floats) -> Floats:
        """Return the rows with the center where there is no value: cells are only a guide."""
        return np.where(np.isnan(rows), self.center, rows) if len(gaps_of(rows)) else rows


def all_pairs(rows: Rows, queries: Floats, k: int, *, own: Ints | None, pool: Executor | None) -> TopK:
    """Return the k best of all rows, read block after block."""
    top: TopK | None = None
    start = 0
    for block in rows.blocks():
        if top is None:
            guide = rows.sample(GUIDE) if isinstance(rows, Table) else block[:GUIDE]
            top = TopK(queries, k, own=own, center=middle(guide))
            top.narrow(top.lift_for(guide).tile(guide, np.arange(len(guide))))
        top.scan(block, np.arange(start, start + len(block)), pool=pool)
        start += len(block)
    if top is None:
        raise ValueError("expected at least one block of rows, got none")
    return top
