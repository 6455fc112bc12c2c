import numpy as np
import pandas as pd
import pytest

from rarecall.errors import DataError
from rarecall.lineage import rebuild
from rarecall.resampling import ADASYN
from rarecall.resampling.rules import Rules


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 10, 500)
    frame = pd.DataFrame({"start": start, "end": start + rng.normal(1, 1, 500), "amount": rng.normal(1, 1, 500)})
    return frame, (rng.random(500) < 0.2).astype(int)


def test_every_drawn_row_satisfies_the_rules_and_refusals_are_counted(table):
    X, y = table
    sampler = ADASYN(random_state=0, rules=["amount > 0", "end >= start"], max_redraws=200)
    X_res, _ = sampler.fit_resample(X, y)
    drawn = X_res.iloc[len(X) :]
    assert (drawn["amount"] > 0).all()
    assert (drawn["end"] >= drawn["start"]).all()
    assert min(sampler.plan_.rejected.values()) > 0
    assert sampler.lineage_["attempt"].to_numpy().max() > 0
    assert len(drawn) == sampler.lineage_.num_rows


def test_a_row_drawn_again_is_rebuilt_as_it_is(table):
    X, y = table
    sampler = ADASYN(random_state=0, rules={"paid": lambda rows: rows["amount"] > -0.5}, max_redraws=500)
    X_res, _ = sampler.fit_resample(X, y)
    pd.testing.assert_frame_equal(rebuild(sampler.lineage_, X), X_res.iloc[len(X) :].reset_index(drop=True))


def test_a_row_that_keeps_breaking_a_rule_is_left_out_and_said(table):
    X, y = table
    sampler = ADASYN(random_state=0, rules=["amount > 0"], max_redraws=0)
    with pytest.warns(UserWarning, match="still broke a rule after 0 redraws: left out"):
        X_res, y_res = sampler.fit_resample(X, y)
    assert len(X_res) == len(y_res) == len(X) + sampler.lineage_.num_rows
    assert sampler.plan_.n_synthetic - sampler.lineage_.num_rows == sampler.plan_.rejected["amount > 0"]
    assert "left out" in sampler.plan_.notes[-1]


def test_a_missing_value_breaks_no_expression():
    assert Rules(["a > 0"]).passed(pd.DataFrame({"a": [np.nan, 1.0, -1.0]})).tolist() == [True, True, False]


def test_wrong_rules_are_refused_in_a_sentence():
    with pytest.raises(DataError, match="could not be evaluated"):
        Rules(["no_such > 0"]).passed(pd.DataFrame({"a": [1]}))
    with pytest.raises(DataError, match="one true or false a row"):
        Rules({"all": lambda rows: True}).passed(pd.DataFrame({"a": [1]}))
    with pytest.raises(DataError, match="named columns"):
        Rules(["a > 0"]).passed(np.ones((2, 1)))
