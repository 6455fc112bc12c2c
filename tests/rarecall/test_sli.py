"""Service level indicators: scikit-learn's figures, an interval each, and None for what the rows do not define."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from rarecall.errors import DataError
from rarecall.sli import curve, measure


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    y = rng.random(4000) < 0.1
    score = rng.normal(0, 1, 4000) + 2 * y
    cohorts = pd.DataFrame({"region": rng.choice(["north", "south", "tiny"], 4000, p=[0.5, 0.49, 0.01])})
    return y, score, cohorts


def test_figures_are_scikit_learns(rows):
    y, score, _ = rows
    flagged = score >= 1.2
    sli = measure(y, score, threshold=1.2)
    expected = {
        "minority_recall": recall_score(y, flagged),
        "minority_precision": precision_score(y, flagged),
        "f1_minority": f1_score(y, flagged),
        "auc_pr": average_precision_score(y, score),
        "auc_roc": roc_auc_score(y, score),
        "accuracy": accuracy_score(y, flagged),
        "positives": int(y.sum()),
        "rows": 4000,
    }
    assert {name: sli[name] for name in expected} == pytest.approx(expected)


def test_every_figure_lies_in_its_interval(rows):
    y, score, _ = rows
    sli = measure(y, score, threshold=1.2, train=(y[:2000], score[:2000]))
    assert set(sli["intervals"]) == {
        "minority_recall",
        "minority_precision",
        "f1_minority",
        "auc_pr",
        "auc_roc",
        "train_test_gap",
        "accuracy",
    }
    for name, (low, high) in sli["intervals"].items():
        assert low < sli[name] < high, name


def test_the_gap_is_training_recall_minus_holdouts():
    y = [True] * 10
    sli = measure(y, [0.9] * 6 + [0.1] * 4, threshold=0.5, train=(y, [0.9] * 9 + [0.1]))
    assert sli["train_test_gap"] == pytest.approx(0.3)


def test_cohorts_are_measured_alone_and_judged_with_enough_positives(rows):
    y, score, cohorts = rows
    sli = measure(y, score, threshold=1.2, cohorts=cohorts, recall_floor=0.5)
    regions = sli["by_cohort"]["region"]
    assert list(regions) == ["north", "south", "tiny"]
    assert sum(value["positives"] for value in regions.values()) == sli["positives"]
    north = (cohorts["region"] == "north").to_numpy()
    assert regions["north"]["minority_recall"] == recall_score(y[north], score[north] >= 1.2)
    assert regions["north"]["minority_precision"] == precision_score(y[north], score[north] >= 1.2)
    assert regions["north"]["low"] < regions["north"]["minority_recall"] < regions["north"]["high"]
    assert regions["north"]["state"] == "good"
    assert regions["tiny"]["positives"] < 30
    assert regions["tiny"]["state"] == "not enough evidence"


@pytest.mark.parametrize(("floor", "state"), [(0.5, "good"), (0.8, "not enough evidence"), (0.95, "bad"), (None, None)])
def test_a_cohorts_state_reads_its_interval(floor, state):
    """80 of 100 found: [0.71, 0.87]."""
    cohorts = pd.DataFrame({"all": ["yes"] * 100})
    sli = measure([True] * 100, np.repeat([0.9, 0.1], [80, 20]), threshold=0.5, cohorts=cohorts, recall_floor=floor)
    assert sli["by_cohort"]["all"]["yes"]["state"] == state


def test_a_cohorts_precision_and_false_positives_are_judged_by_their_own_rows():
    """90 of 100 alarms are right; of 29 alarms nothing is said, nor of 29 negatives."""
    cohorts = pd.DataFrame({"c": np.repeat(["many", "few"], [1190, 58])})
    y = np.repeat([True, False, True, False], [90, 1100, 29, 29])
    flagged = np.repeat([1.0, 0.0, 1.0, 0.0], [100, 1090, 29, 29])
    values = measure(y, flagged, threshold=0.5, cohorts=cohorts, precision_floor=0.8)["by_cohort"]["c"]
    assert values["many"]["states"] == {"minority_precision": "good", "false_positive_rate": None}
    assert values["many"]["false_positive_rate"] == pytest.approx(10 / 1100)
    low, high = values["many"]["intervals"]["false_positive_rate"]
    assert low < 10 / 1100 < high
    assert set(values["few"]["states"].values()) == {"not enough evidence"}


def test_probabilities_have_a_calibration_error_and_other_scores_have_none(rows):
    y, score, _ = rows
    told = measure(y, 1 / (1 + np.exp(-score)), threshold=0.7)
    assert told["intervals"]["ece"][0] < told["ece"] < told["intervals"]["ece"][1]
    assert told["intervals"]["brier"][0] < told["brier"] < told["intervals"]["brier"][1]
    assert (measure(y, score, threshold=1.2)["ece"], measure(y, score, threshold=1.2)["brier"]) == (None, None)


def test_the_worst_cohort_is_named_and_one_with_few_positives_is_not(rows):
    y, score, cohorts = rows
    moved = np.where(cohorts["region"] == "south", score - 1.5, score)
    fairness = measure(y, moved, threshold=1.2, cohorts=cohorts)["fairness"]["region"]["recall"]
    assert (fairness["worst"], fairness["best"], fairness["judged"]) == ("south", "north", 2)
    assert 0 < fairness["low"] < fairness["difference"] < fairness["high"]


def test_what_the_rows_do_not_define_is_none_and_has_no_interval():
    cohorts = pd.DataFrame({"c": ["a", "b", "b"]})
    sli = measure([False] * 3, [0.1, 0.2, 0.3], threshold=0.5, cohorts=cohorts, train=([True], [0.9]))
    undefined = ["minority_recall", "minority_precision", "f1_minority", "auc_pr", "auc_roc", "train_test_gap"]
    assert [sli[name] for name in undefined] == [None] * 6
    assert list(sli["intervals"]) == ["accuracy", "ece", "brier"]
    assert sli["fairness"]["c"]["recall"]["difference"] is None
    assert sli["by_cohort"]["c"]["b"] == {
        "minority_recall": None,
        "low": None,
        "high": None,
        "minority_precision": None,
        "false_positive_rate": 0.0,
        "positives": 0,
        "rows": 2,
        "state": "not enough evidence",
        "intervals": {"false_positive_rate": pytest.approx([0.0, 0.6576], abs=1e-4)},
        "states": dict.fromkeys(["minority_precision", "false_positive_rate"], "not enough evidence"),
    }


def test_it_is_json_and_repeats(rows):
    y, score, cohorts = rows
    once, twice = (measure(y, score, threshold=1.2, cohorts=cohorts, train=(y, score)) for _ in range(2))
    assert json.loads(json.dumps(once, allow_nan=False)) == twice


def test_the_index_of_cohorts_is_not_read(rows):
    y, score, cohorts = rows
    moved = cohorts.set_index(np.arange(4000)[::-1])
    assert measure(y, score, threshold=1.2, cohorts=moved) == measure(y, score, threshold=1.2, cohorts=cohorts)


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(DataError, match="expected one score a row"):
        measure([True, False], [0.1], threshold=0.5)
    with pytest.raises(DataError, match="expected finite scores, got 1"):
        measure([True, False], [0.1, np.nan], threshold=0.5)
    with pytest.raises(DataError, match="expected a cohort for each of the 2 rows, got 1"):
        measure([True, False], [0.1, 0.2], threshold=0.5, cohorts=pd.DataFrame({"c": ["a"]}))
    with pytest.raises(DataError, match="expected positives to draw"):
        curve([False], [0.1])


def test_the_curve_is_thinned_and_keeps_its_ends(rows):
    y, score, _ = rows
    drawn = curve(y, score, points=50)
    assert 40 <= len(drawn["recall"]) == len(drawn["precision"]) == len(drawn["threshold"]) <= 50
    assert np.all(np.diff(drawn["recall"]) >= 0)
    assert drawn["recall"][-1] == 1.0
    for value, recall, precision in zip(drawn["threshold"], drawn["recall"], drawn["precision"], strict=True):
        assert recall == pytest.approx(recall_score(y, score >= value))
        assert precision == pytest.approx(precision_score(y, score >= value))


def test_each_row_may_have_its_own_threshold():
    """Every figure is then of the decisions: recall, cohorts, fairness and the gap, each side by its own thresholds."""
    rng = np.random.default_rng(5)
    y, score = rng.random(2000) < 0.3, rng.random(2000)
    region = pd.DataFrame({"region": np.where(np.arange(2000) % 2, "north", "south")})
    cuts = np.where(region["region"] == "north", 0.9, 0.2)
    found = measure(y, score, threshold=cuts, cohorts=region, train=(y[:500], score[:500], cuts[:500]))
    flagged = score >= cuts
    assert found["minority_recall"] == flagged[y].mean()
    assert found["train_test_gap"] == pytest.approx(flagged[:500][y[:500]].mean() - flagged[y].mean())
    for value in ("north", "south"):
        mine = y & (region["region"] == value).to_numpy()
        assert found["by_cohort"]["region"][value]["minority_recall"] == pytest.approx(flagged[mine].mean())
    assert found["fairness"]["region"]["recall"]["worst"] == "north"
    alike = measure(y, score, threshold=np.full(2000, 0.4), cohorts=region, train=(y, score))
    assert alike == measure(y, score, threshold=0.4, cohorts=region, train=(y, score))
