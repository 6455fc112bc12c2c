"""The copula: a class's own columns, and how they go together; no parents, and the same rows from the same seed."""

import numpy as np
import pandas as pd
import pytest
from imblearn.utils.estimator_checks import check_param_validation
from scipy import sparse, stats

from rarecall.resampling.gaussian_copula import GaussianCopula
from rarecall.resampling.generated import TAUGHT, digest_of
from rarecall.resampling.refusal import SamplingError


@pytest.fixture(scope="module")
def table():
    """300 rows of the rare class among 900, of which a tenth lacks a number."""
    rng = np.random.default_rng(0)
    n, y = 900, np.repeat([0, 1], [600, 300])
    amount = rng.exponential(50, n) + 100 * y
    frame = pd.DataFrame(
        {
            "amount": amount,
            "gain": np.where(rng.uniform(size=n) < 0.7, 0.0, rng.uniform(1, 9, n)),
            "items": np.floor(amount / 20 + rng.uniform(0, 2, n)),
            "town": np.where(y == 1, rng.choice(["york", "bath"], n, p=[0.8, 0.2]), "hull"),
            "tall": np.where(amount > np.median(amount[y == 1]), "yes", "no"),
        }
    )
    frame.loc[::10, "gain"] = np.nan
    return frame, y


def drawn(X, y, many=3000, **how):
    sampler = GaussianCopula(**({"sampling_strategy": {1: many + int((y == 1).sum())}, "random_state": 0} | how))
    rows, labels = sampler.fit_resample(X, y)
    assert (labels[len(X) :] == 1).all()
    return sampler, rows.iloc[len(X) :].reset_index(drop=True)


def test_each_column_is_distributed_as_in_its_class_and_not_as_in_the_other(table):
    X, y = table
    _, rows = drawn(X, y)
    for name in ("amount", "gain", "items"):
        own, other = X[name][y == 1].dropna(), X[name][y == 0].dropna()
        assert stats.ks_2samp(rows[name].dropna(), own).statistic < 0.05
        if name != "gain":
            assert stats.ks_2samp(rows[name].dropna(), other).statistic > 0.5
    assert rows["gain"].isna().mean() == pytest.approx(0.1, abs=0.03)
    assert (rows["gain"] == 0).mean() == pytest.approx((X["gain"][y == 1] == 0).mean(), abs=0.05)
    assert set(rows["town"]) == {"york", "bath"}
    assert (rows["town"] == "york").mean() == pytest.approx((X["town"][y == 1] == "york").mean(), abs=0.04)


def test_columns_go_together_as_they_do_in_the_class(table):
    X, y = table
    _, rows = drawn(X, y)
    own = X[y == 1]
    ours, real = (one["amount"].corr(one["items"], method="spearman") for one in (rows, own))
    assert real - 0.08 < ours < real, "the shrinkage takes a little of it"
    assert rows["amount"][rows["tall"] == "yes"].mean() > rows["amount"][rows["tall"] == "no"].mean() + 20


def test_no_row_has_a_parent_and_the_lineage_names_who_taught(table):
    X, y = table
    eligible = np.arange(len(y)) % 3 > 0
    sampler = GaussianCopula(random_state=0)
    sampler.fit_resample(X, y, ids=np.arange(len(y)) + 5000, eligible=eligible)
    lineage = sampler.lineage_
    assert lineage["parent_id"].null_count == lineage["neighbor_id"].null_count == lineage.num_rows == 300
    taught = np.flatnonzero((y == 1) & eligible)
    assert lineage.schema.metadata[TAUGHT].decode() == sampler.facts_["taught"] == digest_of(X.iloc[taught])
    from rarecall.resampling.crowd import Crowd

    assert Crowd.of(lineage).ids == tuple((taught + 5000).tolist())


def test_a_suspect_row_teaches_nothing(table):
    X, y = table
    odd = X.copy()
    odd.loc[y == 1, "amount"] = np.where(np.arange((y == 1).sum()) < 5, 1e6, odd["amount"][y == 1])
    eligible = odd["amount"].to_numpy() < 1e6
    sampler = GaussianCopula(random_state=0)
    rows, _ = sampler.fit_resample(odd, y, eligible=eligible)
    assert rows["amount"][900:].max() < 1000


def test_the_same_seed_gives_the_same_rows_however_many_are_asked_for(table):
    _, few = drawn(*table, many=50)
    _, many = drawn(*table, many=200)
    pd.testing.assert_frame_equal(few, many.head(50))
    assert not drawn(*table, many=50, random_state=1)[1].equals(few)


def test_steps_bounds_and_rules_hold(table):
    sampler, rows = drawn(
        *table, steps={"items": 1}, bounds={"amount": (120, None)}, rules={"not both": "amount < 150 or items > 6"}
    )
    assert (rows["items"] % 1 == 0).all()
    assert rows["amount"].min() == 120
    assert ((rows["amount"] < 150) | (rows["items"] > 6)).all()
    assert sampler.facts_["rejected"]["not both"] > 0


def test_a_rule_that_no_row_can_keep_leaves_them_out_and_says_so(table):
    with pytest.warns(UserWarning, match="50 of 50 rows still broke a rule after 2 redraws: left out"):
        sampler, rows = drawn(*table, many=50, rules={"never": "amount < 0"}, max_redraws=2)
    assert (len(rows), sampler.lineage_.num_rows) == (0, 0)


def test_few_rows_of_many_columns_are_enough():
    """Twelve rows of 30 columns have no correlation that could be inverted; shrunk, it can be drawn from."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(100, 30)), np.repeat([0, 1], [88, 12])
    sampler = GaussianCopula(random_state=0)
    rows, _ = sampler.fit_resample(X, y)
    assert rows.shape == (176, 30)
    assert np.isfinite(rows).all()
    assert len(np.unique(rows[100:], axis=0)) == 76


def test_whole_numbers_constants_and_booleans_keep_their_types():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"n": rng.integers(0, 99, 60), "same": 7, "on": rng.uniform(size=60) < 0.5, "none": np.nan})
    rows, _ = GaussianCopula(random_state=0).fit_resample(
        X.assign(town=pd.Categorical(["york"] * 60)), [0] * 45 + [1] * 15
    )
    assert rows.dtypes.astype(str).to_dict() == {
        "n": "int64", "same": "int64", "on": "bool", "none": "float64", "town": "category",
    }  # fmt: skip
    assert set(rows["same"]) == {7}
    assert rows["none"].isna().all()


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (sparse.csr_array(np.eye(6)), [0, 0, 0, 0, 1, 1], "got a sparse matrix"),
        (np.eye(6), [0, 0, 0, 0, 0, 1], "expected at least 2 eligible rows of class 1 to learn from, got 1"),
    ],
)
def test_what_it_cannot_learn_from_is_refused(X, y, said):
    with pytest.raises(SamplingError, match=said):
        GaussianCopula().fit_resample(X, y)


def test_every_parameter_is_checked():
    check_param_validation("GaussianCopula", GaussianCopula())
    assert set(GaussianCopula._parameter_constraints) == set(GaussianCopula().get_params())
