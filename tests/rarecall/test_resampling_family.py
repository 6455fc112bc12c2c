from functools import partial

import imblearn.over_sampling
import imblearn.under_sampling
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import make_classification

from rarecall.lineage import descendants, rebuild
from rarecall.neighbors import FaissNeighbors
from rarecall.resampling import SAMPLERS

_TRACED = {
    "borderline_smote": SAMPLERS["borderline_smote"],
    "borderline_smote, kind 2": partial(SAMPLERS["borderline_smote"], kind="borderline-2"),
    "random_over": SAMPLERS["random_over"],
    "smote": SAMPLERS["smote"],
    "svm_smote": SAMPLERS["svm_smote"],
}


@pytest.fixture(scope="module")
def table():
    return make_classification(600, 6, weights=[0.85], flip_y=0.1, random_state=0)


def _built(sampler_class):
    sampler = sampler_class()
    return sampler.set_params(random_state=0) if "random_state" in sampler.get_params() else sampler


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"adasyn", "smote_nc"}))
def test_each_sampler_makes_what_imbalanced_learns_own_does(table, name):
    """Only the search is swapped, and on these rows it is exact; what the lineage keeps takes no random number."""
    X, y = table
    own = next(kind for kind in SAMPLERS[name].__mro__ if kind.__module__.startswith("imblearn"))
    for left, right in zip(_built(SAMPLERS[name]).fit_resample(X, y), _built(own).fit_resample(X, y), strict=True):
        np.testing.assert_array_equal(left, right)


def _drawn(sampler, X, y):
    drawn = sampler.fit_resample(X, y)[0][len(y) :]
    assert (y[sampler.lineage_["parent_id"].to_numpy()] == sampler.lineage_["class"].to_numpy()).all()
    return drawn


@pytest.mark.parametrize("name", _TRACED)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_traced_samplers_are_rebuilt_bit_for_bit(table, name, kind):
    X, y = (10 * table[0]).astype(kind), table[1]
    drawn = _drawn(sampler := _TRACED[name](random_state=0), X, y)
    assert rebuild(sampler.lineage_, X).tobytes() == drawn.tobytes()


@pytest.mark.parametrize("name", sorted(set(_TRACED) - {"borderline_smote, kind 2"}))
def test_whole_numbers_are_rebuilt_as_imbalanced_learn_cuts_them_off(table, name):
    """Kind 2 is not among them: imbalanced-learn fails on whole numbers there."""
    X = (10 * table[0]).astype(np.int16)
    drawn = _drawn(sampler := _TRACED[name](random_state=0), X, table[1])
    assert rebuild(sampler.lineage_, X).tobytes() == drawn.tobytes()


@pytest.mark.parametrize("name", _TRACED)
def test_a_frame_of_several_types_is_rebuilt(table, name):
    """imbalanced-learn draws it in float64 and cuts whole numbers off."""
    X = pd.DataFrame(10 * table[0]).rename(columns=str).astype({"0": np.int32, "1": np.float32})
    drawn = _drawn(sampler := _TRACED[name](random_state=0), X, table[1])
    pd.testing.assert_frame_equal(rebuild(sampler.lineage_, X), drawn.reset_index(drop=True), check_exact=True)


@pytest.mark.parametrize("name", _TRACED)
def test_a_sparse_array_is_rebuilt(table, name):
    X = sparse.csr_array(np.where(table[0] > 0, table[0], 0.0))
    drawn = _drawn(sampler := _TRACED[name](random_state=0), X, table[1])
    again = rebuild(sampler.lineage_, X)
    assert again.toarray().tobytes() == drawn.toarray().tobytes()


@pytest.mark.parametrize("random_state", [3, None, "stream"])
def test_borderline_2_draws_what_it_would_have_drawn(table, random_state):
    """What is kept of its random numbers is drawn beforehand and put back, whatever they come from."""
    answers = []
    for sampler in (SAMPLERS["borderline_smote"], imblearn.over_sampling.BorderlineSMOTE):
        np.random.seed(5)  # noqa: NPY002 - a random_state of None means this stream
        state = np.random.RandomState(3) if random_state == "stream" else random_state
        answers.append(sampler(kind="borderline-2", random_state=state).fit_resample(*table)[0])
    np.testing.assert_array_equal(*answers)


def test_shrunk_rows_have_no_lineage(table):
    """Random oversampling then adds noise that nothing remembers."""
    sampler = SAMPLERS["random_over"](shrinkage=1.0)
    sampler.fit_resample(*table)
    assert not hasattr(sampler, "lineage_")


@pytest.mark.parametrize(
    "name", ["edited_nearest_neighbours", "near_miss", "random_over", "random_under", "tomek_links"]
)
def test_rows_that_stay_are_named(table, name):
    X, y = table
    sampler = _built(SAMPLERS[name])
    X_res, y_res = sampler.fit_resample(X, y)
    np.testing.assert_array_equal(X[sampler.sample_indices_], X_res)
    np.testing.assert_array_equal(y[sampler.sample_indices_], y_res)


@pytest.fixture
def mixed(table):
    """Numbers of three types, and categories of two."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(10 * table[0][:, :3], columns=list("abc")).astype({"a": np.int32, "b": np.float32})
    X["job"] = pd.Categorical(rng.choice(["x", "y", "z"], len(X)))
    return X.assign(town=rng.choice(["p", "q"], len(X)))


@pytest.mark.parametrize("constant", [False, True])
def test_smote_nc_is_rebuilt_with_the_categories_that_won(table, mixed, constant):
    """Also where all numbers of the class are alike, so that imbalanced-learn takes the categories from elsewhere."""
    X = mixed.assign(a=1, b=np.float32(1), c=1.0) if constant else mixed
    sampler = SAMPLERS["smote_nc"](categorical_features=["job", "town"], random_state=0)
    drawn = sampler.fit_resample(X, table[1])[0].iloc[len(X) :].reset_index(drop=True)
    pd.testing.assert_frame_equal(rebuild(sampler.lineage_, X), drawn, check_exact=True)
    few = sampler.lineage_.take([30, 2])
    pd.testing.assert_frame_equal(rebuild(few, X), drawn.iloc[[30, 2]].reset_index(drop=True), check_exact=True)


def test_a_voters_descendants_are_found(table, mixed):
    sampler = SAMPLERS["smote_nc"](categorical_features=["job", "town"], random_state=0)
    sampler.fit_resample(mixed, table[1])
    voter = sampler.lineage_["voter_ids"][0].as_py()[-1]
    assert 0 in descendants(sampler.lineage_, [voter])["index"].to_pylist()


def test_copies_of_a_table_of_text_are_rebuilt(table, mixed):
    sampler = SAMPLERS["random_over"](random_state=0)
    drawn = sampler.fit_resample(mixed, table[1])[0].iloc[len(mixed) :].reset_index(drop=True)
    pd.testing.assert_frame_equal(rebuild(sampler.lineage_, mixed), drawn)


def test_smote_nc_searches_with_ours(table):
    X, y = table
    X = np.column_stack([X, np.random.default_rng(0).integers(0, 3, len(y))])
    sampler = SAMPLERS["smote_nc"](categorical_features=[6], random_state=0)
    X_res, _ = sampler.fit_resample(X, y)
    assert isinstance(sampler.nn_k_, FaissNeighbors)
    usual = imblearn.over_sampling.SMOTENC(categorical_features=[6], random_state=0).fit_resample(X, y)[0]
    assert X_res.shape == usual.shape
    assert set(X_res[:, 6]) <= {0, 1, 2}
