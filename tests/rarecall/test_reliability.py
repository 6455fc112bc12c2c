"""Calibration error: 0 where every bin keeps its promise, and an interval that holds the truth."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from rarecall.errors import DataError
from rarecall.reliability import measure


def test_a_kept_promise_has_no_error():
    y = np.repeat([True, False, True, False], [20, 80, 90, 10])
    told = measure(y, np.repeat([0.2, 0.9], 100))
    assert told["ece"] == pytest.approx(0)
    assert told["low"] == 0
    assert told["expected"] == pytest.approx(told["positives"])
    assert told["brier"] == pytest.approx((20 * 0.64 + 80 * 0.04 + 90 * 0.01 + 10 * 0.81) / 200)


@settings(deadline=None)  # a busy machine is not a fault
@given(rows=st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60), bins=st.integers(1, 12))
def test_the_error_is_the_mean_distance_of_the_bins(rows, bins):
    y, p = np.array([one for one, _ in rows]), np.array([two for _, two in rows])
    told = measure(y, p, bins=bins)
    assert sum(one["rows"] for one in told["bins"]) == len(rows)
    assert sum(one["positives"] for one in told["bins"]) == y.sum()
    assert 1 <= len(told["bins"]) <= bins
    by_hand = sum(one["rows"] * abs(one["share"] - one["probability"]) for one in told["bins"]) / len(rows)
    assert told["ece"] == pytest.approx(by_hand)
    assert 0 <= told["low"] <= told["ece"] <= told["high"] <= 1
    assert all(0 <= one["low"] <= one["share"] <= one["high"] <= 1 for one in told["bins"])


def test_bins_hold_as_many_expected_positives_and_no_probability_twice():
    rng = np.random.default_rng(0)
    p = rng.beta(0.1, 5, 20_000)
    told = measure(rng.random(p.size) < p, p)["bins"]
    mass = [one["rows"] * one["probability"] for one in told]
    assert len(told) == 10
    assert max(mass) < 1.1 * min(mass)
    tied = measure([True, False] * 50, [0.3] * 100)["bins"]
    assert [(one["rows"], one["probability"]) for one in tied] == [(100, pytest.approx(0.3))]


@pytest.mark.parametrize("shift", [0.0, 0.4, 2.6])
def test_the_interval_holds_the_true_error(shift):
    """In about 95% of samples, also where the model is perfect and a percentile bootstrap never does."""
    rng, held, noise = np.random.default_rng(4), [], []
    for _ in range(150):
        y = rng.random(6000) < 0.02
        x = rng.normal(0, 1, y.size) + 3 * y
        true = logit(0.02) + 3 * x - 4.5
        told = measure(y, expit(true + shift))
        order = np.argsort(expit(true + shift), kind="stable")
        ends = np.cumsum([one["rows"] for one in told["bins"]])
        wrong = np.abs([part.sum() for part in np.split((expit(true) - expit(true + shift))[order], ends[:-1])])
        held.append(told["low"] <= wrong.sum() / y.size <= told["high"])
        noise.append(told["ece"] - told["ece_by_chance"])
    assert np.mean(held) >= (0.95 if shift == 0 else 0.87)
    if shift == 0:
        assert np.mean(noise) == pytest.approx(0, abs=2e-4)


def test_without_rows_nothing_is_known():
    told = measure([], [])
    assert (told["ece"], told["brier"], told["bins"], told["rows"]) == (None, None, [], 0)


def test_it_is_json_and_repeats():
    rng = np.random.default_rng(0)
    p = rng.random(500)
    y = rng.random(500) < p
    assert json.loads(json.dumps(measure(y, p), allow_nan=False)) == measure(y, p)


def test_what_is_no_probability_is_refused():
    with pytest.raises(DataError, match="expected probabilities from 0 to 1, got 2"):
        measure([True], [2.0])
    with pytest.raises(DataError, match="expected one probability a row"):
        measure([True], [0.2, 0.3])
