"""The threshold is chosen by the project's policy, and says what it aims at."""

import numpy as np
import pandas as pd
import pytest

from rarecall.sections import ThresholdPolicy
from tasks.train import _threshold

N = 50 * 60


@pytest.fixture
def rows():
    """Sixty rows a day, six of them positive."""
    moment = pd.date_range("2026-01-01", periods=N, freq="24min", tz="UTC")
    return pd.DataFrame({"label": np.resize([1] + [0] * 9, N), "event_timestamp": moment})


def chosen(rows, **policy):
    rng = np.random.default_rng(0)
    score = np.clip(rng.normal(0.1, 0.05, N) + 0.4 * rows["label"], 0, 1)
    found, aim = _threshold(ThresholdPolicy.model_validate(policy), rows, score, 0.75, 0.95, calibrated=False)
    return found, aim, score >= found.value


def test_a_precision_floor_is_held(rows):
    found, aim, flagged = chosen(rows)
    assert aim == "the highest recall at a precision of 0.75 or more, with 95% confidence"
    assert found.reached
    assert rows["label"][flagged].mean() >= 0.75


def test_a_floor_out_of_reach_is_said(rows):
    blind = ThresholdPolicy()
    found, aim = _threshold(blind, rows, np.full(N, 0.5), 0.75, 0.95, calibrated=False)
    assert aim == "the best F1, for no threshold holds a precision of 0.75 with 95% confidence"
    assert not found.reached


def test_a_budget_holds_on_the_days_of_the_table(rows):
    found, aim, flagged = chosen(rows, policy="budget", alerts_per_day=4)
    assert aim == "the highest recall within 4 alerts a day on 95% of the days"
    a_day = rows[flagged].groupby(rows["event_timestamp"].dt.date).size()
    assert 3 <= a_day.max() <= 5
    assert (a_day <= 4).mean() >= 0.9
    assert found.reached


def test_costs_choose_without_a_floor(rows):
    _, aim, flagged = chosen(rows, policy="cost", costs={"false_negative": 1000, "false_positive": 1})
    assert aim == "the lowest cost of misses and false alarms"
    assert rows["label"][flagged].sum() == rows["label"].sum()
