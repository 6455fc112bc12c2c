"""Bets: evidence keeps its promise however often it is looked at, and finds what is there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from rarecall.sequential import betting
from rarecall.sequential.betting import evidence, interval

RUNS, ROWS = 500, 400


def walks(outcomes, chances, seed):
    """Return the counts of each outcome after every row of many runs, shape (RUNS, ROWS, n_outcomes)."""
    came = np.random.default_rng(seed).choice(len(outcomes), p=chances, size=(RUNS, ROWS))
    return np.stack([(came == place).cumsum(axis=1) for place in range(len(outcomes))], axis=-1)


def ever(logs, alpha):
    return (logs.max(axis=1) >= np.log(1 / alpha)).mean()


@pytest.mark.parametrize(
    ("outcomes", "chances", "mean", "low", "high"),
    [
        ((-1, 1, 0), (0.10, 0.10, 0.80), 0.0, -1, 1),  # equal recalls
        ((-1, 1, 0), (0.08, 0.03, 0.89), -0.05, -1, 1),  # a recall just at the margin
        ((0, 1), (0.99, 0.01), 0.01, 0, 1),  # slow answers at their limit
    ],
)
@pytest.mark.parametrize("above", [True, False])
def test_a_true_claim_is_refuted_in_no_more_than_alpha_of_the_runs_over_all_looks(
    outcomes, chances, mean, low, high, above
):
    logs = evidence(outcomes, walks(outcomes, chances, seed=7), mean, low=low, high=high, above=above)
    refuted = ever(logs, 0.05)
    assert refuted <= 0.05
    assert ever(logs, 0.5) > 0.05, "it would be cheap to keep a promise by never saying anything"


def test_a_false_claim_is_refuted_soon():
    """Recall 0.80 to 0.70, where the models differ on 18 of 100 positives."""
    logs = evidence((-1, 1, 0), walks((-1, 1, 0), (0.14, 0.04, 0.82), seed=7), 0.0, low=-1, high=1, above=False)
    first = (logs >= np.log(20)).argmax(axis=1)
    assert ever(logs, 0.05) > 0.95
    assert 70 < np.median(first) < 150


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60), st.integers(0, 60))
def test_of_coin_tosses_it_is_nearly_the_mixture_in_closed_form(won, lost):
    """With s = 2p - 1 and s spread as u^2, the fortune is an integral over p; here by a fine grid."""
    u = (np.arange(20_000) + 0.5) / 20_000
    exact = np.log(np.mean((1 + u**2) ** won * (1 - u**2) ** lost))
    assert float(evidence((-1, 1), (lost, won), 0.0, low=-1, high=1, above=True)) == pytest.approx(exact, abs=0.05)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 40), min_size=3, max_size=3), st.floats(-0.9, 0.9), st.floats(0.0, 0.09))
def test_the_further_the_claim_the_stronger_the_evidence_against_it(counts, mean, further):
    def against(claimed):
        return float(evidence((-1, 1, 0), counts, claimed, low=-1, high=1, above=True))

    assert against(mean) >= against(mean + further) - 1e-9


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.01, 0.05, 0.2]))
def test_an_interval_holds_what_was_seen_and_shrinks_with_alpha(misses, hits, alpha):
    low, high = interval((0, 1), (misses, hits), low=0, high=1, alpha=alpha)
    wider = interval((0, 1), (misses, hits), low=0, high=1, alpha=alpha / 2)
    assert wider.low <= low <= high <= wider.high
    if hits + misses:
        assert low <= hits / (hits + misses) <= high
    else:
        assert (low, high) == (0, 1)


def test_an_interval_holds_the_truth_at_every_look_in_most_runs():
    counts = walks((0, 1), (0.2, 0.8), seed=3)[:40, 9::50]
    held = [
        all(low <= 0.8 <= high for low, high in (interval((0, 1), each, low=0, high=1, alpha=0.2) for each in run))
        for run in counts
    ]
    assert sum(held) >= 28, "32 of 40 are promised, less a standard deviation and a half"


def test_evidence_that_never_ends_is_still_a_number():
    assert np.isfinite(evidence((0, 1), (0, 10**7), 0.01, low=0, high=1, above=True))
    assert evidence((), (), 0.0, low=-1, high=1, above=True) == 0.0
    assert betting.evidence((0, 1), (5, 0), 0.0, low=0, high=1, above=False) == pytest.approx(0.0)


def test_it_is_no_weaker_than_a_beta_mixture_by_more_than_a_factor_of_three():
    """The mixture that is uniform in p, by its closed form, over one-sided coins: neither is best everywhere."""
    won, lost = np.arange(5, 200), np.arange(5, 200) // 3
    ours = evidence((-1, 1), np.stack([lost, won], axis=-1), 0.0, low=-1, high=1, above=True)
    theirs = betaln(won + 1, lost + 1) + (won + lost) * np.log(2)
    assert (ours >= theirs - np.log(3)).all()
