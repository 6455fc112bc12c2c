"""Trees in few columns: the very neighbours that all pairs give, ties and duplicates included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from rarecall import neighbors
from rarecall.neighbors import FaissNeighbors

_TABLES = arrays.arrays(
    st.sampled_from([np.float32, np.float64]),
    st.tuples(st.integers(8, 40), st.integers(1, 4)),
    elements=st.integers(-2, 2).map(float) | st.floats(-1e3, 1e3, width=32),
)


def of(X, *, tree, asked=None, **kwargs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbors, "TREE_COLUMNS", 6 if tree else 0)
        nn = FaissNeighbors(**kwargs).fit(X)
        found = nn.neighbors_of(np.arange(X.shape[0])) if asked is None else nn.kneighbors(asked)
    assert (nn.method_ == "tree") == tree
    return found


def same(one, other):
    return np.array_equal(one[1], other[1]) and np.array_equal(one[0], other[0], equal_nan=True)


@given(X=_TABLES, k=st.integers(1, 7))
def test_a_tree_changes_no_neighbour(X, k):
    assert same(of(X, tree=True, n_neighbors=k), of(X, tree=False, n_neighbors=k))


@given(X=_TABLES, k=st.integers(1, 8))
def test_nor_for_queries_from_elsewhere(X, k):
    asked = X[::2] + np.float32(0.5)
    assert same(of(X, tree=True, asked=asked, n_neighbors=k), of(X, tree=False, asked=asked, n_neighbors=k))


@pytest.mark.parametrize("mode", ["auto", "exact"])
def test_whole_numbers_with_nothing_but_ties(mode):
    X = np.random.default_rng(0).integers(0, 5, size=(3000, 2)).astype(float)
    assert same(of(X, tree=True, mode=mode), of(X, tree=False, mode=mode))


def test_threads_do_not_change_them():
    X = np.random.default_rng(0).normal(size=(5000, 3))
    assert same(of(X, tree=True, n_jobs=1), of(X, tree=True, n_jobs=3))


def test_sparse_rows_fit_a_tree_too():
    X = np.random.default_rng(0).poisson(0.5, size=(300, 4)).astype(float)
    assert same(of(sparse.csr_array(X), tree=True), of(X, tree=True))


@pytest.mark.parametrize("which", ["rows", "queries"])
def test_gaps_fit_no_tree(which):
    X = np.random.default_rng(0).normal(size=(50, 3))
    asked = X[:5].copy()
    (X if which == "rows" else asked)[2, 1] = np.nan
    nn = FaissNeighbors().fit(X)
    nn.kneighbors(asked)
    assert nn.method_ == "exact"


def test_many_columns_fit_no_tree():
    nn = FaissNeighbors().fit(np.eye(20))
    nn.kneighbors()
    assert nn.method_ == "exact"
