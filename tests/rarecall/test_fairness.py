"""Fairness: the largest difference between cohort values, with an interval that luck does not pass."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecall.cohorts import Counts
from rarecall.fairness import measure
from rarecall.intervals import newcombe


def of(*rates, positives=100):
    """One cohort whose values have these recalls, in hundredths of so many positives."""
    return {"c": {f"v{place}": Counts(1000, positives, hits, hits) for place, hits in enumerate(rates)}}


def test_two_values_are_newcombes_interval():
    recall = measure(of(50, 90))["c"]["recall"]
    expected = newcombe(90, 100, 50, 100)
    assert (recall["low"], recall["high"]) == pytest.approx(expected)
    assert (recall["difference"], recall["worst"], recall["best"], recall["judged"]) == (
        pytest.approx(0.4), "v0", "v1", 2,
    )  # fmt: skip


def test_the_worst_false_positive_rate_is_the_highest():
    found = {"c": {"calm": Counts(1100, 100, 60, 50), "loud": Counts(1100, 100, 150, 50)}}
    rate = measure(found)["c"]["false_positive_rate"]
    assert (rate["worst"], rate["best"]) == ("loud", "calm")
    assert rate["difference"] == pytest.approx(0.09)
    assert rate["ratio"] == pytest.approx(0.1)
    assert rate["ratio_low"] < 0.1 < rate["ratio_high"] < 1


def test_a_value_with_few_positives_has_no_say():
    few = {"c": {"a": Counts(1000, 100, 90, 90), "b": Counts(1000, 100, 80, 80), "tiny": Counts(1000, 29, 0, 0)}}
    recall = measure(few)["c"]["recall"]
    assert (recall["worst"], recall["judged"]) == ("b", 2)
    assert measure(few)["c"]["false_positive_rate"]["judged"] == 3


def test_without_two_values_nothing_is_known():
    for found in ({"c": {}}, of(80)):
        recall = measure(found)["c"]["recall"]
        assert recall.pop("state") == "not enough evidence"
        assert recall.pop("judged") < 2
        assert set(recall.values()) == {None}
    assert measure({}) == {}


def test_rates_that_are_all_0_differ_by_nothing_and_have_no_ratio():
    recall = measure(of(0, 0))["c"]["recall"]
    assert (recall["difference"], recall["low"], recall["ratio"], recall["ratio_low"]) == (0, 0, None, None)
    assert recall["high"] > 0


@settings(deadline=None)  # a busy machine is not a fault
@given(hits=st.lists(st.integers(0, 60), min_size=2, max_size=6))
def test_every_figure_lies_in_its_interval(hits):
    recall = measure(of(*hits, positives=60))["c"]["recall"]
    assert 0 <= recall["low"] <= recall["difference"] <= recall["high"] <= 1
    if recall["ratio"] is not None:
        assert 0 <= recall["ratio_low"] <= recall["ratio"] <= recall["ratio_high"] <= 1
    json.dumps(recall, allow_nan=False)


def test_equal_values_are_not_told_apart_by_luck():
    """Of eight equal values some two are far apart; the interval begins at 0 in 97.5% of samples and more."""
    rng = np.random.default_rng(0)
    found = [measure(of(*rng.binomial(60, 0.85, 8), positives=60))["c"]["recall"] for _ in range(400)]
    assert np.mean([one["difference"] for one in found]) > 0.1
    assert np.mean([one["low"] > 0 for one in found]) <= 0.025


def test_the_interval_holds_the_largest_difference():
    rng, true = np.random.default_rng(1), np.array([0.9, 0.85, 0.8, 0.6])
    found = [measure(of(*rng.binomial(80, true), positives=80))["c"]["recall"] for _ in range(400)]
    assert np.mean([one["low"] <= 0.3 <= one["high"] for one in found]) >= 0.95
    assert np.mean([one["ratio_low"] <= 2 / 3 <= one["ratio_high"] for one in found]) >= 0.95


def test_more_cohorts_widen_the_intervals():
    alone = measure(of(50, 90))["c"]["recall"]
    beside = measure(of(50, 90) | {"d": of(70, 70, 70)["c"]})["c"]["recall"]
    assert beside["low"] < alone["low"] < alone["high"] < beside["high"]
