"""Labels that were turned are found, clean ones are left alone, few rare rows are lost, and a seed judges alike."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from threadpoolctl import threadpool_limits

from rarecall.errors import DataError
from rarecall.labels import SUSPECT, disagreeing, judge, summary, suspects

KINDS = {"a": "numeric", "b": "numeric", "c": "categorical"}


def table(n: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.15).astype(int)
    rows = pd.DataFrame(
        {"a": rng.normal(3.0 * y), "b": rng.normal(2.0 * y), "c": np.where(y, "u", "v")}, index=range(7, n + 7)
    )
    rows.loc[rows.sample(frac=0.3, random_state=seed).index, "c"] = None
    return rows, y


@pytest.fixture(scope="module")
def turned():
    """A table of 5% positives of which a quarter was turned, and as many negatives, with the verdict on it."""
    X, y = make_classification(
        8000, 6, n_informative=5, n_redundant=0, weights=[0.95], class_sep=2.0, flip_y=0.0, random_state=0
    )
    X = pd.DataFrame(X, columns=list("abcdef"), index=range(7, 8007))
    rng = np.random.default_rng(1)
    flipped = np.concatenate([rng.choice(np.flatnonzero(y == value), 100, replace=False) for value in (0, 1)])
    noisy = y.copy()
    noisy[flipped] = 1 - noisy[flipped]
    return X, noisy, flipped, judge(X, noisy)


def test_a_verdict_stands_beside_every_row(turned):
    X, _, _, verdict = turned
    assert verdict.index.equals(X.index)
    assert list(verdict.columns) == ["score", "action", "weight"]
    assert verdict["score"].between(0, 1).all()
    assert set(verdict["action"]) == {"keep", "weight", "review", "drop"}


def test_a_weight_follows_the_action(turned):
    verdict = turned[-1]
    weight = {action: part["weight"] for action, part in verdict.groupby("action")}
    assert (weight["keep"] == 1).all()
    assert (weight["drop"] == 0).all()
    for action in ("weight", "review"):
        assert weight[action].between(0, 1, inclusive="neither").all()


@pytest.mark.parametrize("given", [0, 1])
def test_turned_labels_are_found_in_both_directions(turned, given):
    """Of suspects chosen by chance 1% of the negatives' and 25% of the positives' would be right."""
    _, noisy, flipped, verdict = turned
    suspect = np.flatnonzero(verdict["action"].isin(SUSPECT) & (noisy == given))
    wrong = flipped[noisy[flipped] == given]
    assert np.isin(suspect, wrong).mean() > 0.8
    assert np.isin(wrong, suspect).mean() > 0.4


def test_a_turned_label_is_trusted_less(turned):
    _, _, flipped, verdict = turned
    assert np.median(verdict["score"].to_numpy()[flipped]) < 0.4
    assert verdict["score"].median() > 0.9


def test_clean_labels_are_left_alone():
    X, y = table(seed=2)
    assert (judge(X, y, kinds=KINDS, cv=3)["action"] == "keep").mean() > 0.98


def test_hard_rows_of_a_table_that_tells_little_are_left_alone():
    """The positives stand where the negatives do, so so hard rows look as turned ones would; none is."""
    rng = np.random.default_rng(0)
    y = (rng.random(3000) < 0.1).astype(int)
    X = pd.DataFrame(rng.normal(0.6 * y[:, None], size=(3000, 4)), columns=list("abcd"))
    action = judge(X, y, cv=3)["action"]
    assert action[y == 1].isin(SUSPECT).mean() < 0.08
    assert action[y == 0].isin(SUSPECT).mean() < 0.04


@pytest.mark.parametrize("max_dropped", [0.0, 0.01])
def test_no_more_rare_rows_are_dropped_than_the_cap(turned, max_dropped):
    X, noisy, _, free = turned
    verdict = judge(X, noisy, max_dropped=max_dropped) if max_dropped == 0 else free
    rare = verdict["action"][noisy == 1]
    assert (rare == "drop").sum() == int(max_dropped * len(rare))


def test_the_cap_turns_drops_into_reviews_and_moves_nothing_else(turned):
    X, noisy, _, capped = turned
    free = judge(X, noisy, max_dropped=1.0)["action"]
    changed = free != capped["action"]
    assert changed.any()
    assert (noisy[changed] == 1).all()
    assert set(free[changed]) == {"drop"}
    assert set(capped["action"][changed]) == {"review"}


def test_the_same_seed_judges_alike_on_any_number_of_threads():
    X, y = table(600)
    verdicts = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            verdicts.append(judge(X, y, kinds=KINDS, cv=3, random_state=5))
    pd.testing.assert_frame_equal(*verdicts, check_exact=True)


def test_the_kinds_follow_the_types():
    X, y = table(400)
    pd.testing.assert_frame_equal(judge(X, y, cv=2), judge(X, y, cv=2, kinds=KINDS))


def test_the_rare_class_is_the_one_named():
    X, y = table(400)
    spoken = np.where(y == 1, "fraud", "fine")
    pd.testing.assert_frame_equal(judge(X, spoken, positive="fraud", cv=2), judge(X, y, cv=2))


def test_judging_changes_nothing_and_says_nothing(capsys):
    X, y = table(300)
    before, labels = X.copy(), y.copy()
    judge(X, y, kinds=KINDS, cv=2)
    pd.testing.assert_frame_equal(X, before)
    assert (y == labels).all()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("known", [0, 1, 3])
def test_a_column_of_which_a_fold_knows_nothing_does_no_harm(known):
    X, y = table(300)
    X["b"] = np.nan
    X.iloc[:known, X.columns.get_loc("b")] = 1.0
    assert len(judge(X, y, kinds=KINDS, cv=3)) == 300


@pytest.mark.parametrize("positives", [2, 3, 197, 198])
def test_there_are_never_more_folds_than_rare_rows(positives):
    X, y = table(200)
    y = np.zeros_like(y)
    y[:positives] = 1
    assert len(judge(X, y, kinds=KINDS, cv=5)) == 200


@pytest.mark.parametrize("positives", [0, 1, 199, 200])
def test_a_class_that_cannot_be_judged_is_refused(positives):
    X, y = table(200)
    y = np.zeros_like(y)
    y[:positives] = 1
    with pytest.raises(DataError, match=r"labels: expected at least 2 rows of each class, got [01] of the rarer one"):
        judge(X, y, kinds=KINDS)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"y": np.zeros(9)}, "expected one label a row, got 9 for 200 rows"),
        ({"y": np.arange(200) % 3}, "expected two values and none missing"),
        ({"y": np.where(np.arange(200) % 3, 1.0, np.nan)}, "expected two values and none missing"),
        ({"k": 0}, "expected k of 1 or more"),
        ({"max_dropped": 1.5}, "max_dropped from 0 to 1, got 5 and 1.5"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_a_sentence(asked, sentence):
    X, y = table(200)
    with pytest.raises(DataError, match=sentence):
        judge(X, **{"y": y} | asked)


def test_a_surer_model_finds_more_of_the_same_turned_labels():
    """Where the features tell the classes apart less, less is held to be wrong: hard rows look like turned ones."""
    y = np.repeat([0, 1], [900, 100])
    place = np.arange(1000) >= 850
    surer, weaker = (suspects(np.where(place, high, 0.02), y)[0] for high in (0.9, 0.5))
    assert surer > weaker > 0


def test_the_neighbours_named_are_those_of_the_other_label_nearest_first():
    people = pd.DataFrame({"age": [30.0, 31.0, 33.0, 36.0, 70.0], "job": ["a", "a", "a", "a", "b"]})
    near = disagreeing(people, np.array([1, 0, 1, 0, 0]), np.array([2, 0, 4]), k=3)
    assert [one.tolist() for one in near[:2]] == [[1, 3], [1, 3]]
    assert near[2].tolist() == [2]


def test_no_more_neighbours_are_named_than_there_are_rows():
    people = pd.DataFrame({"age": [30.0, 31.0, 33.0]})
    near = disagreeing(people, np.array([1, 0, 0]), np.array([0]), k=9, kinds={"age": "numeric"})
    assert near[0].tolist() == [1, 2]


def test_nobody_asked_about_has_no_neighbours():
    assert disagreeing(pd.DataFrame({"a": [1.0, 2.0]}), np.array([0, 1]), np.array([], dtype=int), k=1) == []


def test_the_summary_counts_suspects_by_class_with_an_interval(turned):
    _, noisy, _, verdict = turned
    told = summary(verdict, noisy, confidence=0.95)
    suspect = int(verdict["action"].isin(["review", "drop"]).sum())
    assert told["suspects"] == suspect == sum(one["suspects"] for one in told["by_class"].values())
    assert told["noise_rate"] == suspect / len(noisy)
    assert told["low"] < told["noise_rate"] < told["high"]
    assert sum(one["rows"] for one in told["by_class"].values()) == len(noisy)
    assert told["by_cohort"] == {}


def test_the_summary_counts_every_cohort_value_by_itself():
    verdict = pd.DataFrame({"action": ["review", "keep", "drop", "weight"]}, index=[9, 3, 1, 2])
    segments = pd.DataFrame({"age": [">=30", "<30", ">=30", "missing"]}, index=[9, 3, 1, 2])
    told = summary(verdict, np.array([1, 0, 0, 0]), confidence=0.95, cohorts=segments)
    assert list(told["by_cohort"]["age"]) == ["<30", ">=30", "missing"]
    assert {value: (one["rows"], one["suspects"]) for value, one in told["by_cohort"]["age"].items()} == {
        "<30": (1, 0),
        ">=30": (2, 2),
        "missing": (1, 0),
    }
    assert json.loads(json.dumps(told)) == told
