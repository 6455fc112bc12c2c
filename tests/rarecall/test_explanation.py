"""What a model uses is found and what it does not use is not, whatever the share of the rare class."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from rarecall.errors import DataError
from rarecall.explanation import ROWS, columns_of, confusion, importance
from rarecall.sections import Training
from rarecall.training import estimator, fit

KINDS = {"job": "categorical", "amount": "numeric", "noise": "numeric"}


def table(n, share=0.2, seed=0):
    """Rows whose job tells the class best, amount a little, and noise nothing; a tenth of the cells are missing."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < share
    job = np.where(y, rng.choice(["miner", "pilot", "nurse"], n), rng.choice(["nurse", "clerk"], n)).astype(object)
    rows = pd.DataFrame({"job": job, "amount": rng.normal(1.2 * y), "noise": rng.normal(size=n)})
    rows.loc[rng.random(n) < 0.1, "job"] = None
    rows.loc[rng.random(n) < 0.1, "amount"] = np.nan
    return rows, y


def learned(learner="hist_gradient_boosting", **parameters):
    rows, y = table(3000)
    return fit(estimator(Training(learner=learner, parameters=parameters), KINDS, seed=0), rows, y.astype("int8"))


@pytest.fixture(scope="module")
def boosted():
    return learned(max_iter=30)


def test_columns_stand_in_the_order_of_what_they_carry(boosted):
    found = importance(boosted, *table(2000, seed=1))
    assert [one["name"] for one in found["features"]] == ["job", "amount", "noise"]
    assert [one["low"] > 0 for one in found["features"]] == [True, True, False]
    assert all(one["low"] <= one["importance"] <= one["high"] for one in found["features"])
    assert (found["rows"], found["parts"], found["repeats"]) == (2000, 5, 4)


def test_the_same_rows_give_the_same_figures(boosted):
    rows = table(600, seed=2)
    assert importance(boosted, *rows, random_state=3) == importance(boosted, *rows, random_state=3)


def test_a_sample_has_every_positive_and_stands_for_all_rows(boosted):
    """Of 20,000 rows 3,000 are read; their weighted average precision is near that of all."""
    from sklearn.metrics import average_precision_score

    rows, y = table(20_000, share=0.01, seed=4)
    found = importance(boosted, rows, y)
    assert (found["rows"], found["positives"]) == (ROWS, int(y.sum()))
    assert found["score"] == pytest.approx(average_precision_score(y, boosted.predict_proba(rows)[:, 1]), abs=0.03)


def test_what_is_not_used_is_rarely_said_to_be():
    """Over 8 tables the interval of a column of noise lies above 0 in at most 1: it holds 95%, two-sided."""
    rows, y = numbers(2000, 0)
    model, above = LogisticRegression().fit(rows, y), 0
    for seed in range(1, 9):
        found = importance(model, *numbers(300, seed))["features"]
        assert [one["name"] for one in found] == ["amount", "noise"]
        above += found[1]["low"] > 0
    assert above <= 1


def numbers(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.2
    return pd.DataFrame({"amount": rng.normal(1.2 * y), "noise": rng.normal(size=n)}), y


@pytest.mark.parametrize("positives", [0, 5, 11])
def test_few_positives_tell_nothing(boosted, positives):
    rows, _ = table(200)
    found = importance(boosted, rows, np.arange(200) < positives)
    assert (found["features"], found["score"], found["positives"]) == (None, None, positives)


def test_labels_of_other_rows_are_refused(boosted):
    with pytest.raises(DataError, match="expected a label for each of the 200 rows"):
        importance(boosted, table(200)[0], np.ones(3))


def test_every_row_is_counted_once():
    rng = np.random.default_rng(0)
    y, flagged = rng.random((2, 500)) < 0.4
    cohorts = pd.DataFrame({"region": rng.choice(["north", "south", "moon"], 500)})
    found = confusion(y, flagged, cohorts)
    assert found["overall"] == {
        "tp": int((y & flagged).sum()), "fp": int((~y & flagged).sum()),
        "fn": int((y & ~flagged).sum()), "tn": int((~y & ~flagged).sum()),
    }  # fmt: skip
    summed = pd.DataFrame(found["by_cohort"]["region"].values()).sum().to_dict()
    assert summed == found["overall"]


def test_encoded_columns_are_found_without_their_names():
    rows, _ = table(500)
    forest = learned("random_forest", n_estimators=5)
    job, amount, noise = columns_of(forest["columns"].transform, rows, list(KINDS))
    assert len(job) >= 4, "a column a job, and one for missing"
    assert (len(amount), len(noise)) == (2, 1), "with an indicator where a cell was missing"
    assert len({*job, *amount, *noise}) == len(job) + 3
