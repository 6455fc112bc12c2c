"""What scores lead one to expect is what the labels show, under covariate shift too, and only the downside alarms."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from rarecall.errors import DataError
from rarecall.estimate import Reference, expected, ratio
from rarecall.estimate.density import tempered

CUT = 0.1


def rows(n: int, mean: float, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return features, the truth, and the scores of a model that is blind to one of the features."""
    frame = pd.DataFrame({"seen": rng.normal(size=n), "unseen": rng.normal(mean, size=n)})
    truth = rng.random(n) < expit(2.5 * frame["seen"] + 1.0 * frame["unseen"] - 6.5)
    return frame, truth, expit(2.2 * frame["seen"].to_numpy() - 5.5)


@pytest.fixture(scope="module")
def known():
    return rows(40_000, 0.0, np.random.default_rng(0))


def test_without_a_shift_the_expected_recall_is_the_reference_s_own(known):
    _, truth, score = known
    reference = Reference(truth, score, score >= CUT)
    [whole] = expected(score, score >= CUT, reference=reference)["groups"]
    assert whole["recall"] == pytest.approx((score >= CUT)[truth].mean(), abs=0.005)
    assert whole["positives"] == pytest.approx(truth.sum(), rel=0.01)


def test_intervals_hold_what_the_labels_show_later(known):
    _, truth, score = known
    rng, held = np.random.default_rng(1), 0
    for _ in range(40):
        part = rng.choice(len(truth), 12_000, replace=False)
        reference = Reference(truth[part], score[part], (score >= CUT)[part])
        _, later, now = rows(6000, 0.0, rng)
        [whole] = expected(now, now >= CUT, reference=reference)["groups"]
        low, high = whole["recall_interval"]
        held += low <= (now >= CUT)[later].mean() <= high
    assert held >= 35


def test_weights_see_a_shift_that_scores_do_not(known):
    frame, truth, score = known
    later, shown, now = rows(10_000, 1.0, np.random.default_rng(2))
    frame, truth, score = frame.head(15_000), truth[:15_000], score[:15_000]
    likeness = ratio(frame, later, {"seen": "numeric", "unseen": "numeric"}, seed=0)
    flags = now >= CUT
    plain, weighted = (
        expected(now, flags, reference=Reference(truth, score, score >= CUT, weight=weight))["groups"][0]
        for weight in (None, likeness.weight)
    )
    assert plain["positives"] / shown.sum() < 0.65
    assert weighted["positives"] / shown.sum() == pytest.approx(1.0, abs=0.2)
    assert weighted["recall"] == pytest.approx(flags[shown].mean(), abs=0.1)


def test_a_cohort_in_which_scores_mean_less_is_told_from_the_others():
    rng = np.random.default_rng(3)
    score = rng.beta(0.4, 8, size=60_000)
    region = np.where(rng.random(60_000) < 0.3, "north", "south")
    truth = rng.random(60_000) < np.where((region == "north") & (score < CUT), np.minimum(3 * score, 1), score)
    cohorts = pd.DataFrame({"region": region})
    half = slice(0, 30_000)
    reference = Reference(truth[half], score[half], score[half] >= CUT, cohorts[half])
    now = score[30_000:]
    groups = expected(now, now >= CUT, reference=reference, cohorts=cohorts[30_000:], floor=0.6)["groups"]
    told = {one["value"]: one for one in groups}
    for name in ("north", "south"):
        inside = truth[30_000:] & (region[30_000:] == name)
        assert told[name]["recall"] == pytest.approx((now >= CUT)[inside].mean(), abs=0.04)
    assert (told["north"]["alarm"], told["south"]["alarm"]) == (True, False)


def test_only_the_downside_alarms_and_never_on_few_positives(known):
    _, truth, score = known
    flags, reference = score >= CUT, Reference(truth, score, score >= CUT)
    for floor, state in ((0.05, "not enough evidence"), (0.99, "bad")):
        [whole] = expected(score, flags, reference=reference, floor=floor)["groups"]
        assert (whole["state"], whole["alarm"]) == (state, state == "bad")
    [few] = expected(score[:300], flags[:300], reference=reference, floor=0.99)["groups"]
    assert (few["state"], few["alarm"]) == ("not enough evidence", False)
    blank = Reference(np.zeros(500, bool), score[:500], flags[:500])
    [unknown] = expected(score, flags, reference=blank, floor=0.99)["groups"]
    assert (unknown["state"], unknown["alarm"]) == ("not enough evidence", False)


def test_a_new_pattern_is_not_seen(known):
    _, truth, score = known
    rng = np.random.default_rng(4)
    _, shown, now = rows(20_000, 0.0, rng)
    shown = shown | (rng.random(20_000) < 0.02)  # positives that look like everybody else
    [whole] = expected(now, now >= CUT, reference=Reference(truth, score, score >= CUT), floor=0.5)["groups"]
    assert whole["recall"] - (now >= CUT)[shown].mean() > 0.15
    assert whole["alarm"] is False


def test_tempered_weights_leave_enough_positives():
    weight = np.random.default_rng(5).lognormal(sigma=1.5, size=4000)
    truth = np.arange(4000) % 20 == 0
    own = tempered(weight, truth)[truth]
    assert own.sum() ** 2 / (own**2).sum() >= 100
    assert weight[truth].sum() ** 2 / (weight[truth] ** 2).sum() < 100


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"score": [0.2, 1.2]}, "expected probabilities from 0 to 1, got 1.2"),
        ({"flagged": [True]}, "expected one flag a score"),
        ({"score": [], "flagged": []}, "give a row or more"),
    ],
)
def test_what_does_not_fit_is_refused(change, said):
    given = {"score": [0.2, 0.4], "flagged": [False, True]} | change
    with pytest.raises(DataError, match=said):
        expected(**given, reference=Reference([True, False], [0.5, 0.1], [True, False]))
