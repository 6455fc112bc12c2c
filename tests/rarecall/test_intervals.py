"""Intervals: published values, the reference implementation, and the coverage they are chosen for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score

from rarecall import intervals
from rarecall.intervals import Interval

COUNT = st.integers(0, 60)


@settings(deadline=None)  # a busy machine is not a fault
@given(successes=COUNT, failures=COUNT.filter(bool), confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_is_scipys(successes, failures, confidence):
    """The vectorised bound equals `binomtest(...).proportion_ci(method="wilson")`."""
    trials = successes + failures
    reference = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert intervals.wilson(successes, trials, confidence) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_without_trials_nothing_is_known():
    assert intervals.wilson(0, 0) == (0.0, 1.0)
    assert intervals.f1(0, 0, 0) == (0.0, 1.0)
    assert intervals.newcombe(0, 0, 5, 9) == (-1.0, 1.0)
    assert intervals.paired_recall_difference([], []) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_newcombes_worked_examples(counts, low, high):
    """Newcombe 1998, Stat. Med. 17:873, method 10."""
    assert intervals.newcombe(*counts) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("cells", "low", "high"),
    [
        ((14, 5, 0, 22), 0.011, 0.226),  # Altman et al. 2000, Statistics with Confidence, table 6.2
        ((1, 1, 7, 12), -0.507, -0.026),  # Bentur et al. 2009, as in Fagerland et al. 2014, Stat. Med. 33:2850
    ],
)
def test_paired_published_examples(cells, low, high):
    assert intervals.paired(*cells) == pytest.approx((low, high), abs=5e-4)


@settings(deadline=None)  # a busy machine is not a fault
@given(both=COUNT, only_a=COUNT, only_b=COUNT, neither=COUNT)
def test_paired_is_antisymmetric_and_rises_with_a_hit(both, only_a, only_b, neither):
    """Swapping the models mirrors the interval; one more positive found by `a` moves neither bound down."""
    low, high = intervals.paired(both, only_a, only_b, neither)
    assert intervals.paired(both, only_b, only_a, neither) == pytest.approx((-high, -low), abs=1e-12)
    if neither:
        better = intervals.paired(both, only_a + 1, only_b, neither - 1)
        assert better.low >= low - 1e-12
        assert better.high >= high - 1e-12
    if only_b:
        better = intervals.paired(both + 1, only_a, only_b - 1, neither)
        assert better.low >= low - 1e-12
        assert better.high >= high - 1e-12


def test_paired_counts_the_four_cells():
    a = np.repeat([True, True, False, False], [14, 5, 0, 22])
    b = np.repeat([True, False, True, False], [14, 5, 0, 22])
    assert intervals.paired_recall_difference(a, b) == intervals.paired(14, 5, 0, 22)


@pytest.mark.parametrize("positives", [12, 30, 100])
@pytest.mark.parametrize("chance", [(0.75, 0.1, 0.02), (0.8, 0.05, 0.05), (0.5, 0.15, 0.15)])
def test_paired_coverage(positives, chance):
    """Held in at least 93.5% of samples, and equal models are called worse in at most 3.2%; the nominal 2.5%."""
    rng = np.random.default_rng(11)
    samples = rng.multinomial(positives, [*chance, 1 - sum(chance)], size=2000)
    true = chance[1] - chance[2]
    found = [intervals.paired(*cells) for cells in samples.tolist()]
    assert np.mean([low <= true <= high for low, high in found]) >= 0.935
    if true == 0:
        assert np.mean([high < 0 for _, high in found]) <= 0.032


@pytest.mark.parametrize("chance", [(0.02, 0.004, 0.001), (0.01, 0.003, 0.005), (0.005, 0.0001, 0.0001)])
def test_f1_coverage(chance):
    """Held in 93 to 99.9% of samples of 3,000 rows, few errors included, where a percentile bootstrap is a point."""
    rng = np.random.default_rng(5)
    true = 2 * chance[0] / (2 * chance[0] + chance[1] + chance[2])
    samples = rng.multinomial(3000, [*chance, 1 - sum(chance)], size=2000)[:, :3]
    held = np.mean([low <= true <= high for low, high in (intervals.f1(*cells) for cells in samples.tolist())])
    assert 0.93 <= held <= 0.999


def test_newcombe_coverage():
    """The train-test gap's interval, with many training and few holdout positives."""
    rng = np.random.default_rng(6)
    train, holdout = rng.binomial(400, 0.9, 2000), rng.binomial(40, 0.82, 2000)
    found = [intervals.newcombe(int(a), 400, int(b), 40) for a, b in zip(train, holdout, strict=True)]
    assert 0.935 <= np.mean([low <= 0.08 <= high for low, high in found]) <= 0.98


