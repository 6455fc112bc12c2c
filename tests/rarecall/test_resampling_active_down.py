"""Active down-sampling: the contract first, then what is kept, and why."""

import numpy as np
import pandas as pd
import pytest
from imblearn.utils.estimator_checks import check_param_validation
from imblearn.utils.estimator_checks import parametrize_with_checks as imblearn_checks
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks as sklearn_checks

from rarecall.resampling.active_down import ActiveDownSampler

QUICK = ActiveDownSampler(random_state=42, estimator=RandomForestClassifier(n_estimators=5))


@pytest.mark.parametrize(("estimator", "check"), list(imblearn_checks([QUICK]).args[1]))
def test_imbalanced_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "check"), list(sklearn_checks([QUICK]).args[1]))
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


def test_every_parameter_is_checked():
    check_param_validation("ActiveDownSampler", ActiveDownSampler())
    assert set(ActiveDownSampler._parameter_constraints) == set(ActiveDownSampler().get_params())


@pytest.fixture(scope="module")
def table():
    return make_classification(600, 4, weights=[0.9], flip_y=0.02, class_sep=1.5, random_state=0)


def kept(X, y, **how):
    sampler = ActiveDownSampler(**({"random_state": 0, "estimator": LogisticRegression()} | how))
    return sampler, *sampler.fit_resample(X, y)


def test_the_rows_kept_are_the_tables_own_in_their_order(table):
    X, y = table
    sampler, X_res, y_res = kept(X, y)
    at = sampler.sample_indices_
    assert (np.diff(at) > 0).all()
    assert (X[at] == X_res).all()
    assert (y[at] == y_res).all()
    assert (y_res == 0).sum() == (y_res == 1).sum() == (y == 1).sum()


def test_every_round_keeps_its_share(table):
    sampler, _, _ = kept(*table, sampling_strategy={0: 103}, n_rounds=4)
    assert np.bincount(sampler.rounds_).tolist() == [(table[1] == 1).sum(), 26, 26, 26, 25]


def test_one_round_is_random_under_sampling(table):
    """Then no learner is needed, and none is taught."""

    class Never(LogisticRegression):
        def fit(self, *args, **kwargs):
            raise AssertionError

    sampler, _, _ = kept(*table, n_rounds=1, estimator=Never())
    assert set(sampler.rounds_) == {0, 1}


def test_what_is_kept_lies_nearer_to_the_border_than_what_is_drawn_at_random(table):
    X, y = table
    border = LogisticRegression().fit(X, y).decision_function
    sampler, X_res, _ = kept(X, y, density=0)
    drawn, chosen = (np.abs(border(X_res[rows])).mean() for rows in (sampler.rounds_ == 1, sampler.rounds_ > 1))
    assert chosen < 0.8 * drawn


def test_of_rows_as_uncertain_the_crowd_is_kept_and_not_the_strays():
    """Nothing can be told from these features, so every row is as uncertain as any other."""
    crowd, strays = np.linspace(0, 1, 60), np.array([50.0, 90.0, 170.0, 300.0])
    X = np.concatenate([crowd, strays, crowd[::4]])[:, None]
    y = np.repeat([0, 1], [64, 15])
    sampler, _, _ = kept(X, y, n_rounds=15, estimator=LogisticRegression(C=1e-9))
    late = sampler.sample_indices_[sampler.rounds_ > 1]
    assert not set(range(60, 64)) & set(late)


def test_rows_that_are_alike_are_kept_once(table):
    """A copy of each row of the common class tells nothing more: of a pair one is kept, before any second one."""
    X, y = table
    common = X[y == 0]
    sampler, _, _ = kept(np.vstack([X, common]), np.append(y, np.zeros(len(common))), n_rounds=10)
    first = np.flatnonzero(y == 0)
    origin = {int(at): int(at) for at in first} | {len(y) + place: int(at) for place, at in enumerate(first)}
    early, late = (
        [origin[at] for at in sampler.sample_indices_[chosen]] for chosen in (sampler.rounds_ == 1, sampler.rounds_ > 1)
    )
    assert len(set(late)) == len(late) > 0
    assert not set(late) & set(early)


def test_text_and_missing_numbers_are_taken(table):
    X, y = table
    frame = pd.DataFrame(X, columns=list("abcd")).assign(job=np.where(X[:, 0] > 0, "nurse", "clerk"))
    frame.loc[::7, "a"] = np.nan
    sampler = ActiveDownSampler(random_state=0, estimator=RandomForestClassifier(n_estimators=5))
    kept_rows, y_res = sampler.fit_resample(frame, y)
    pd.testing.assert_frame_equal(kept_rows, frame.iloc[sampler.sample_indices_])
    assert (y_res == 1).sum() == (y == 1).sum()


def test_a_sparse_table_keeps_the_rows_of_a_dense_one(table):
    X, y = table
    dense, thin = (kept(one, y)[0].sample_indices_ for one in (X, sparse.csr_array(X)))
    assert (dense == thin).all()


def test_each_of_several_common_classes_is_cut():
    X, y = make_classification(500, 6, n_classes=3, n_informative=4, weights=[0.6, 0.35], random_state=0)
    _, _, y_res = kept(X, y, sampling_strategy={0: 40, 1: 50})
    assert np.bincount(y_res).tolist() == [40, 50, (y == 2).sum()]


def test_where_all_classes_are_cut_the_first_round_is_of_each(table):
    _, _, y_res = kept(*table, sampling_strategy={0: 30, 1: 20})
    assert np.bincount(y_res).tolist() == [30, 20]
