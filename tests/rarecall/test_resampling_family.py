import imblearn.over_sampling
import imblearn.under_sampling
import numpy as np
import pytest
from sklearn.datasets import make_classification

from rarecall.lineage import rebuild
from rarecall.neighbors import FaissNeighbors
from rarecall.resampling import SAMPLERS

_TRACED = ["borderline_smote", "random_over", "smote", "svm_smote"]


@pytest.fixture(scope="module")
def table():
    return make_classification(600, 6, weights=[0.85], flip_y=0.1, random_state=0)


def _built(sampler_class):
    sampler = sampler_class()
    return sampler.set_params(random_state=0) if "random_state" in sampler.get_params() else sampler


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"adasyn", "smote_nc"}))
def test_each_sampler_makes_what_imbalanced_learns_own_does(table, name):
    """Only the search is swapped, and on these rows it is exact."""
    X, y = table
    own = next(kind for kind in SAMPLERS[name].__mro__ if kind.__module__.startswith("imblearn"))
    for left, right in zip(_built(SAMPLERS[name]).fit_resample(X, y), _built(own).fit_resample(X, y), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", _TRACED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_traced_samplers_are_rebuilt_bit_for_bit(table, name, dtype):
    X, y = table[0].astype(dtype), table[1]
    sampler = _built(SAMPLERS[name])
    drawn = sampler.fit_resample(X, y)[0][len(X) :]
    assert rebuild(sampler.lineage_, X).tobytes() == drawn.tobytes()
    assert (y[sampler.lineage_["parent_id"].to_numpy()] == sampler.lineage_["class"].to_numpy()).all()


def test_lineage_is_withheld_where_it_would_be_wrong(table):
    X, y = table
    for sampler in (SAMPLERS["borderline_smote"](kind="borderline-2"), SAMPLERS["random_over"](shrinkage=1.0)):
        sampler.fit_resample(X, y)
        assert not hasattr(sampler, "lineage_")


def test_smote_nc_searches_with_ours(table):
    X, y = table
    X = np.column_stack([X, np.random.default_rng(0).integers(0, 3, len(y))])
    sampler = SAMPLERS["smote_nc"](categorical_features=[6], random_state=0)
    X_res, _ = sampler.fit_resample(X, y)
    assert isinstance(sampler.nn_k_, FaissNeighbors)
    usual = imblearn.over_sampling.SMOTENC(categorical_features=[6], random_state=0).fit_resample(X, y)[0]
    assert X_res.shape == usual.shape
    assert set(X_res[:, 6]) <= {0, 1, 2}
