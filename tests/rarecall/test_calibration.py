"""Calibrators: rising, within [0, 1], right on fresh rows, and of scikit-learn's parts only."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from rarecall.calibration import FEWEST, by_size, fit
from rarecall.errors import DataError

METHODS = ["platt", "beta", "isotonic"]
PREVALENCE = 0.05


def rows(n, seed=0, *, shift=2.6, slope=1.0):
    """Labels, their true probability, and a score that overstates it as a resampled training set does."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < PREVALENCE
    x = rng.normal(0, 1, n) + 2.5 * y
    true = logit(PREVALENCE) + 2.5 * x - 2.5**2 / 2
    return y, expit(true), expit(slope * true + shift)


def log_loss(y, p):
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return -np.mean(np.where(y, np.log(p), np.log(1 - p)))


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=25)  # a busy machine is not a fault
@given(data=st.data())
def test_a_calibrator_rises_and_stays_within_0_and_1(method, data):
    """Whatever the rows, the ends 0 and 1 among them."""
    scores = data.draw(st.lists(st.floats(0, 1), min_size=4, max_size=40))
    y = data.draw(
        st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)).filter(lambda y: 1 < sum(y) < len(y) - 1)
    )
    made = fit(y, scores, method)
    grid = made.apply(np.linspace(0, 1, 201))
    assert ((grid >= 0) & (grid <= 1)).all()
    assert (np.diff(grid) >= -1e-12).all()


@pytest.mark.parametrize("method", ["platt", "beta"])
def test_the_ranking_stays(method):
    y, _, score = rows(4000)
    made = fit(y, score, method).apply(np.sort(score))
    assert (np.diff(made) >= 0).all()
    assert np.unique(made).size >= 0.999 * np.unique(score).size


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("slope", [0.6, 1.0, 1.5])
def test_fresh_rows_are_told_their_probability(method, slope):
    """The log loss of what is calibrated comes within 2% of the true probability's, from far above."""
    y, _, score = rows(40_000, seed=1, slope=slope)
    fresh, true, fresh_score = rows(40_000, seed=2, slope=slope)
    made = fit(y, score, method).apply(fresh_score)
    assert log_loss(fresh, made) < 1.02 * log_loss(fresh, true) < 0.75 * log_loss(fresh, fresh_score)
    assert made.sum() == pytest.approx(fresh.sum(), rel=0.1)


def test_beta_bends_what_platt_cannot():
    """Too sure of the negatives and not of the positives: one line in log-odds is wrong at one of the ends."""
    rng = np.random.default_rng(3)
    true = rng.beta(0.4, 0.8, 40_000)
    y, score = rng.random(true.size) < true, expit(0.3 * np.log(true) - 2.0 * np.log(1 - true))
    losses = {method: log_loss(y[1::2], fit(y[::2], score[::2], method).apply(score[1::2])) for method in METHODS}
    assert losses["beta"] < losses["platt"]


def test_probabilities_that_are_right_are_left_alone():
    y, true, _ = rows(100_000)
    for method in ("platt", "beta"):
        assert fit(y, true, method).apply(true) == pytest.approx(true, abs=0.03)


def test_auto_follows_the_positives():
    y, _, score = rows(4000)
    assert fit(y, score).method == by_size(int(y.sum()))
    assert fit(y, score).reason == f"{int(y.sum())} positives"
    for method, fewest in FEWEST.items():
        assert (by_size(fewest), by_size(fewest - 1) == method) == (method, False)


@pytest.mark.parametrize("method", METHODS)
def test_a_score_that_falls_is_left_as_it_is(method):
    """To calibrate it would turn the ranking round."""
    y = np.repeat([True, False], [40, 60])
    made = fit(y, np.repeat([0.2, 0.7], [40, 60]), method)
    assert (made.method, made.classifier) == ("none", None)
    assert made.reason == "the score does not rise with the share of positives"
    assert made.apply([0.3]).tolist() == [0.3]


def test_none_is_none():
    made = fit([True, False], [0.9, 0.1], "none")
    assert (made.method, made.classifier, made.apply([0.4]).tolist()) == ("none", None, [0.4])


def test_the_same_rows_give_the_same_map():
    y, _, score = rows(2000)
    for method in METHODS:
        assert (fit(y, score, method).apply(score) == fit(y, score, method).apply(score)).all()


def test_what_cannot_be_calibrated_on_is_refused():
    with pytest.raises(DataError, match=r"expected probabilities from 0 to 1, got 1\.5"):
        fit([True, False], [1.5, 0.2])
    with pytest.raises(DataError, match="expected probabilities from 0 to 1, got nan"):
        fit([True, False], [np.nan, 0.2])
    with pytest.raises(DataError, match="expected one score a row"):
        fit([True, False], [0.2])
    with pytest.raises(DataError, match="expected rows of both classes to calibrate on, got 2 positives in 2 rows"):
        fit([True, True], [0.1, 0.2], "platt")
