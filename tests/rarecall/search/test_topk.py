import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rarecall.search.topk import TopK


def _all_squared(queries, rows):
    """The definition, written slowly: squared differences over shared columns, scaled up to all of them."""
    squared, shared = np.zeros((len(queries), len(rows))), np.zeros((len(queries), len(rows)))
    for at in range(queries.shape[1]):
        way = (queries[:, at, None].astype(float) - rows[None, :, at]) ** 2
        squared += np.nan_to_num(way)
        shared += ~np.isnan(way)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(shared > 0, squared * queries.shape[1] / shared, np.inf)


def _nearest(squared, k):
    """Distances then row numbers, so that ties go to the lower number."""
    order = np.lexsort((np.broadcast_to(np.arange(squared.shape[1]), squared.shape), squared), axis=1)[:, :k]
    return order, np.take_along_axis(squared, order, axis=1)


_values = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e4, 1e4, width=32), st.just(float("nan")))
_tables = st.tuples(st.integers(7, 40), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=_values)
)


@settings(max_examples=80, deadline=None)
@given(X=_tables, cut=st.integers(1, 40), narrow=st.booleans(), k=st.integers(1, 5))
def test_blocks_and_bounds_never_change_the_neighbours(X, cut, narrow, k):
    """Whatever the table, its duplicates, its gaps and its blocks: the rows found are those of the definition."""
    own = np.arange(len(X))
    top = TopK(X, k, own=own, center=np.nan_to_num(X).mean(axis=0))
    if narrow:
        top.narrow(top.lift_for(X[::2]).tile(X[::2], np.arange(len(X))[::2]))
    for start in range(0, len(X), cut):
        top.scan(X[start : start + cut], own[start : start + cut])
    squared = _all_squared(X, X)
    squared[own, own] = np.nan  # sorts last
    order, expected = _nearest(squared, k)
    np.testing.assert_allclose(top.squared, expected, rtol=1e-12)
    np.testing.assert_array_equal(top.ids, order)


def test_values_far_from_zero_keep_their_neighbours():
    """A float32 product alone would drown differences of 0.01 at 100,000; the second measurement does not."""
    rng = np.random.default_rng(0)
    X = 1e5 + rng.normal(size=(500, 3))
    top = TopK(X[:50], 4, own=np.arange(50))
    top.scan(X, np.arange(500))
    squared = _all_squared(X[:50], X)
    squared[np.arange(50), np.arange(50)] = np.inf
    np.testing.assert_array_equal(top.ids, _nearest(squared, 4)[0])


def test_fewer_rows_than_k_leaves_places_empty():
    top = TopK(np.zeros((1, 2)), 3)
    top.scan(np.ones((2, 2)), np.array([5, 9]))
    assert top.ids.tolist() == [[5, 9, -1]]
    assert top.squared.tolist() == [[2.0, 2.0, np.inf]]
