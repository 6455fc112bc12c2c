"""How far probabilities lie from the shares of positives that they promise: bins, calibration error and Brier score."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from rarecall import intervals
from rarecall.errors import DataError
from rarecall.intervals import Interval

_DRAWS = 2000
_MOST_SCALE = 64.0  # times the deviations seen: past it the interval is cut, which only a bin or two of noise reach


def measure(
    y: ArrayLike, probability: ArrayLike, *, bins: int = 10, confidence: float = 0.95, random_state: int = 0
) -> dict[str, Any]:
    """Measure the calibration of probabilities of a rare class.

    The bins are of equal mass of probability: each holds about as many expected positives. Of equal mass of rows,
    nine of ten bins of a rare class would hold no positive, and the tenth all the scores that matter.

    Parameters
    ----------
    y : array-like of bool, shape (n_rows,)
    probability : array-like of float, shape (n_rows,)
    bins : int
        At most; rows of one probability stay in one bin.
    confidence : float
        Of every interval, two-sided.
    random_state : int
        Of the bootstrap behind the interval of the calibration error.

    Returns
    -------
    dict
        JSON-ready. `ece`, the mean over rows of |share of positives - mean probability| of their bin (Naeini, Cooper &
        Hauskrecht 2015, AAAI), with `low` and `high`; `ece_by_chance`, what a perfectly calibrated model would show on
        these rows; `brier` (Brier 1950) with `brier_low` and `brier_high`; `expected` and `positives`, how many
        positives the probabilities add up to and how many there are; `rows`; `bins` [{`rows`, `positives`,
        `probability`, `share`, `low`, `high`}], lowest first. Without rows the figures are None.

    Raises
    ------
    DataError
        The rows and probabilities do not belong together, or one is not within [0, 1].

    Examples
    --------
    >>> y = np.repeat([True, False, True, False], [10, 90, 80, 20])
    >>> exact = measure(y, np.repeat([0.1, 0.8], 100))
    >>> round(exact["ece"], 3), round(exact["ece_by_chance"], 3), len(exact["bins"])
    (0.0, 0.028, 2)
    >>> overstated = measure(y, np.repeat([0.3, 0.9], 100))
    >>> round(overstated["ece"], 2), round(overstated["low"], 2), round(overstated["high"], 2)
    (0.15, 0.1, 0.2)
    """
    truth, values = np.asarray(y, dtype=bool), np.asarray(probability, dtype=float)
    if truth.shape != values.shape or truth.ndim != 1:
        raise DataError(f"expected one probability a row, got {truth.shape} labels and {values.shape} probabilities")
    outside = ~((values >= 0) & (values <= 1))
    if outside.any():
        raise DataError(f"expected probabilities from 0 to 1, got {values[outside][0]:g}; look at the model")
    told: dict[str, Any] = {"rows": truth.size, "positives": int(truth.sum()), "expected": float(values.sum())}
    if not truth.size:
        unknown = ("ece", "low", "high", "ece_by_chance", "brier", "brier_low", "brier_high")
        return told | dict.fromkeys(unknown) | {"bins": []}
    place = _places(values, bins)
    rows, positives = np.bincount(place), np.bincount(place, truth).astype(np.int64)
    promised, spread = np.bincount(place, values), np.bincount(place, values * (1 - values))
    deviation = positives / rows - promised / rows
    ece = float((rows / truth.size) @ np.abs(deviation))
    error = _interval(deviation, positives, rows, confidence, random_state)
    loss = _mean((truth - values) ** 2, confidence)
    low, high = intervals.wilson_bounds(positives, rows, confidence)
    cells = zip(rows, positives, promised / rows, positives / rows, low, high, strict=True)
    names = ("rows", "positives", "probability", "share", "low", "high")
    return told | {
        "ece": ece,
        "low": error.low,
        "high": error.high,
        # The mean of |Z| is sqrt(2 / pi) standard deviations.
        "ece_by_chance": float(np.sqrt(2 / np.pi * spread).sum() / truth.size),
        "brier": float(np.mean((truth - values) ** 2)),
        "brier_low": loss.low,
        "brier_high": loss.high,
        "bins": [dict(zip(names, (value.item() for value in cell), strict=True)) for cell in cells],
    }


def _places(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Return each row's bin, numbered from 0 without a gap."""
    distinct, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    mass = np.cumsum(distinct * counts)
    middle = mass - distinct * counts / 2
    slot = np.minimum((bins * middle / max(mass[-1], np.finfo(float).tiny)).astype(np.int64), bins - 1)
    numbered: NDArray[np.int64] = np.unique(slot, return_inverse=True)[1][which]
    return numbered


def _interval(
    deviation: NDArray[np.float64],
    positives: NDArray[np.int64],
    rows: NDArray[np.int64],
    confidence: float,
    random_state: int,
) -> Interval:
    """Return the interval of the calibration error: which errors could have shown the one that was seen.

    A percentile bootstrap adds the noise of the bins, which never cancels under the absolute value, a second time and
    leaves out a perfect model. So the bootstrap is inverted: each bin's share is drawn anew around a multiple of the
    deviation seen, and the interval holds the multiples under which the error seen is not among the extreme ones.
    """
    weight = rows / rows.sum()
    z2 = float(ndtri((1 + confidence) / 2)) ** 2
    middle = (positives + z2 / 2) / (rows + z2)  # Wilson's: a bin without positives still varies
    spread = np.sqrt(middle * (1 - middle) / rows)
    noise = np.random.default_rng(random_state).standard_normal((_DRAWS, rows.size)) * spread
    seen = float(weight @ np.abs(deviation))
    ray = np.maximum(np.abs(deviation), spread / 8)
    unit = float(weight @ ray)

    def error(scale: float, quantile: float) -> float:
        return float(np.quantile(np.abs(scale * ray + noise) @ weight, quantile))

    low = _crossing(lambda scale: error(scale, (1 + confidence) / 2) >= seen)
    # Rows that by luck show less than chance would prove no better than it.
    shown = max(seen, float(weight @ spread) * (2 / np.pi) ** 0.5)
    high = _crossing(lambda scale: error(scale, (1 - confidence) / 2) > shown)
    return Interval(min(low * unit, seen), min(max(high * unit, seen), 1.0))


def _crossing(holds: Callable[[float], bool]) -> float:
    """Return the smallest scale from which on a condition holds, to a thousandth."""
    if holds(0.0):
        return 0.0
    below, above = 0.0, 1.0
    while above < _MOST_SCALE and not holds(above):
        below, above = above, 2 * above
    for _ in range(12):
        middle = (below + above) / 2
        below, above = (below, middle) if holds(middle) else (middle, above)
    return above


def _mean(values: NDArray[np.float64], confidence: float) -> Interval:
    """Return the interval of a mean above 0 from its standard error on the log scale."""
    mean = float(values.mean())
    if mean == 0 or values.size < 2:
        return Interval(0.0, 1.0)
    factor = float(np.exp(ndtri((1 + confidence) / 2) * values.std(ddof=1) / (mean * values.size**0.5)))
    return Interval(mean / factor, min(mean * factor, 1.0))
