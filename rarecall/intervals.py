"""Intervals for what is counted on few positives, chosen by the coverage they hold there.

Proportions and their differences have closed forms that stay honest at 0 of n and n of n, where a bootstrap sees no
spread and answers with a point. Only the areas under curves, which have none, are resampled.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtri

State = Literal["good", "bad", "not enough evidence"]

_REPLICATES = (200, 1000)
_DRAWS = 10_000_000  # Poisson numbers drawn at most in one bootstrap: about a second
_CHUNK = 2_000_000  # of them held at once: 16 MB an array
_MAX_GROUPS = _DRAWS // _REPLICATES[0] // 2


class Interval(NamedTuple):
    """The lower and upper bound of a two-sided interval, both within what the figure can be."""

    low: float
    high: float


def at_least(interval: Interval, floor: float) -> State:
    """Judge a figure that must reach a floor: only an interval that lies on one side of it is evidence.

    >>> at_least(Interval(0.81, 0.9), 0.8), at_least(Interval(0.7, 0.79), 0.8), at_least(Interval(0.7, 0.9), 0.8)
    ('good', 'bad', 'not enough evidence')
    """
    if interval.low >= floor:
        return "good"
    return "bad" if interval.high < floor else "not enough evidence"


def below(interval: Interval, limit: float) -> State:
    """Judge a figure that must stay below a limit.

    >>> below(Interval(0.01, 0.09), 0.1), below(Interval(0.1, 0.2), 0.1), below(Interval(0.09, 0.2), 0.1)
    ('good', 'bad', 'not enough evidence')
    """
    if interval.high < limit:
        return "good"
    return "bad" if interval.low >= limit else "not enough evidence"


def at_most(interval: Interval, ceiling: float) -> State:
    """Judge a figure that may reach a ceiling but not pass it.

    >>> at_most(Interval(0.1, 0.2), 0.2), at_most(Interval(0.3, 0.4), 0.2), at_most(Interval(0.1, 0.3), 0.2)
    ('good', 'bad', 'not enough evidence')
    """
    if interval.high <= ceiling:
        return "good"
    return "bad" if interval.low > ceiling else "not enough evidence"


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Return the score interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22:209).

    Without a trial nothing is known, so the interval is all of [0, 1].

    >>> low, high = wilson(0, 30)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.114)
    """
    low, high = wilson_bounds([successes], [trials], confidence)
    return Interval(float(low[0]), float(high[0]))


