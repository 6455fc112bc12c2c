"""Exact top-k of many queries over tiles of rows: one matrix product a tile, and few rows that pass its bound.

A tile's product gives, in float32, a lower bound of every squared distance between a block of queries and the tile's
rows. Only pairs whose bound lies below the query's k-th best so far are measured again, in float64, so rounding can
cost time but never a neighbour. Ties go to the lower row number. Hence the result depends on the rows alone: not on
the tiles' size, their order or the number of threads.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor

import numpy as np

from rarecall.search.lift import Floats, Ints, Lift, Ready, Tile, gaps_of

Found = tuple[Ints, Ints, Floats]

TILE_QUERIES = 256
TILE_ROWS = 2048
TILE_PAIRS = 1 << 18  # float32: a product of a megabyte is still in the cache when it is tested
HUGE, TINY = 1e37, 1e-30  # squared distances near which float32 overflows or loses what is added up
_PAIRS = 1 << 17  # pairs measured in float64 at a time: bounds the scratch memory
_SHARES = 8  # parts that a merge of many candidates is cut into, for as many threads as there are


class TopK:
    """The k nearest rows of each query among the tiles seen so far.

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
        As in `Lift`, for the blocks that `scan` is given.

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
        self.gaps = gaps_of(self.rows)
        self.squared = np.full((len(queries), k), np.inf)
        self.ids = np.full((len(queries), k), -1, dtype=np.int64)
        self.bound = np.full(len(queries), np.inf)
        self._ready: tuple[Lift, Ready] | None = None

    def lift_for(self, block: Floats) -> Lift:
        """Return how a block and these queries are lifted; the last one again where it fits, which spares the work."""
        gaps = np.union1d(self.gaps, gaps_of(block)).astype(np.intp)
        last = self._ready[0] if self._ready else None
        return last if last and np.array_equal(last.gaps, gaps) else Lift(self.center, gaps)

    def make_ready(self, lift: Lift) -> Ready:
        """Return the queries lifted this way: once, before several threads ask for them."""
        if self._ready is None or self._ready[0] is not lift:
            self._ready = lift, lift.queries(self.rows)
        return self._ready[1]

    def narrow(self, tile: Tile, chunk: Ints | slice = slice(None)) -> None:
        """Lower the queries' bounds to what the tile's k-th nearest row promises, without keeping its rows."""
        chunk = np.arange(len(self.rows))[chunk] if isinstance(chunk, slice) else chunk
        need = self.k + (self.own is not None)  # the query itself may be among the tile's rows
        if len(tile.ids) < need:
            return
        ready, lift, gaps = self.make_ready(tile.lift), tile.lift, len(tile.lift.gaps)
        for cut in _cuts(len(chunk), len(tile.ids)):
            part = chunk[cut]
            lifted = ready.lifted.take(part, axis=0)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                # A row's upper bound is its lower one and twice its slack, which is at most the longest row's.
                most = ready.norms[part] + lift.slack * ready.whole[part] + 2.0 * lift.slack * tile.longest
                lifted[:, lift.d + 1] = most
                product = lifted @ tile.lifted.T
                if gaps:
                    there, known = lifted[:, -gaps:], tile.lifted[:, -2 * gaps : -gaps]
                    shared = (lift.d - gaps) + there @ known.T
                    product = np.where(shared > 0, product * (lift.d / shared), np.inf)
                kth = np.partition(_least(product, 4 * need), need - 1, axis=1)[:, need - 1].astype(np.float64)
                kth = np.maximum(kth, 0.0) * (1.0 + lift.slack) + TINY
            self.bound[part] = np.fmin(self.bound[part], kth)

    def scan(self, block: Floats, ids: Ints, *, pool: Executor | None = None) -> None:
        """Take a block's rows, numbered by `ids`, into account for every query; each row may come once."""
        lift, each = self.lift_for(block), pool.map if pool else map
        self.make_ready(lift)
        cuts = [slice(first, first + TILE_ROWS) for first in range(0, len(block), TILE_ROWS)]
        tiles = list(each(lambda cut: lift.tile(block[cut], ids[cut]), cuts))
        # Few queries are still work for several threads; one thread wants tiles as large as can be.
        size = min(TILE_QUERIES, max(32, -(-len(self.rows) // 4))) if pool else TILE_QUERIES

        def one(start: int) -> None:
            chunk = np.arange(start, min(start + size, len(self.rows)))
            limited, held = self.limited(lift, chunk), 0
            kept: list[Found] = []
            for tile in tiles:
                kept.append(self.candidates(tile, chunk, limited=limited))
                held += len(kept[-1][0])
                if held > 2 * self.k * len(chunk):  # so many that new bounds are worth a sort
                    self.merge(kept)
                    limited, kept, held = self.limited(lift, chunk), [], 0
            self.merge(kept)

        for _ in each(one, range(0, len(self.rows), size)):
            pass

    def merge(self, found: list[Found], *, pool: Executor | None = None) -> None:
        """Keep the k best of what is known and what was found, and lower the bounds to the k-th."""
        if not found:
            return
        query, row, squared = _joined(found)
        if pool is None:
            self._merge(query, row, squared)
            return

        def share(part: int) -> None:
            first, last = part * len(self.rows) // _SHARES, (part + 1) * len(self.rows) // _SHARES
            mine = np.flatnonzero((query >= first) & (query < last))
            self._merge(query[mine], row[mine], squared[mine])

        for _ in pool.map(share, range(_SHARES)):
            pass

    def _merge(self, query: Ints, row: Ints, squared: Floats) -> None:
        if not len(query):
            return
        touched = np.unique(query)
        query = np.concatenate([np.repeat(touched, self.k), query])
        row = np.concatenate([self.ids[touched].ravel(), row])
        squared = np.concatenate([self.squared[touched].ravel(), squared])
        order = _ranked(query, row, squared)
        query, row, squared = query[order], row[order], squared[order]
        rank = np.arange(len(query)) - np.searchsorted(query, query)
        kept = rank < self.k
        self.ids[query[kept], rank[kept]] = row[kept]
        self.squared[query[kept], rank[kept]] = squared[kept]
        self.bound[touched] = np.minimum(self.bound[touched], self.squared[touched, -1])

    def candidates(self, tile: Tile, chunk: Ints, *, limited: Floats | None = None) -> Found:
        """Return the (query, row, squared distance) of the pairs that beat the query's bound, in no order.

        `limited` is what `limited` returned for the chunk, where its bounds are as they were then.
        """
        lifted, width = self.limited(tile.lift, chunk) if limited is None else limited, len(tile.ids)
        with np.errstate(over="ignore", invalid="ignore"):
            passed = [
                np.flatnonzero(~(lifted[cut] @ tile.lifted.T > 0.0)) + cut.start * width  # what is no number passes too
                for cut in _cuts(len(chunk), width)
            ]
        which, place = np.divmod(np.concatenate(passed), width)
        query, row = chunk[which], tile.ids[place]
        if self.own is not None:
            other = row != self.own[query]
            query, row, place = query[other], row[other], place[other]
        squared = np.empty(len(query))
        for start in range(0, len(query), _PAIRS):
            part = slice(start, start + _PAIRS)
            left, right = self.rows.take(query[part], axis=0), tile.read(place[part])
            squared[part] = squared_distances(left, right, gappy=bool(len(tile.lift.gaps)))
        keep = squared <= self.bound[query]
        return query[keep], row[keep], squared[keep]

    def limited(self, lift: Lift, chunk: Ints | slice = slice(None)) -> Floats:
        """Return queries lifted such that a product above zero rules the pair out, by their bounds of now."""
        ready, gaps = self.make_ready(lift), len(lift.gaps)
        bound = self.bound[chunk]
        finite = np.isfinite(bound)
        held = np.where(finite, bound, 0.0)
        lifted: Floats = ready.lifted[chunk].copy()
        if gaps:
            # Both sides of `numerator <= bound * shared / d` stand in the product, so one comparison decides.
            lifted[:, -2 * gaps : -gaps] -= lifted[:, -gaps:] * (held / lift.d)[:, None].astype(np.float32)
        complete = (lift.d - gaps) / lift.d
        with np.errstate(over="ignore", invalid="ignore"):
            limit = held * (complete + 4.0 * lift.slack) - ready.norms[chunk] + lift.slack * ready.whole[chunk] + TINY
            limit[~finite | (np.abs(limit) > HUGE)] = np.inf
            lifted[:, lift.d + 1] = -limit
        return lifted


def squared_distances(left: Floats, right: Floats, *, gappy: bool = False) -> Floats:
    """Return squared distances, pair by pair, in float64; with gaps, over the columns that both sides have."""
    difference = np.subtract(left, right, dtype=np.float64)
    if not gappy:
        alike: Floats = np.einsum("ij,ij->i", difference, difference)
        return alike
    shared = np.count_nonzero(~np.isnan(difference), axis=1)
    np.nan_to_num(difference, copy=False, nan=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.einsum("ij,ij->i", difference, difference) * (difference.shape[1] / shared)
    return np.where(shared > 0, scaled, np.inf)


def _cuts(n: int, width: int) -> Iterator[slice]:
    """Cut n queries such that the product of each part with a tile of this width stays in the cache."""
    size = max(32, TILE_PAIRS // max(width, 1))
    return (slice(start, start + size) for start in range(0, n, size))


def _joined(found: Iterable[Found]) -> Found:
    queries, rows, squared = zip(*found, strict=True)
    return np.concatenate(queries), np.concatenate(rows), np.concatenate(squared)


def _ranked(query: Ints, row: Ints, squared: Floats) -> Ints:
    """Return the order by query, distance and row; an empty place (-1) comes behind rows that are infinitely far."""
    order = np.argsort(squared)
    if len(query) and query.max() - query.min() < 1 << 16:  # numpy sorts these by radix
        near = (query - query.min()).astype(np.uint16)[order]
    else:
        near = query[order]
    order = order[np.argsort(near, kind="stable")]
    near, far, rows = query[order], squared[order], row[order]
    tied = (near[1:] == near[:-1]) & ~(far[1:] > far[:-1]) & (rows[1:] != rows[:-1])
    if not tied.any():
        return order
    last = np.where(row < 0, np.iinfo(np.int64).max, row)
    ranked: Ints = np.lexsort((last, squared, query))
    return ranked


def _least(values: Floats, at_least: int) -> Floats:
    """Return the least value of each of some groups of columns, each a column's own.

    The k-th least of them is never below the k-th least of all, and a sort of few takes a tenth of a sort of many.
    """
    groups = max(64, at_least)
    deep = values.shape[1] // groups
    if deep < 2:
        return values
    least: Floats = values[:, : deep * groups].reshape(len(values), deep, groups).min(axis=1)
    return least
