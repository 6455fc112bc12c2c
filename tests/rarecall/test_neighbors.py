import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import ADASYN, SMOTE
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.estimator_checks import parametrize_with_checks

from rarecall import neighbors
from rarecall.neighbors import FaissNeighbors
from rarecall.search import blocks


@pytest.fixture(scope="module", name="X")
def _rows():
    return make_classification(6000, 20, n_informative=10, random_state=0)[0].astype(np.float32)


@pytest.fixture(scope="module")
def truth(X):
    return NearestNeighbors(n_neighbors=6).fit(X.astype(np.float64)).kneighbors(X)


@pytest.mark.parametrize(("estimator", "check"), list(parametrize_with_checks([FaissNeighbors()]).args[1]))
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def test_exact_neighbours_are_scikit_learns(X, truth):
    distance, ids = FaissNeighbors(mode="exact").fit(X).kneighbors()
    np.testing.assert_array_equal(ids, truth[1][:, 1:])
    np.testing.assert_allclose(distance, truth[0][:, 1:], rtol=1e-5)


@pytest.mark.parametrize("min_recall", [0.8, 0.985])
def test_approximate_neighbours_reach_the_recall_asked_for(X, truth, min_recall):
    """Against all true neighbours, not only those of the queries that were judged."""
    nn = FaissNeighbors(mode="approximate", min_recall=min_recall).fit(X)
    ids = nn.kneighbors(return_distance=False)
    found = np.mean([len(np.intersect1d(a, b)) for a, b in zip(ids, truth[1][:, 1:], strict=True)]) / 5
    assert nn.method_ == "cells"
    assert found >= min_recall
    assert abs(nn.neighbor_recall_ - found) < 0.03


def test_auto_falls_back_to_exact_where_cells_do_not_help(monkeypatch):
    """Noise in many columns has no cells: more than half would have to be looked into."""
    monkeypatch.setattr(neighbors, "WORTH_CELLS", 0)
    X = np.random.default_rng(0).uniform(size=(2000, 60))
    nn = FaissNeighbors().fit(X)
    nn.kneighbors()
    assert (nn.method_, nn.neighbor_recall_) == ("exact", 1.0)


@pytest.mark.parametrize("mode", ["exact", "approximate"])
def test_threads_do_not_change_the_neighbours(X, mode):
    one, two = (FaissNeighbors(mode=mode, n_jobs=jobs).fit(X).kneighbors() for jobs in (1, 3))
    np.testing.assert_array_equal(one[1], two[1])
    np.testing.assert_array_equal(one[0], two[0])


def test_a_row_is_left_out_by_its_number_among_duplicates():
    X = np.zeros((6, 2))
    nn = FaissNeighbors(3).fit(X)
    assert nn.neighbors_of(np.array([4]))[1].tolist() == [[0, 1, 2]]
    assert nn.neighbors_of(np.array([1]))[1].tolist() == [[0, 2, 3]]


def test_the_fitted_rows_come_first_in_their_own_neighbours():
    """So `[:, 1:]`, as imbalanced-learn has it, drops the row and not a duplicate."""
    X = np.zeros((4, 2))
    assert FaissNeighbors(2).fit(X).kneighbors(X, return_distance=False)[:, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("sampler", [SMOTE, ADASYN])
def test_imbalanced_learn_draws_the_same_rows_with_it(sampler):
    X, y = make_classification(600, 8, weights=[0.85], random_state=1)
    name = "k_neighbors" if sampler is SMOTE else "n_neighbors"
    usual = sampler(random_state=0).fit_resample(X, y)
    ours = sampler(random_state=0, **{name: FaissNeighbors(6, mode="exact")}).fit_resample(X, y)
    np.testing.assert_array_equal(usual[0], ours[0])


def test_it_can_be_cloned():
    assert clone(FaissNeighbors(7, mode="exact")).get_params()["n_neighbors"] == 7


def test_the_graph_holds_the_neighbours(X):
    nn = FaissNeighbors(4, mode="exact").fit(X[:100])
    graph = nn.kneighbors_graph()
    assert graph.shape == (100, 100)
    assert (graph.sum(axis=1) == 4).all()
    assert graph.diagonal().sum() == 0
    np.testing.assert_allclose(nn.kneighbors_graph(mode="distance").data, nn.kneighbors()[0].ravel())


def test_a_parquet_folder_is_searched_exactly_in_blocks(X, truth, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 700)
    for at, start in enumerate(range(0, 6000, 2500)):
        frame = pd.DataFrame(X[start : start + 2500], columns=[f"f{i}" for i in range(20)])
        frame.to_parquet(tmp_path / f"{at}.parquet")
    ids = FaissNeighbors(6).fit(tmp_path).kneighbors(X[:300], return_distance=False)
    np.testing.assert_array_equal(ids, truth[1][:300])


def test_a_stream_has_no_rows_by_number(X):
    with pytest.raises(TypeError, match="give the queries as an array"):
        FaissNeighbors().fit([X]).neighbors_of(np.array([0]))


def test_more_neighbours_than_rows_is_refused():
    with pytest.raises(ValueError, match="n_neighbors = 4, n_samples_fit = 4"):
        FaissNeighbors(4).fit(np.zeros((4, 1))).kneighbors()


@pytest.mark.parametrize("mode", ["exact", "approximate"])
@pytest.mark.parametrize("sentinel", [1e15, 1e30, 1e200])
def test_sentinels_beyond_float32_hide_no_neighbour(mode, sentinel):
    """Markers like -999, only larger: their squares overflow, and the other rows must not be lost in them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 12))
    X[rng.random(2000) < 0.02, 3] = sentinel
    usual = np.flatnonzero(X[:, 3] < sentinel)
    truth = usual[NearestNeighbors(n_neighbors=6).fit(X[usual]).kneighbors(X[usual[:100]])[1][:, 1:]]
    ids = FaissNeighbors(mode=mode).fit(X).neighbors_of(usual[:100])[1]
    found = np.mean([len(np.intersect1d(a, b)) for a, b in zip(ids, truth, strict=True)]) / 5
    assert found == 1.0 if mode == "exact" else found >= 0.97


@pytest.mark.parametrize("unit", [1e-30, 1e-20, 3e18, 1e30])
def test_the_unit_of_a_table_does_not_matter(X, truth, unit):
    small = X[:500].astype(np.float64)
    one, other = (FaissNeighbors(mode="exact").fit(table) for table in (small, small * unit))
    np.testing.assert_array_equal(*(nn.kneighbors(return_distance=False) for nn in (one, other)))
