"""Labels that were turned are found, clean ones are left alone, and the same seed judges alike."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecall.errors import DataError
from rarecall.labels import judge, summary

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
    """A table with 30 of its labels turned, of each class as many, and the verdict on it."""
    X, y = table()
    rng = np.random.default_rng(1)
    flipped = np.concatenate([rng.choice(np.flatnonzero(y == value), 15, replace=False) for value in (0, 1)])
    noisy = y.copy()
    noisy[flipped] = 1 - noisy[flipped]
    return X, noisy, flipped, judge(X, noisy, kinds=KINDS, cv=3)


def test_a_verdict_stands_beside_every_row(turned):
    X, _, _, verdict = turned
    assert verdict.index.equals(X.index)
    assert list(verdict.columns) == ["score", "action", "weight"]
    assert verdict["score"].between(0, 1).all()
    assert set(verdict["action"]) == {"keep", "review"}
    assert ((verdict["weight"] == 0) == (verdict["action"] == "review")).all()


def test_turned_labels_are_found_better_than_chance(turned):
    """Most of the turned are suspects, and most of the suspects were turned; by chance 2% would be."""
    _, _, flipped, verdict = turned
    suspect = np.flatnonzero(verdict["action"] == "review")
    found = np.isin(suspect, flipped)
    assert found.sum() / len(flipped) > 0.7
    assert found.mean() > 0.6


def test_a_turned_label_is_trusted_less(turned):
    _, _, flipped, verdict = turned
    turned_score = verdict["score"].to_numpy()[flipped]
    assert np.median(turned_score) < 0.2
    assert verdict["score"].median() > 0.9


def test_clean_labels_are_left_alone():
    X, y = table(seed=2)
    assert (judge(X, y, kinds=KINDS, cv=3)["action"] == "keep").mean() > 0.98


def test_the_same_seed_judges_alike():
    X, y = table(400)
    one, again = (judge(X, y, kinds=KINDS, cv=3, random_state=5) for _ in range(2))
    pd.testing.assert_frame_equal(one, again)


def test_judging_changes_nothing_and_says_nothing(capsys):
    X, y = table(300)
    before, labels = X.copy(), y.copy()
    judge(X, y, kinds=KINDS, cv=2)
    pd.testing.assert_frame_equal(X, before)
    assert (y == labels).all()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("known", [0, 1])
def test_a_column_of_which_a_fold_knows_nothing_does_no_harm(known):
    X, y = table(300)
    X["b"] = np.nan
    X.iloc[:known, X.columns.get_loc("b")] = 1.0
    assert len(judge(X, y, kinds=KINDS, cv=3)) == 300


def test_there_are_never_more_folds_than_rare_rows():
    X, y = table(200)
    y = np.zeros_like(y)
    y[:3] = 1
    assert len(judge(X, y, kinds=KINDS, cv=5)) == 200


@pytest.mark.parametrize("positives", [0, 1, 199, 200])
def test_a_class_that_cannot_be_judged_is_refused(positives):
    X, y = table(200)
    y = np.zeros_like(y)
    y[:positives] = 1
    with pytest.raises(DataError, match=r"labels: expected at least 2 rows of each class, got [01] of the rarer one"):
        judge(X, y, kinds=KINDS)


def test_the_summary_counts_suspects_by_class_with_an_interval(turned):
    _, noisy, _, verdict = turned
    told = summary(verdict, noisy, confidence=0.95)
    suspects = int((verdict["action"] == "review").sum())
    assert told["suspects"] == suspects == sum(one["suspects"] for one in told["by_class"].values())
    assert told["noise_rate"] == suspects / len(noisy)
    assert told["low"] < told["noise_rate"] < told["high"]
    assert sum(one["rows"] for one in told["by_class"].values()) == len(noisy)
    assert json.loads(json.dumps(told)) == told
