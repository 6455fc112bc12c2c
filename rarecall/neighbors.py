"""Nearest neighbours for samplers: exact, or approximate to a recall that is measured, always the same for a seed.

FAISS finds the cells (its k-means), `rarecall.search.cells` searches them by matrix products, SciPy's tree serves few
columns; docs/neighbors.md says why.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from numbers import Integral, Real
from typing import Any, Literal, Self

import faiss
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it ships no types

from rarecall.search.blocks import Rows, Table, as_rows
from rarecall.search.cells import Cells, all_pairs
from rarecall.search.lift import Floats, Ints, gaps_of
from rarecall.search.topk import TopK
from rarecall.search.tree import by_tree

TREE_COLUMNS = 6
"""The most columns in which a tree beats products: at 8 it takes twice as long as cells, at 2 a third."""

WORTH_THREADS = 1e7
"""Pairs from which threads pay for themselves: below, starting two takes as long as the search."""

WORTH_CELLS = 5e7
"""Pairs of query and row from which cells pay for themselves: below, all pairs take about a tenth of a second."""


class FaissNeighbors(BaseEstimator):
    """Nearest neighbours by Euclidean distance, in scikit-learn's interface.

    Hand it to any imbalanced-learn sampler as `k_neighbors=` or `n_neighbors=`. Where the rows asked about are the
    very object that was fitted, each row comes first in its own neighbours, duplicates or not, so that samplers which
    drop the first column drop the row itself. NaN is a value that is not there: distances are taken over the columns
    that both rows have and scaled up to all columns.

    The neighbours depend on the rows, the parameters and `random_state`, not on the number of threads: BLAS and
    OpenMP are held at one thread inside and the work is cut into fixed pieces. Ties go to the lower row number.

    Parameters
    ----------
    n_neighbors : int, default=5
    mode : {"auto", "exact", "approximate"}, default="auto"
        `exact` compares all pairs. `approximate` looks only into the cells nearest to each query, as many as reach
        `min_recall` on queries that are also searched exactly. `auto` is exact for small jobs, in few columns, and
        where more than half of the cells would have to be looked into.
    min_recall : float, default=0.985
        Share of the true neighbours to find.
    n_jobs : int, optional
        Threads; by default and with -1 as many as the process has cores.
    random_state : int, default=0
        Seed of the cells and of the queries that are judged.

    Attributes
    ----------
    neighbor_recall_ : float
        Share of the true neighbours found for the judged queries of the last search; 1.0 when it was exact.
    method_ : {"exact", "tree", "cells"}
        How the last search was done: `tree` is exact, by a k-d tree, up to 6 columns.
    n_samples_fit_, n_features_in_ : int

    >>> X = np.array([[0.0], [1.0], [1.0], [5.0]])
    >>> nn = FaissNeighbors(n_neighbors=2).fit(X)
    >>> nn.kneighbors(X, return_distance=False).tolist()
    [[0, 1], [1, 2], [2, 1], [3, 1]]
    >>> nn.neighbors_of(np.array([3]))[1].tolist()
    [[1, 2]]
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn reads it from the class
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "mode": [StrOptions({"auto", "exact", "approximate"})],
        "min_recall": [Interval(Real, 0, 1, closed="right")],
        "n_jobs": [None, Integral],
        "random_state": [Interval(Integral, 0, 2**31 - 1, closed="left")],
    }

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        mode: Literal["auto", "exact", "approximate"] = "auto",
        min_recall: float = 0.985,
        n_jobs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.mode = mode
        self.min_recall = min_recall
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Hold on to the rows; nothing is copied and no index is built before the queries are known.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), Rows, path, or blocks
            A path names a Parquet file or a folder of them. Blocks are a list of arrays, a function that returns an
            iterator of arrays, or an iterator, which can be searched once. Paths and blocks are searched exactly, one
            block in memory at a time.
        """
        self._validate_params()
        self._given = X
        plain = sparse.issparse(X) or hasattr(X, "__array__") or _is_nested(X)
        if plain:
            X = validate_data(
                self, X, accept_sparse="csr", dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
            )
        self.rows_: Rows = as_rows(X)
        self.n_features_in_ = self.rows_.n_columns
        self.n_samples_fit_ = self.rows_.n_rows
        return self

    def kneighbors(
        self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[Floats, Ints] | Ints:
        """Return the distances and numbers of the nearest fitted rows, nearest first.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features), optional
            By default the fitted rows, none of which is then its own neighbour.
        """
        check_is_fitted(self, "rows_")
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        if X is None or X is self._given:
            table = self._table("kneighbors of the fitted rows")
            everyone = np.arange(table.n_rows)
            if X is None:
                distance, ids = self.neighbors_of(everyone, k)
            elif k == 1:
                distance, ids = np.zeros((table.n_rows, 1)), everyone[:, None]
            else:
                distance, ids = self.neighbors_of(everyone, k - 1)
                distance = np.column_stack([np.zeros(table.n_rows), distance])
                ids = np.column_stack([everyone, ids])
        else:
            queries = as_rows(X)
            if not isinstance(queries, Table):
                raise ValueError("expected queries in memory, got a stream; search it block by block")
            distance, ids = self._search(queries.take(slice(None)), k, own=None)
        return (distance, ids) if return_distance else ids

    def neighbors_of(self, rows: Ints, n_neighbors: int | None = None) -> tuple[Floats, Ints]:
        """Return the distances and numbers of the neighbours of fitted rows; a row is left out by its number.

        Parameters
        ----------
        rows : ndarray of int of shape (n_queries,)
            Numbers of fitted rows.
        """
        check_is_fitted(self, "rows_")
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        return self._search(self._table("neighbors_of").take(rows), k, own=rows)

    def kneighbors_graph(
        self, X: Any = None, n_neighbors: int | None = None, mode: Literal["connectivity", "distance"] = "connectivity"
    ) -> Any:
        """Return the neighbours as a sparse matrix of shape (n_queries, n_samples_fit): ones, or distances."""
        distance, ids = self.kneighbors(X, n_neighbors)
        data = np.ones(ids.size) if mode == "connectivity" else distance.ravel()
        starts = np.arange(0, ids.size + 1, ids.shape[1])
        return sparse.csr_matrix((data, ids.ravel(), starts), shape=(len(ids), self.n_samples_fit_))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        return tags

    def _table(self, what: str) -> Table:
        if not isinstance(self.rows_, Table):
            raise TypeError(f"{what} needs the rows in memory, got a stream; give the queries as an array")
        return self.rows_

    def _search(self, queries: Floats, k: int, *, own: Ints | None) -> tuple[Floats, Ints]:
        if queries.ndim != 2 or queries.shape[1] != self.n_features_in_:
            raise ValueError(f"expected queries with {self.n_features_in_} features, got shape {queries.shape}")
        if self.n_samples_fit_ is not None and k > self.n_samples_fit_ - (own is not None):
            raise ValueError(
                f"Expected n_neighbors <= n_samples_fit, but n_neighbors = {k}, n_samples_fit = {self.n_samples_fit_}"
            )
        self.neighbor_recall_, self.method_ = 1.0, "exact"
        with _threads(self.n_jobs) as pool:
            if not self._fits_a_tree(queries):
                top = self._by_products(queries, k, own=own, pool=pool)
            else:
                workers = min(cores(self.n_jobs), 1 + len(queries) // 1000)
                top, unsure = by_tree(self._table("a tree"), queries, k, own=own, workers=workers)
                self.method_ = "tree"
                if len(unsure):
                    itself = None if own is None else own[unsure]
                    rest = self._by_products(queries[unsure], k, own=itself, pool=pool)
                    top.ids[unsure], top.squared[unsure] = rest.ids, rest.squared
        return np.sqrt(top.squared), top.ids

    def _by_products(self, queries: Floats, k: int, *, own: Ints | None, pool: ThreadPoolExecutor) -> TopK:
        if self._worth_cells(len(queries)):
            table = self._table("approximate search")
            cells = Cells(table, queries, _means, own=own, seed=self.random_state, pool=pool)
            cells.judge(k, min_recall=self.min_recall)
            if self.mode == "approximate" or cells.n_probes <= cells.n_cells // 2:
                self.neighbor_recall_, self.method_ = cells.recall, "cells"
                return cells.search(k)
        few = self.n_samples_fit_ is not None and len(queries) * self.n_samples_fit_ < WORTH_THREADS
        return all_pairs(self.rows_, queries, k, own=own, pool=None if few else pool)

    def _fits_a_tree(self, queries: Floats) -> bool:
        if self.mode == "approximate" or self.n_features_in_ > TREE_COLUMNS or not isinstance(self.rows_, Table):
            return False
        return not len(gaps_of(queries)) and not any(len(gaps_of(block)) for block in self.rows_.blocks())

    def _worth_cells(self, n_queries: int) -> bool:
        if self.mode == "exact" or not isinstance(self.rows_, Table) or self.rows_.n_rows < 1000:
            return False
        return self.mode == "approximate" or n_queries * self.rows_.n_rows >= WORTH_CELLS


def _is_nested(X: Any) -> bool:
    """Tell a table written as lists of numbers from a list of blocks."""
    return isinstance(X, list | tuple) and not (X and getattr(X[0], "ndim", 0) == 2)


def _means(sample: Floats, n: int, seed: int) -> Floats:
    """Return centroids by FAISS's k-means; five rounds are enough, since cells are only a guide."""
    faiss.omp_set_num_threads(1)  # of this thread, which may be one of ours
    means = faiss.Kmeans(sample.shape[1], n, niter=5, seed=seed, min_points_per_centroid=1, max_points_per_centroid=64)
    means.train(np.clip(sample, -1e15, 1e15))  # squares beyond float32 make FAISS end the whole process
    return np.asarray(means.centroids)


@cache
def _pools() -> ThreadpoolController:
    """Return the process's BLAS and OpenMP pools: finding them reads the process's memory map, 10 ms each time."""
    return ThreadpoolController()


@contextmanager
def _threads(n_jobs: int | None) -> Iterator[ThreadPoolExecutor]:
    """Yield our threads, with one thread to a product and to k-means: its sums then come in one order only."""
    with _pools().limit(limits=1), ThreadPoolExecutor(cores(n_jobs)) as pool:
        yield pool


def cores(n_jobs: int | None) -> int:
    """Return how many threads `n_jobs` stands for: by default and with -1 as many as the process has cores."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return there if n_jobs is None or n_jobs < 0 else max(1, n_jobs)
