"""Two streams: evidence keeps its promise at every look, and agrees with what it is a bound of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecall.sequential.split import evidence

counted = st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("factor", "shift", "rates"),
    [(1.0, 0.0, (0.8, 0.8)), (1.0, -0.05, (0.8, 0.75)), (1.25, 0.0, (0.2, 0.25))],
)
@pytest.mark.parametrize("above", [True, False])
def test_a_true_claim_is_refuted_in_no_more_than_alpha_of_the_runs(factor, shift, rates, above):
    """Rows come to either stream as they will; one in ten to the second."""
    rng = np.random.default_rng(11)
    second = rng.random((400, 1500)) < 0.1
    came = rng.random((400, 1500)) < np.where(second, rates[1], rates[0])
    looks = np.s_[:, 9::10]
    counts = [(~second & came), ~second, (second & came), second]
    logs = evidence(*(one.cumsum(axis=1)[looks] for one in counts), factor=factor, shift=shift, above=above)
    assert (logs.max(axis=1) >= np.log(20)).mean() <= 0.05


@settings(deadline=None, max_examples=50)
@given(counted, counted, st.sampled_from([(1.0, 0.0), (1.0, -0.1), (2.0, 0.0), (0.5, 0.0)]))
def test_no_more_is_won_from_a_claim_than_from_any_pair_of_rates_in_it(first, second, line):
    """By brute force over a grid of pairs: the largest likelihood of the claim is what the evidence is held against."""
    factor, shift = line
    p = np.linspace(0.0005, 0.9995, 400)
    q = np.clip(factor * p + shift, 0.0005, 0.9995)
    (k, n), (j, m) = first, second
    on_line = (k * np.log(p) + (n - k) * np.log1p(-p) + j * np.log(q) + (m - j) * np.log1p(-q))[
        (factor * p + shift > 0) & (factor * p + shift < 1)
    ].max()
    for above in (True, False):
        from scipy.special import betaln

        spread = betaln(k + 0.5, n - k + 0.5) + betaln(j + 0.5, m - j + 0.5) - 2 * betaln(0.5, 0.5)
        assert float(evidence(k, n, j, m, factor=factor, shift=shift, above=above)) <= spread - on_line + 1e-6


@settings(deadline=None, max_examples=50)
@given(counted, counted)
def test_evidence_is_for_one_side_at_most(first, second):
    logs = [float(evidence(*first, *second, above=above)) for above in (True, False)]
    assert min(logs) <= 1e-9


def test_an_array_of_pairs_is_worked_out_as_each_by_itself():
    rng = np.random.default_rng(4)
    n, m = rng.integers(1, 300, size=(2, 50))
    k, j = rng.binomial(n, 0.4), rng.binomial(m, 0.6)
    for factor, shift in ((1.0, 0.0), (1.0, -0.2), (2.0, 0.0), (0.5, 0.1)):
        at_once = evidence(k, n, j, m, factor=factor, shift=shift, above=True)
        each = [float(evidence(*row, factor=factor, shift=shift, above=True)) for row in zip(k, n, j, m, strict=True)]
        assert at_once == pytest.approx(np.array(each), abs=1e-9)


def test_without_rows_there_is_no_evidence():
    assert float(evidence(0, 0, 0, 0, above=True)) == 0.0
    assert float(evidence(50, 60, 0, 0, above=False)) <= 0.0


def test_a_lost_tenth_of_the_recall_takes_many_positives_of_each_arm():
    """Why a split alone starves: with the canary at 1%, a hundred positives there are ten thousand in all."""
    assert np.exp(evidence(800, 1000, 70, 100, above=False)) < 20
    assert np.exp(evidence(800, 1000, 130, 200, above=False)) > 20
