"""How far apart a model's rates lie between the values of a cohort, and which value it serves worst."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecall.cohorts import Counts
from rarecall.intervals import State, wilson_bounds

_Rates = dict[str, tuple[int, int]]  # events and trials by value


def measure(
    found: Mapping[str, Mapping[str, Counts]], *, confidence: float = 0.95, least: int = 30
) -> dict[str, dict[str, Any]]:
    """Measure the largest difference of recall and of the false-positive rate between the values of each cohort.

    The largest of many differences is large by luck, so its interval is made of the intervals of all pairs, widened to
    hold together (Bonferroni over the pairs of all cohorts): the true largest difference lies between the highest
    lower bound and the highest upper one.

    Parameters
    ----------
    found : mapping of str to mapping of str to Counts
        As `rarecall.cohorts.counts` counts them, by cohort and value.
    confidence : float
        Two-sided, of all intervals of one rate together.
    least : int
        A value with fewer positives has no say about recall, one with fewer negatives none about false positives.

    Returns
    -------
    dict
        {cohort: {"recall": figures, "false_positive_rate": figures}}, JSON-ready; the figures are `difference`
        (largest rate minus smallest) with `low` and `high` (Newcombe 1998, method 10), `ratio` (smallest by largest:
        1 is equal) with `ratio_low` and `ratio_high` (Donner & Zou 2012, Stat. Methods Med. Res. 21:347), `worst` (the
        value with the smallest recall or the largest false-positive rate) and `best`, `judged` (values with enough
        evidence) and `state`: "not enough evidence" with fewer than two of these, when all else is None.

    Examples
    --------
    >>> region = {"north": Counts(1000, 100, 60, 50), "south": Counts(1000, 100, 95, 90), "moon": Counts(9, 1, 0, 0)}
    >>> recall = measure({"region": region})["region"]["recall"]
    >>> recall["worst"], recall["best"], recall["judged"]
    ('north', 'south', 2)
    >>> [round(recall[name], 2) for name in ("difference", "low", "high", "ratio", "ratio_low", "ratio_high")]
    [0.4, 0.28, 0.51, 0.56, 0.45, 0.68]
    """
    recalls = {name: _rates(values, least, recall=True) for name, values in found.items()}
    false_alarms = {name: _rates(values, least, recall=False) for name, values in found.items()}
    shares = [
        1 - (1 - confidence) / max(sum(_pairs(len(r)) for r in one.values()), 1) for one in (recalls, false_alarms)
    ]
    return {
        name: {
            "recall": _figures(recalls[name], shares[0], worst_is_low=True),
            "false_positive_rate": _figures(false_alarms[name], shares[1], worst_is_low=False),
        }
        for name in found
    }


def _rates(values: Mapping[str, Counts], least: int, *, recall: bool) -> _Rates:
    told = {
        name: (one.hits, one.positives) if recall else (one.alarms - one.hits, one.rows - one.positives)
        for name, one in values.items()
    }
    return {name: (events, trials) for name, (events, trials) in told.items() if trials >= least}


def _pairs(values: int) -> int:
    return values * (values - 1) // 2


def _figures(rates: _Rates, confidence: float, *, worst_is_low: bool) -> dict[str, Any]:
    names = ("difference", "low", "high", "ratio", "ratio_low", "ratio_high", "worst", "best")
    if len(rates) < 2:
        state: State | None = "not enough evidence"
        return dict.fromkeys(names) | {"judged": len(rates), "state": state}
    events, trials = np.array(list(rates.values()), dtype=float).T
    rate, bounds = events / trials, wilson_bounds(events, trials, confidence)
    lowest, highest = list(rates)[int(rate.argmin())], list(rates)[int(rate.argmax())]
    low, high = _difference(rate, *bounds)
    ratio = (rate.min() / rate.max(), *_ratio(rate, *bounds)) if rate.max() > 0 else (None, None, None)
    worst, best = (lowest, highest) if worst_is_low else (highest, lowest)
    values = (rate.max() - rate.min(), low, high, *ratio)
    figures = (None if value is None else float(value) for value in values)
    return dict(zip(names, (*figures, worst, best), strict=True)) | {"judged": len(rates), "state": None}


def _difference(rate: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[float, float]:
    """Return the bounds of the largest difference, by square-and-add over all ordered pairs."""
    apart = rate[:, None] - rate[None, :]
    below, above = (rate - low) ** 2, (high - rate) ** 2
    lower = apart - np.sqrt(below[:, None] + above[None, :])
    upper = apart + np.sqrt(above[:, None] + below[None, :])
    pair = ~np.eye(rate.size, dtype=bool)
    return max(float(lower[pair].max()), 0.0), min(float(upper[pair].max()), 1.0)


def _ratio(rate: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[float, float]:
    """Return the bounds of the smallest ratio, from the same bounds of each rate (Donner & Zou's equations 9, 10)."""
    product = rate[:, None] * rate[None, :]
    above, below = low * (2 * rate - low), high * (2 * rate - high)
    lower_root = np.sqrt(np.maximum(product**2 - above[:, None] * below[None, :], 0.0))
    upper_root = np.sqrt(np.maximum(product**2 - below[:, None] * above[None, :], 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        # The lower bound with its numerator made rational, so that nothing is divided by what passes through 0.
        lower = np.where(above[:, None] > 0, above[:, None] / (product + lower_root), 0.0)
        upper = np.where(above[None, :] > 0, (product + upper_root) / above[None, :], np.inf)
    pair = ~np.eye(rate.size, dtype=bool)
    return float(lower[pair].min()), min(float(upper[pair].min()), 1.0)