def test_areas_hold_the_figures_and_repeat():
    """scikit-learn's areas lie inside, the same seed gives the same bounds, ties and all."""
    rng = np.random.default_rng(0)
    y = rng.random(3000) < 0.05
    score = np.round(rng.normal(0, 1, 3000) + 1.5 * y, 1)
    pr, roc = intervals.areas(y, score)
    assert pr.low < average_precision_score(y, score) < pr.high
    assert roc.low < roc_auc_score(y, score) < roc.high
    assert (pr, roc) == intervals.areas(y, score, random_state=0)
    assert intervals.areas(y, score, 0.99)[0].high > pr.high


def test_runs_of_rows_give_the_same_areas():
    """Counting negatives by runs between positives loses nothing: both areas equal scikit-learn's."""
    rng = np.random.default_rng(2)
    y = rng.random(2000) < 0.1
    score = np.round(rng.normal(0, 1, 2000) + y, 2)
    up, down = intervals._runs(y, score)
    pr, roc = intervals._curves(up[None].astype(float), down[None].astype(float))
    assert up.size < 600
    assert (pr[0], roc[0]) == pytest.approx((average_precision_score(y, score), roc_auc_score(y, score)), abs=1e-12)


@pytest.mark.parametrize(("shift", "area"), [(1.0, 0.7602), (2.0, 0.9214), (3.5, 0.9933)])
def test_areas_coverage(monkeypatch, shift, area):
    """The binormal area Phi(d / sqrt 2) is held in at least 92% of 150 samples of 30 positives, near 1 as well."""
    monkeypatch.setattr(intervals, "_REPLICATES", (200, 200))
    rng = np.random.default_rng(3)
    y = np.repeat([True, False], [30, 600])
    held = []
    for seed in range(150):
        _, roc = intervals.areas(y, rng.normal(0, 1, 630) + shift * y, random_state=seed)
        held.append(roc.low <= area <= roc.high)
    assert np.mean(held) >= 0.92


def test_a_perfect_ranking_is_not_certain():
    """Where a bootstrap sees no spread the interval still has a width, and the end cannot be ruled out."""
    for bounds in intervals.areas(np.repeat([True, False], [20, 400]), np.linspace(1, 0, 420)):
        assert 0.5 < bounds.low < 0.95
        assert bounds.high == 1.0


def test_many_positives_are_bounded(monkeypatch):
    """Past the most runs, merging neighbours moves the bounds by less than their width."""
    rng = np.random.default_rng(4)
    y = rng.random(20_000) < 0.5
    score = rng.normal(0, 1, 20_000) + y
    full = intervals.areas(y, score)
    monkeypatch.setattr(intervals, "_MAX_GROUPS", 1000)
    merged = intervals.areas(y, score)
    assert np.allclose(full, merged, atol=0.003)


def test_states_read_the_interval():
    """On the floor is good, on the limit is bad: at least, and below."""
    assert intervals.at_least(Interval(0.8, 0.8), 0.8) == "good"
    assert intervals.below(Interval(0.1, 0.1), 0.1) == "bad"