def wilson_bounds(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper Wilson bounds of many proportions at once.

    `scipy.stats.binomtest(...).proportion_ci(method="wilson")` answers one at a time and works out a p-value for each;
    a threshold is chosen among as many proportions as there are scores. The tests hold the two equal.

    Parameters
    ----------
    successes, trials : array-like of int, shape (n,)
    confidence : float
        Two-sided.

    Returns
    -------
    low, high : arrays of shape (n,)
    """
    k, n = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    z2 = float(ndtri((1 + confidence) / 2)) ** 2
    known = np.maximum(n, 1)
    middle = (k + z2 / 2) / (known + z2)
    half = np.sqrt(z2 * (k * (known - k) / known + z2 / 4)) / (known + z2)
    # The closed ends are exact; floating point would leave 1e-17 there.
    low = np.where(k <= 0, 0.0, np.maximum(middle - half, 0.0))
    high = np.where(k >= n, 1.0, np.minimum(middle + half, 1.0))
    return low, high


def f1(true_positives: int, false_positives: int, false_negatives: int, confidence: float = 0.95) -> Interval:
    """Return an interval of F1 from its three counts.

    F1 = 2J / (1 + J) with J = TP / (TP + FP + FN), which rises with J. Given their sum m, the rows that are right or
    wrong about the rare class are multinomial, so TP is binomial(m, J): Wilson's interval of J maps to one of F1 with
    the same coverage. Resampling the counts comes to the same width on many rows and to a point where none is wrong.

    >>> low, high = f1(30, 0, 0)
    >>> round(low, 3), high
    (0.94, 1.0)
    """
    low, high = wilson(true_positives, true_positives + false_positives + false_negatives, confidence)
    return Interval(2 * low / (1 + low), 2 * high / (1 + high))


def newcombe(successes_a: int, trials_a: int, successes_b: int, trials_b: int, confidence: float = 0.95) -> Interval:
    """Return an interval of p_a - p_b from two independent samples.

    Method 10, the square-and-add of two Wilson intervals (Newcombe 1998, Stat. Med. 17:873). Without a trial in one
    of them the difference can still be anything.

    >>> low, high = newcombe(56, 70, 48, 80)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    if not trials_a or not trials_b:
        return Interval(-1.0, 1.0)
    a, b = successes_a / trials_a, successes_b / trials_b
    return _square_and_add(
        a, wilson(successes_a, trials_a, confidence), b, wilson(successes_b, trials_b, confidence), correlation=0.0
    )


def difference(a: float, of_a: Interval, b: float, of_b: Interval) -> Interval:
    """Return an interval of a - b from two independent figures with intervals of their own, as `newcombe` does.

    >>> low, high = difference(0.8, Interval(0.692, 0.877), 0.6, Interval(0.491, 0.7))
    >>> round(low, 2), round(high, 2)
    (0.05, 0.33)
    """
    return _square_and_add(a, of_a, b, of_b, correlation=0.0)


def paired(both: int, only_a: int, only_b: int, neither: int, confidence: float = 0.95) -> Interval:
    """Return an interval of p_a - p_b when a and b were tried on the same rows.

    Method 10 for pairs (Newcombe 1998, Stat. Med. 17:2635): square-and-add with the correlation of the two, corrected
    for continuity. A bootstrap of the pairs fails exactly where models are compared most, with few rows on which they
    differ: with 10 to 20 positives and true rates of 10% and 2% for "only a" and "only b", its 95% interval held the
    difference in 59 to 89% of samples, this one in 97 to 100%.

    Parameters
    ----------
    both, only_a, only_b, neither : int
        How many rows both found, one found, none found.

    >>> low, high = paired(14, 5, 0, 22)
    >>> round(low, 3), round(high, 3)
    (0.011, 0.226)
    """
    n = both + only_a + only_b + neither
    if n == 0:
        return Interval(-1.0, 1.0)
    a, b = both + only_a, both + only_b
    covariance = float(both * neither - only_a * only_b)
    covariance = max(covariance - n / 2, 0.0) if covariance > 0 else covariance
    spread = float(a) * (n - a) * b * (n - b)
    return _square_and_add(
        a / n,
        wilson(a, n, confidence),
        b / n,
        wilson(b, n, confidence),
        correlation=covariance / spread**0.5 if spread else 0.0,
    )


def paired_recall_difference(hit_a: ArrayLike, hit_b: ArrayLike, confidence: float = 0.95) -> Interval:
    """Return an interval of recall_a - recall_b for two models on the same positives.

    Parameters
    ----------
    hit_a, hit_b : array-like of bool, shape (n_positives,)
        Whether each model found each positive. Nothing is drawn, so there is no random state.

    >>> low, high = paired_recall_difference([True] * 40, [True] * 40)
    >>> low < 0 < high
    True
    """
    a, b = np.asarray(hit_a, dtype=bool), np.asarray(hit_b, dtype=bool)
    both, only_a, only_b = int((a & b).sum()), int((a & ~b).sum()), int((b & ~a).sum())
    return paired(both, only_a, only_b, a.size - both - only_a - only_b, confidence)


def areas(y: ArrayLike, score: ArrayLike, confidence: float = 0.95, random_state: int = 0) -> tuple[Interval, Interval]:
    """Return intervals of the areas under the precision-recall and the ROC curve.

    Both are mirrored on the logit scale around the figure, with the larger of two standard errors: a Poisson
    bootstrap's, which holds whatever the scores look like, and a closed form's, which holds where nearly every pair is
    in order and a bootstrap sees no spread (Boyd, Eng & Page 2013, ECML, for precision-recall; Hanley & McNeil's as
    Newcombe 2006, Stat. Med. 25:559, made it symmetric, for ROC). `docs/sli.md` has the measured coverage.

    The bootstrap is bounded, whatever the number of rows. Negatives between two neighbouring positives count alike, so
    one Poisson number stands for a run of them: the work follows the positives, not the rows. Past 10,000 positives
    there are fewer replicates (1000 down to 200), past 25,000 runs neighbouring ones are merged as if their scores
    were tied.

    Parameters
    ----------
    y : array-like of bool, shape (n,)
        Needs at least one of each class.
    score : array-like of float, shape (n,)
        Higher means more likely positive.

    Returns
    -------
    auc_pr, auc_roc : Interval
    """
    up, down = _runs(np.asarray(y, dtype=bool), np.asarray(score, dtype=float))
    positives, negatives = int(up.sum()), int(down.sum())
    estimates = np.array(_curves(up[None].astype(float), down[None].astype(float)))[:, 0]
    # Half a positive from either end, so that a perfect ranking has a finite logit.
    margin = 0.5 / (positives + 1)
    inside = np.clip(estimates, margin, 1 - margin)
    resampled = np.clip(_bootstrap(up, down, random_state), margin, 1 - margin)
    slope = inside * (1 - inside)
    closed_form = np.array([(slope[0] / positives) ** 0.5, _hanley_mcneil(inside[1], positives, negatives)]) / slope
    error = np.maximum(closed_form, logit(resampled).std(axis=1))
    z = float(ndtri((1 + confidence) / 2))
    # Nearer to an end than half a positive, the end itself cannot be ruled out.
    low = np.where(estimates < margin, 0.0, np.minimum(expit(logit(inside) - z * error), estimates))
    high = np.where(estimates > 1 - margin, 1.0, np.maximum(expit(logit(inside) + z * error), estimates))
    return Interval(float(low[0]), float(high[0])), Interval(float(low[1]), float(high[1]))


def _square_and_add(a: float, of_a: Interval, b: float, of_b: Interval, *, correlation: float) -> Interval:
    def length(one: float, other: float) -> float:
        return float(max(one * one - 2 * correlation * one * other + other * other, 0.0) ** 0.5)

    low = a - b - length(a - of_a.low, of_b.high - b)
    high = a - b + length(of_a.high - a, b - of_b.low)
    return Interval(max(low, -1.0), min(high, 1.0))


def _runs(y: NDArray[np.bool_], score: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positives and negatives of each run of rows, best score first, that no positive divides."""
    order = np.argsort(-score, kind="stable")
    score = score[order]
    last = np.append(np.flatnonzero(np.diff(score)), score.size - 1)
    found = np.cumsum(y[order])[last]
    up = np.diff(found, prepend=0)
    down = np.diff(last + 1 - found, prepend=0)
    begins = np.flatnonzero((up > 0) | np.append(True, up[:-1] > 0))
    if begins.size > _MAX_GROUPS:
        begins = begins[np.linspace(0, begins.size, _MAX_GROUPS, endpoint=False).astype(np.int64)]
    return np.add.reduceat(up, begins), np.add.reduceat(down, begins)


def _bootstrap(up: NDArray[np.int64], down: NDArray[np.int64], random_state: int) -> NDArray[np.float64]:
    """Return both areas of every replicate, shape (2, replicates)."""
    rng = np.random.default_rng(random_state)
    fewest, most = _REPLICATES
    replicates = int(np.clip(_DRAWS // (2 * up.size), fewest, most))
    step = max(_CHUNK // up.size, 1)
    parts = []
    for begin in range(0, replicates, step):
        shape = (min(step, replicates - begin), up.size)
        drawn = rng.poisson(up, shape).astype(float), rng.poisson(down, shape).astype(float)
        parts.append(np.array(_curves(*drawn)))
    return np.concatenate(parts, axis=1)


def _curves(up: NDArray[np.float64], down: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return average precision and the area under ROC of each row of counts, ties within a run."""
    found = up.cumsum(axis=1)
    flagged = found + down.cumsum(axis=1)
    positives = np.maximum(found[:, -1], 1)
    negatives = np.maximum(down.sum(axis=1), 1)
    average_precision = (up * found / np.maximum(flagged, 1)).sum(axis=1) / positives
    in_order = (down * (found - up / 2)).sum(axis=1) / (positives * negatives)
    return average_precision, in_order


def _hanley_mcneil(area: float, positives: int, negatives: int) -> float:
    """Return the standard error of the area under ROC, symmetric in the classes (Newcombe 2006, Stat. Med. 25:559)."""
    size = (positives + negatives) / 2 - 1
    variance = area * (1 - area) * (1 + size * (1 - area) / (2 - area) + size * area / (1 + area))
    return float((variance / (positives * negatives)) ** 0.5)
