"""Trees: exact neighbours in few dimensions, where a k-d tree (Bentley 1975) leaves nearly all rows unvisited."""

import numpy as np
from scipy.spatial import KDTree

from rarecall.search.blocks import Table
from rarecall.search.lift import Floats, Ints
from rarecall.search.topk import TopK, squared_distances

_ALIKE = 1e-9  # of a squared distance: far above what the tree's own sums may be off by


def by_tree(rows: Table, queries: Floats, k: int, *, own: Ints | None, workers: int) -> tuple[TopK, Ints]:
    """Return the k nearest rows of each query, and the queries for which a tree cannot tell which they are.

    Parameters
    ----------
    rows : Table
        Without NaN.
    queries : ndarray of shape (n_queries, n_columns)
        Without NaN.
    own : ndarray of int of shape (n_queries,), optional
        The number of the row that each query is, which is then never its neighbour.
    workers : int
        Threads; the result does not depend on them.

    Returns
    -------
    top : TopK
    unsure : ndarray of int
        Queries whose k-th and next neighbour are equally far, or that have so many duplicates that they are not among
        their own neighbours: ties go to the lower row number, and a tree takes any.
    """
    table = rows.take(slice(None))
    wanted = min(k + 1 + (own is not None), rows.n_rows)
    found = KDTree(table).query(queries, np.arange(1, wanted + 1), workers=workers)[1]
    asked = np.repeat(np.arange(len(queries)), wanted)
    squared = squared_distances(queries.take(asked, axis=0), table.take(found.ravel(), axis=0)).reshape(found.shape)
    unsure = np.zeros(len(queries), dtype=bool)
    if own is not None:
        itself = found == own[:, None]
        squared[itself] = np.inf
        unsure |= ~itself.any(axis=1)
    order = np.lexsort((found, squared), axis=1)
    squared, found = np.take_along_axis(squared, order, axis=1), np.take_along_axis(found, order, axis=1)
    if wanted < rows.n_rows:
        unsure |= squared[:, k] <= squared[:, k - 1] * (1.0 + _ALIKE)
    top = TopK(queries, k, own=own)
    top.squared[:], top.ids[:] = squared[:, :k], found[:, :k]
    return top, np.flatnonzero(unsure)
