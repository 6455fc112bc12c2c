"""Delays are learned from labels that are known, and a rate that is read early is set right by them."""

import numpy as np
import pytest

from rarecall.intervals import wilson
from rarecall.maturity import Curve, corrected

RECALL = 0.8


def traffic(rng, days=60, a_day=6):
    """Return rows of some weeks: their age, whether they were found, and after how long that they are positive."""
    n = rng.poisson(days * a_day)
    found = rng.random(n) < RECALL
    delay = np.where(found, rng.exponential(2, n), rng.gamma(3, 3, n)).clip(0, 28)
    return rng.uniform(0, days, n), found, delay


@pytest.fixture(scope="module")
def read_early():
    """The recall of the last three weeks, 300 times over: as it reads, as it is corrected, and both intervals."""
    rng = np.random.default_rng(3)
    plain, set_right = [], []
    for _ in range(300):
        age, found, delay = traffic(rng)
        known = delay <= age
        curves = [Curve.learn(delay[known & (found == one)], age[known & (found == one)]) for one in (True, False)]
        recent = known & (age <= 21)
        hits, positives = int((recent & found).sum()), int(recent.sum())
        plain.append((hits / positives, *wilson(hits, positives)))
        told = corrected([(age[recent & found], curves[0])], [(age[recent & ~found], curves[1])])
        set_right.append((told.value, *told.interval))
    return np.array(plain), np.array(set_right)


def covered(told):
    return ((told[:, 1] <= RECALL) & (told[:, 2] >= RECALL)).mean()


def test_an_early_recall_reads_too_high_and_its_interval_misses_the_truth(read_early):
    plain, _ = read_early
    assert plain[:, 0].mean() > RECALL + 0.05
    assert covered(plain) < 0.75


def test_the_corrected_one_does_not_and_its_interval_holds_it(read_early):
    _, set_right = read_early
    assert set_right[:, 0].mean() == pytest.approx(RECALL, abs=0.01)
    assert covered(set_right) >= 0.92


def test_delays_are_learned_though_the_long_ones_of_young_rows_are_not_seen_yet():
    rng = np.random.default_rng(1)
    age, delay = rng.uniform(0, 30, 40_000), rng.exponential(5, 40_000)
    known = delay <= age
    curve = Curve.learn(delay[known], age[known])
    at = np.array([1.0, 3.0, 8.0, 15.0])
    truth = 1 - np.exp(-at / 5)
    assert curve.at(at) == pytest.approx(truth / (1 - np.exp(-30 / 5)), abs=0.02)
    as_seen = (delay[known][:, None] <= at).mean(axis=0)
    assert (as_seen - truth)[1] > 0.05, "counted as they stand, labels seem to come sooner than they do"
    # Binomial, of as many rows as were old enough; the curve's variance is that of its log.
    assert np.sqrt(curve.variance([3.0])[0]) == pytest.approx(0.02, abs=0.015)


def test_where_all_is_known_it_is_wilsons_interval():
    soon = Curve.learn([1] * 50, [99] * 50)
    told = corrected([([30] * 45, soon)], [([30] * 15, soon)])
    assert (told.value, told.known, told.counted) == (0.75, 1.0, 60)
    assert told.interval == pytest.approx(wilson(45, 60))


def test_rows_too_young_to_stand_for_the_others_are_left_out():
    late = Curve.learn([1] + [9] * 19, [99] * 20)
    told = corrected([([2, 2, 30], late)], [([2, 30], late)])
    assert (told.counted, told.young, told.value) == (2, 3, 0.5)
    nothing = corrected([([2], late)], [([], late)])
    assert (nothing.value, nothing.known, nothing.interval, nothing.young) == (None, None, (0.0, 1.0), 1)


def test_a_side_that_is_not_seen_yet_widens_the_interval_by_how_late_it_is():
    soon, late = Curve.learn([1] * 50, [99] * 50), Curve.learn([1] * 10 + [9] * 30, [99] * 40)
    known, waiting = (corrected([([2] * 40, soon)], [([], curve)]).interval.low for curve in (soon, late))
    assert known == pytest.approx(wilson(40, 40).low)
    assert waiting < known - 0.1


def test_where_nothing_was_learned_labels_count_as_they_stand():
    empty = Curve.learn([], [])
    assert (empty.at([0.0, 5.0]).tolist(), empty.age_of(0.5), empty.variance([1.0]).tolist()) == ([1, 1], None, [0])
    assert corrected([([1] * 3, empty)], [([1], empty)]).value == 0.75
