"""The threshold: the highest recall whose precision holds the floor on fresh rows too."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from rarecall.errors import DataError
from rarecall.intervals import wilson
from rarecall.sections import Costs
from rarecall.threshold import cheapest, choose, within_budget

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=1, max_size=80).filter(
    lambda rows: any(positive for positive, _ in rows)
)


@settings(deadline=None)  # a busy machine is not a fault
@given(rows=ROWS, floor=st.sampled_from([0.1, 0.3, 0.5, 0.7]))
def test_it_is_the_best_of_all(rows, floor):
    """Equal to trying every score one by one, ties flagged together."""
    y, score = np.array([positive for positive, _ in rows]), np.array([float(value) for _, value in rows])
    chosen = choose(y, score, precision_floor=floor)
    tried = []
    for value in np.unique(score):
        flagged = score >= value
        hits, alarms = int((y & flagged).sum()), int(flagged.sum())
        passes = wilson(hits, alarms).low >= floor
        tried.append((passes, hits / y.sum(), hits / alarms, 2 * hits / (alarms + y.sum())))
    passing = [one for one in tried if one[0]]
    flagged = score >= chosen.value
    assert chosen.recall == (y & flagged).sum() / y.sum()
    assert chosen.precision == (y & flagged).sum() / flagged.sum()
    assert chosen.reached == bool(passing)
    if passing:
        assert (chosen.recall, chosen.precision) == max((recall, precision) for _, recall, precision, _ in passing)
    else:
        f1 = 2 * (y & flagged).sum() / (flagged.sum() + y.sum())
        assert f1 == pytest.approx(max(one[3] for one in tried))


@settings(deadline=None)  # a busy machine is not a fault
@given(rows=ROWS, seed=st.integers(0, 9))
def test_the_order_of_rows_does_not_matter(rows, seed):
    y, score = np.array([positive for positive, _ in rows]), np.array([float(value) for _, value in rows])
    order = np.random.default_rng(seed).permutation(len(rows))
    assert choose(y, score, precision_floor=0.5) == choose(y[order], score[order], precision_floor=0.5)


def test_it_stands_between_two_scores():
    y = np.repeat([True, False], [50, 50])
    chosen = choose(y, np.repeat([0.8, 0.2], 50), precision_floor=0.9)
    assert chosen.value == pytest.approx(0.5)
    assert chosen.reached


def test_neighbouring_floats_are_told_apart():
    """With no number between two scores the threshold is the upper one, so the lower is not flagged."""
    upper = np.nextafter(0.5, 1)
    y = np.repeat([True, False], [50, 50])
    assert choose(y, np.repeat([upper, 0.5], 50), precision_floor=0.9).value == upper


def test_flagging_all_is_possible():
    chosen = choose([True] * 40, [0.3] * 40, precision_floor=0.7)
    assert (chosen.value, chosen.recall, chosen.reached) == (0.3, 1.0, True)


def test_few_positives_do_not_reach_a_floor():
    """Three of three is a precision of 1 and no evidence for 0.7."""
    chosen = choose([True] * 3 + [False] * 97, np.linspace(1, 0, 100), precision_floor=0.7)
    assert (chosen.precision, chosen.recall, chosen.reached) == (1.0, 1.0, False)


@pytest.mark.parametrize("positives", [100, 300])
def test_the_floor_holds_on_fresh_rows(positives):
    """The true precision reaches 0.7 at 93% or more of the thresholds chosen; by the point it does at under 75%."""
    rng = np.random.default_rng(8)
    negatives, shift, floor = 50 * positives, 3.0, 0.7
    y = np.repeat([True, False], [positives, negatives])

    def true_precision(value):
        found, wrong = positives * norm.sf(value - shift), negatives * norm.sf(value)
        return found / (found + wrong)

    bounded, pointwise = [], []
    for _ in range(200):
        score = rng.normal(0, 1, y.size) + shift * y
        chosen = choose(y, score, precision_floor=floor)
        assert chosen.reached
        bounded.append(true_precision(chosen.value) >= floor)
        # A confidence near 0 makes the bound the point.
        pointwise.append(true_precision(choose(y, score, precision_floor=floor, confidence=1e-9).value) >= floor)
    assert np.mean(bounded) >= 0.93
    assert np.mean(pointwise) < 0.75


def test_what_cannot_be_chosen_on_is_refused():
    with pytest.raises(DataError, match="expected positives among the validation rows, got none"):
        choose([False, False], [0.1, 0.2], precision_floor=0.7)
    with pytest.raises(DataError, match="expected finite scores, got 1"):
        choose([True, False], [np.nan, 0.2], precision_floor=0.7)
    with pytest.raises(DataError, match="expected one score a row"):
        choose([True, False], [0.2], precision_floor=0.7)


COSTS = st.builds(
    lambda right, more_right, wrong, more_wrong: Costs(
        false_negative=right + wrong,
        true_positive=right,
        false_positive=more_right + more_wrong,
        true_negative=more_right,
    ),
    *[st.integers(-5, 5)] * 2,
    *[st.integers(1, 50)] * 2,
)


@settings(deadline=None)  # a busy machine is not a fault
@given(rows=ROWS, costs=COSTS)
def test_the_cheapest_is_the_cheapest_of_all(rows, costs):
    """Equal to adding up the bill at every score, and at flagging nothing."""
    y, score = np.array([positive for positive, _ in rows]), np.array([float(value) for _, value in rows])

    def bill(value):
        flagged = score >= value
        return (
            (y & flagged).sum() * costs.true_positive
            + (y & ~flagged).sum() * costs.false_negative
            + (~y & flagged).sum() * costs.false_positive
            + (~y & ~flagged).sum() * costs.true_negative
        )

    chosen = cheapest(y, score, costs)
    assert bill(chosen.value) == min(bill(value) for value in [*np.unique(score), np.inf])
    flagged = score >= chosen.value
    assert chosen.recall == (y & flagged).sum() / y.sum()
    assert chosen.precision == ((y & flagged).sum() / flagged.sum() if flagged.any() else None)


@settings(deadline=None)  # a busy machine is not a fault
@given(costs=COSTS, probability=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_calibrated_row_is_flagged_where_that_is_expected_to_cost_less(costs, probability):
    p = np.array(probability)
    y = np.arange(p.size) == 0
    chosen = cheapest(y, p, costs, calibrated=True)
    flagging = p * costs.true_positive + (1 - p) * costs.false_positive
    passing = p * costs.false_negative + (1 - p) * costs.true_negative
    clear = np.abs(flagging - passing) > 1e-9
    assert ((p >= chosen.value) == (flagging < passing))[clear].all()
    assert chosen.recall == float(p[0] >= chosen.value)


def test_dear_false_alarms_flag_nothing():
    chosen = cheapest([True, False, False], [0.9, 0.9, 0.1], Costs(false_negative=1, false_positive=5))
    assert (chosen.recall, chosen.precision, chosen.reached) == (0.0, None, True)
    assert chosen.value > 0.9


DAYS = st.lists(st.tuples(st.booleans(), st.integers(0, 12), st.integers(0, 6)), min_size=1, max_size=80).filter(
    lambda rows: any(positive for positive, _, _ in rows)
)


@settings(deadline=None)  # a busy machine is not a fault
@given(rows=DAYS, alerts=st.integers(1, 5), within=st.sampled_from([0.3, 0.5, 0.8, 0.95]))
def test_the_budget_is_used_up_and_not_passed(rows, alerts, within):
    """Equal to counting the alerts of each whole day at every score."""
    y, score, day = (np.array(column) for column in zip(*rows, strict=True))
    score = score.astype(float)
    days = np.unique(day)
    whole = days[1:-1] if days.size > 2 else days
    needed = min(ceil(round(within * (whole.size + 1), 9)), whole.size)

    def days_within(value):
        return sum(((day == one) & (score >= value)).sum() <= alerts for one in whole)

    chosen = within_budget(y, score, day, alerts_per_day=alerts, days_within=within)
    lowest = min(value for value in [*np.unique(score), np.inf] if days_within(value) >= needed)
    assert ((score >= chosen.value) == (score >= lowest)).all()
    assert chosen.reached == (ceil(round(within * (whole.size + 1), 9)) <= whole.size)
    assert chosen.recall == (y & (score >= lowest)).sum() / y.sum()


def test_further_days_stay_within_the_budget_as_often_as_promised():
    """A new day of the same kind passes 20 alerts with a probability of at most 0.1, whatever the number of days."""
    rng, kept = np.random.default_rng(0), []
    for _ in range(300):
        day = np.repeat(np.arange(32), 200)
        score = rng.normal(0, 1, day.size) + rng.normal(0, 0.3, 32)[day]
        chosen = within_budget(rng.random(day.size) < 0.1, score, day, alerts_per_day=20, days_within=0.9)
        fresh = rng.normal(0, 1, (40, 200)) + rng.normal(0, 0.3, 40)[:, None]
        kept.append(((fresh >= chosen.value).sum(axis=1) <= 20).mean())
    assert 0.885 <= np.mean(kept) <= 0.95


def test_a_row_without_a_day_is_refused():
    with pytest.raises(DataError, match="expected a day for each of the 2 rows"):
        within_budget([True, False], [0.9, 0.1], np.array(["2026-01-01", "NaT"], "datetime64[D]"), alerts_per_day=1)
