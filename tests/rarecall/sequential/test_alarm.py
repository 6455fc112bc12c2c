"""Alarms: a fall is heard however long all was well before, and false ones are as rare as was promised."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecall.sequential import betting
from rarecall.sequential.alarm import STAKES, coins, path, path_below

ROWS = 1000
EACH = np.full(ROWS, 1 / ROWS)


def runs(recall, many, seed):
    return np.random.default_rng(seed).random((many, ROWS)) < recall


def sounds(logs, alpha=0.05):
    passed = logs >= np.log(1 / alpha)
    return np.where(passed.any(axis=1), passed.argmax(axis=1), ROWS)


def test_of_2000_recalls_at_their_limit_no_more_than_alpha_sound_within_a_horizon():
    logs = np.concatenate([path(some, 0.8, EACH) for some in np.array_split(runs(0.8, 2000, 7), 8)])
    false = (sounds(logs) < ROWS).mean()
    assert 0.01 < false <= 0.05


def test_a_delivery_of_many_labels_at_once_keeps_the_promise():
    """Rows come in bundles, far apart; the coins are of time, so many rows of one moment have few coins."""
    at = np.repeat(np.arange(1, 21) * 50.0, 50)
    logs = path(runs(0.8, 1000, 8), 0.8, coins(at, 0, 1000))
    assert 0.0 < (sounds(logs) < ROWS).mean() <= 0.05


@pytest.mark.parametrize(("recall", "most"), [(0.60, 110), (0.70, 320)])
def test_a_late_fall_is_heard_soon_where_a_bet_from_the_first_row_on_hears_nothing(recall, most):
    truth = np.where(np.arange(ROWS) < 600, 0.85, recall)
    hits = runs(truth, 200, 9)
    after = sounds(path(hits, 0.8, EACH)) - 600
    assert 0 < np.median(after) < most
    counts = np.stack([(~hits).cumsum(axis=1), hits.cumsum(axis=1)], axis=-1)
    from_the_first = betting.evidence([0, 1], counts, 0.8, low=0, high=1, above=False)
    assert np.median(sounds(from_the_first)) - 600 > 1.5 * np.median(after)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.floats(0.05, 0.95))
def test_it_is_the_sum_of_bets_that_begin_at_every_row(hits, limit):
    put = np.linspace(0.1, 1, len(hits))
    total = 0.0
    for stake in STAKES:
        fortune = 0.0
        for hit, coin in zip(hits, put, strict=True):
            fortune = (fortune + coin) * ((1 - stake) if hit else 1 + stake * limit / (1 - limit))
        total += fortune / len(STAKES)
    assert path(hits, limit, put)[-1] == pytest.approx(np.log(total))


def test_what_comes_later_changes_nothing_that_was_said():
    hits = runs(0.7, 1, 3)[0]
    assert path(hits, 0.8, EACH)[:400] == pytest.approx(path(hits[:400], 0.8, EACH[:400]))


def test_against_a_sample_that_was_itself_lucky_or_not_the_promise_holds():
    rng, each = np.random.default_rng(5), np.full(300, 1 / 300)
    most = [path_below(hits, (int(rng.binomial(60, 0.8)), 60), each).max() for hits in runs(0.8, 40, 6)[:, :300]]
    assert np.mean(np.array(most) >= np.log(2)) <= 0.5
    assert np.mean(np.array(most) >= np.log(20)) <= 0.05
    assert max(most) > -3.0, "it would be cheap to keep a promise by having no evidence"


def test_against_a_sample_a_fall_is_heard_the_sooner_the_more_was_measured():
    hits = runs(np.where(np.arange(ROWS) < 300, 0.85, 0.60), 1, 4)[0]
    at = [sounds(path_below(hits, (85 * n, 100 * n), EACH)[None])[0] for n in (1, 100)]
    assert 300 < at[1] < at[0] < ROWS
    known = sounds(path(hits, 0.85, EACH)[None])[0]
    assert known <= at[1] < known + 60


def test_a_margin_is_not_heard():
    hits = runs(0.82, 1, 4)[0]
    assert path_below(hits, (850, 1000), EACH, margin=0.05).max() < np.log(20)


def test_a_limit_of_nothing_is_never_missed_and_one_of_all_by_the_first_row():
    assert path([False] * 50, 0.0, np.full(50, 0.02)).max() <= 0.0
    assert path([True, False], 1.0, np.full(2, 0.5))[-1] > np.log(1e6)
    assert path([], 0.8, []).size == 0


def test_the_coins_of_a_horizon_add_up_to_one():
    at = np.sort(np.random.default_rng(2).integers(10, 90, 200))
    put = coins([*at, 100], 10, 90)
    assert put.sum() == pytest.approx(1.0)
    assert (put >= 0).all()
