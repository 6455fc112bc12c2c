"""Cells: an approximate search that looks only near each query, and knows how much it misses.

The idea is the inverted file of Jegou et al. 2011 ("Product quantization for nearest neighbor search"), but turned
about: all queries are known, so every cell meets all of its queries in one matrix product. Cells are found in two
levels, as in the vocabulary tree of Nister and Stewenius 2006: a row is compared with the centroids near it only.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

import numpy as np

from rarecall.search.blocks import Rows, Table
from rarecall.search.lift import Floats, Ints, Lift, Tile, gaps_of, middle
from rarecall.search.topk import TILE_ROWS, Found, TopK

JUDGED = 256
"""Queries that are also searched exactly, to choose how many cells to look into and to know the recall."""

GUIDE = 2048
"""Rows at equal strides that give every query its first bound."""

MOST = 1 << 15
"""The most cells there are: their numbers, with one more for each group, fit 16 bits, which numpy sorts by radix."""

HELD = 1 << 29
"""Bytes of lifted rows that may be kept between the passes; beyond, every pass lifts them again."""

_TAUGHT = 32  # rows of the sample for each centroid
_AROUND = 4  # groups of centroids that a row is compared with: those nearest to its own group, and that group
_ASSIGNED = 1 << 13  # rows whose cells are found at a time
_SHARES = 64  # parts that work over all cells is cut into, for as many threads as there are
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
        # Visiting a cell and asking how far it is cost for each of them, pairs of query and row fall with their number:
        # the sum is least near here for the share that 0.985 takes on 10 to 100 columns (docs/neighbors.md).
        wanted = int(np.clip((0.27 * len(queries)) ** 0.77, 16, min(MOST, max(16, rows.n_rows // 100))))
        sample = rows.sample(_TAUGHT * wanted)
        self.center = middle(sample)
        self._settle(self._centred(sample)[:, :-1], wanted, means)
        found = list(pool.map(self._nearest, range(0, rows.n_rows, _ASSIGNED)))
        self.cell = np.concatenate([cell for cell, _ in found])
        self.order = np.argsort(self.cell, kind="stable")
        self.starts = np.searchsorted(self.cell[self.order], np.arange(self.n_cells + 1))
        gaps = np.unique(np.concatenate([gaps_of(queries), *(gaps for _, gaps in found)]))
        self._lift = Lift(self.center, gaps)
        # One array for all cells: the memory of many small ones does not go back to the system when they are freed.
        held = 4 * rows.n_rows * self._lift.width <= HELD
        self._held = np.empty((rows.n_rows, self._lift.width), dtype=np.float32) if held else None
        self._longest = np.zeros(self.n_cells)  # of the rows of a cell
        self._over(range(self.n_cells), self._hold)
        self.n_probes, self.recall = self.n_cells, 1.0

    def judge(self, k: int, *, min_recall: float) -> None:
        """Search some queries exactly, and choose the least number of cells that holds the neighbours wanted."""
        rng = np.random.default_rng(self.seed)
        judged = np.sort(rng.choice(len(self.queries), size=min(JUDGED, len(self.queries)), replace=False))
        top = TopK(self.queries[judged], k, own=self._own(judged), center=self.center)
        top.make_ready(self._lift)
        distance = self._to_centroids(top.rows)
        self._each(distance.argmin(axis=1)[:, None].astype(np.uint16), top.narrow)
        everyone, spans = np.arange(len(judged)), range(0, self.rows.n_rows, TILE_ROWS)
        found = self.pool.map(lambda start: top.candidates(self._span(start, start + TILE_ROWS), everyone), spans)
        top.merge(list(found))
        far = np.take_along_axis(distance, self.cell[top.ids], axis=1)
        # A neighbour is seen by whoever looks into at least as many cells as lie no farther than the neighbour's.
        ranks = (distance[:, None, :] <= far[:, :, None]).sum(axis=2)
        ranks = np.sort(np.where(np.isnan(far), self.n_cells, ranks).ravel())  # beyond float32 nothing is known
        # Two standard errors above what is asked for, since the rows judged are a sample.
        wanted = min(1.0, min_recall + 2.0 * np.sqrt(min_recall * (1.0 - min_recall) / len(ranks)))
        self.n_probes = int(ranks[int(np.ceil(wanted * len(ranks))) - 1])
        self.recall = float(np.mean(ranks <= self.n_probes))

    def search(self, k: int) -> TopK:
        """Return the k best rows among the cells nearest to each query: the first for a bound, then few, then all."""
        top = TopK(self.queries, k, own=self.own, center=self.center)
        top.make_ready(self._lift)
        starts = range(0, len(self.queries), GUIDE)
        probes = np.concatenate(list(self.pool.map(lambda s: self._probes(self.queries[s : s + GUIDE]), starts)))
        self._each(probes[:, :1], top.narrow)
        for part in (probes[:, :_FIRST], probes[:, _FIRST:]):
            limited = top.limited(self._lift)

            def within(tile: Tile, chunk: Ints, limited: Floats = limited) -> Found:
                return top.candidates(tile, chunk, limited=limited.take(chunk, axis=0))

            top.merge(self._each(part, within), pool=self.pool)
        if len(short := np.flatnonzero(top.ids[:, -1] < 0)):  # cells so small that k rows were not to be had
            whole = all_pairs(self.rows, self.queries[short], k, own=self._own(short), pool=self.pool)
            top.ids[short], top.squared[short] = whole.ids, whole.squared
        return top

    def _settle(self, sample: Floats, wanted: int, means: Means) -> None:
        """Find about so many centroids: groups first, then in each group as many as its rows of the sample teach."""
        n_groups = round(wanted**0.5)
        coarse = means(sample[:: max(1, wanted // n_groups)], n_groups, self.seed)
        self._groups = _turned(coarse)
        with np.errstate(over="ignore", invalid="ignore"):
            group = (_lifted(sample) @ self._groups).argmin(axis=1)

        def within(one: int) -> Floats:
            taught = sample[group == one]
            n = len(taught) // _TAUGHT
            return means(taught, n, self.seed) if n > 1 else coarse[one : one + 1]

        found = list(self.pool.map(within, range(n_groups)))
        centroids = np.concatenate(found)
        self.n_cells = len(centroids)
        self._centroids = _turned(centroids)
        ends = np.cumsum([0, *(len(part) for part in found)])
        near = np.argsort(_lifted(coarse) @ self._groups, axis=1, kind="stable")[:, :_AROUND]
        self._around = [
            np.concatenate([np.arange(ends[one], ends[one + 1]) for one in np.sort(among)]) for among in near
        ]
        self._turned = [np.ascontiguousarray(self._centroids[:, among]) for among in self._around]

    def _nearest(self, start: int) -> tuple[Ints, Ints]:
        """Return the cells of some rows, and the columns in which they have gaps."""
        rows = self.rows.take(slice(start, start + _ASSIGNED))
        with np.errstate(over="ignore", invalid="ignore"):
            lifted = self._centred(rows)
            group = (lifted @ self._groups).argmin(axis=1).astype(np.uint16)
            order = np.argsort(group, kind="stable")
            ends = np.searchsorted(group[order], np.arange(len(self._around) + 1))
            cell = np.empty(len(rows), dtype=np.uint16)
            for one in np.flatnonzero(np.diff(ends)):
                mine = order[ends[one] : ends[one + 1]]
                cell[mine] = self._around[one][(lifted[mine] @ self._turned[one]).argmin(axis=1)]
        return cell, gaps_of(rows)

    def _hold(self, cell: int) -> None:
        """Lift a cell's rows where they may be held, and learn the longest of them."""
        span = slice(self.starts[cell], self.starts[cell + 1])
        if self._held is not None and span.start < span.stop:
            norms = self._lift.fill(self._held[span], self.rows.take(self.order[span]))
            self._longest[cell] = norms.max()

    def _each(self, probes: Ints, work: Callable[[Tile, Ints], Any]) -> list[Any]:
        """Do the work once for every cell with the queries that look into it."""
        order = np.argsort(probes.ravel(), kind="stable")
        bounds = np.searchsorted(probes.ravel()[order], np.arange(self.n_cells + 1))
        order //= max(1, probes.shape[1])
        busy = np.flatnonzero((np.diff(bounds) > 0) & (np.diff(self.starts) > 0)).tolist()
        return self._over(busy, lambda cell: work(self._tile(cell), order[bounds[cell] : bounds[cell + 1]]))

    def _over(self, cells: Any, work: Callable[[int], Any]) -> list[Any]:
        """Do the work for every cell, some cells at a time: there may be more of them than is worth a task each."""
        shares = np.array_split(np.asarray(cells, dtype=np.intp), _SHARES)
        return [done for part in self.pool.map(lambda share: [work(cell) for cell in share], shares) for done in part]

    def _tile(self, cell: int) -> Tile:
        tile = self._span(int(self.starts[cell]), int(self.starts[cell + 1]))
        return tile if self._held is None else replace(tile, longest=float(self._longest[cell]))

    def _span(self, start: int, stop: int) -> Tile:
        """Return the rows from one place of their order to another as a tile."""
        ids, rows = self.order[start:stop], self.rows
        if self._held is None:
            return self._lift.tile(rows.take(ids), ids)
        return Tile(self._lift, self._held[start:stop], np.inf, ids, lambda place: rows.take(ids[place]))

    def _own(self, chosen: Ints) -> Ints | None:
        return None if self.own is None else self.own[chosen]

    def _probes(self, queries: Floats) -> Ints:
        distance = self._to_centroids(queries)
        wanted = min(self.n_probes, self.n_cells) - 1
        near = np.flatnonzero(distance <= np.partition(distance, wanted, axis=1)[:, wanted, None])
        if len(near) == len(queries) * self.n_probes:
            nearest = (near % self.n_cells).reshape(len(queries), -1)
        else:  # cells that are equally far, or distances that are not numbers
            nearest = np.argpartition(distance, wanted, axis=1)[:, : self.n_probes]
        far = np.take_along_axis(distance, nearest, axis=1)
        order = np.argpartition(far, [at for at in (0, _FIRST - 1) if at <= wanted], axis=1)
        ordered: Ints = np.take_along_axis(nearest, order, axis=1)
        return ordered.astype(np.uint16)

    def _to_centroids(self, rows: Floats) -> Floats:
        """Return squared distances to the centroids, less each row's own norm."""
        with np.errstate(over="ignore", invalid="ignore"):
            distance: Floats = self._centred(rows) @ self._centroids
        return distance

    def _centred(self, rows: Floats) -> Floats:
        """Return rows about the center, which stands where there is no value: cells are only a guide; and a one."""
        lifted = np.ones((len(rows), rows.shape[1] + 1), dtype=np.float32)
        filled = np.where(np.isnan(rows), self.center, rows) if len(gaps_of(rows)) else rows
        with np.errstate(over="ignore"):
            np.subtract(filled, self.center, out=lifted[:, :-1], casting="same_kind")
        return lifted


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


def _turned(centroids: Floats) -> Floats:
    """Return centroids such that a product with lifted rows is their squared distance, less the row's own norm."""
    norms = np.einsum("ij,ij->i", centroids, centroids)
    return np.ascontiguousarray(np.column_stack([-2.0 * centroids, norms]).T, dtype=np.float32)


def _lifted(rows: Floats) -> Floats:
    return np.column_stack([rows, np.ones(len(rows), dtype=np.float32)])
