"""SHAP values add up to the score, whichever way they are found; where shap is not installed, the extra is named."""

import sys

import numpy as np
import pandas as pd
import pytest

from rarecall import shapley as module
from rarecall.errors import DataError
from rarecall.sections import Training
from rarecall.shapley import shapley
from rarecall.training import estimator, fit

KINDS = {"job": "categorical", "amount": "numeric", "noise": "numeric"}
SMALL = {
    "hist_gradient_boosting": {"max_iter": 20},
    "random_forest": {"n_estimators": 10, "n_jobs": 1},
    "logistic_regression": {},
}


def table(n):
    rng = np.random.default_rng(0)
    y = rng.random(n) < 0.3
    job = np.where(y, rng.choice(["miner", "pilot"], n), rng.choice(["nurse", "clerk"], n)).astype(object)
    rows = pd.DataFrame({"job": job, "amount": rng.normal(1.5 * y), "noise": rng.normal(size=n)})
    rows.loc[rng.random(n) < 0.1, "amount"] = np.nan
    return rows, y.astype("int8")


def fitted(learner, kinds):
    rows, y = table(800)
    training = Training(learner=learner, parameters=SMALL[learner])
    return fit(estimator(training, kinds, seed=0), rows[list(kinds)], y), rows[list(kinds)]


def test_trees_are_read_where_they_add_up():
    found = shapley(*fitted("random_forest", KINDS))
    assert (found["explainer"], found["unit"], found["rows"]) == ("tree", "score", 800)
    assert [one["name"] for one in found["features"]] == ["job", "amount", "noise"]
    assert all(0 <= one["low"] < one["mean"] < one["high"] for one in found["features"])


def test_boosting_is_read_where_no_column_is_a_category():
    numbers = {name: kind for name, kind in KINDS.items() if kind == "numeric"}
    found = shapley(*fitted("hist_gradient_boosting", numbers))
    assert (found["explainer"], [one["name"] for one in found["features"]]) == ("tree", ["amount", "noise"])


def test_trees_that_do_not_add_up_are_not_believed():
    """Boosting with categories: shap gives values all the same, and they are far from the score."""
    shap, (pipeline, rows) = module._shap(), fitted("hist_gradient_boosting", KINDS)
    seen = pipeline[:-1].transform(rows)
    trees = shap.TreeExplainer(pipeline[-1])
    summed = trees.shap_values(seen, check_additivity=False).sum(axis=1) + trees.expected_value
    assert np.abs(summed - pipeline[-1].decision_function(seen)).max() > 1
    assert module._of_trees(shap, pipeline[-1], seen) is None


@pytest.mark.thorough
@pytest.mark.parametrize("learner", ["hist_gradient_boosting", "logistic_regression"])
def test_what_cannot_be_read_is_asked_and_adds_up(learner):
    """Marked for what shap compiles when it first asks: some 15 seconds."""
    shap, (pipeline, rows) = module._shap(), fitted(learner, KINDS)
    found = shapley(pipeline, rows)
    assert (found["explainer"], found["unit"], found["rows"]) == ("permutation", "probability", 60)
    assert [one["name"] for one in found["features"]] == ["job", "amount", "noise"]
    seen = np.asarray(pipeline[:-1].transform(rows), dtype=float)
    values = module._asked(shap, pipeline[-1], seen[:10], seen[-20:], 0)
    rare = pipeline[-1].predict_proba(seen)[:, 1]
    assert values.sum(axis=1) + rare[-20:].mean() == pytest.approx(rare[:10])


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"shap is not installed; install it with: pip install 'rarecall\[explain\]'"):
        shapley(*fitted("logistic_regression", KINDS))
