r"""Maturity: how much of the truth is known by now, and a rate corrected for what is not.

Labels come late, and not all alike: a fraud that was flagged is confirmed within days, one that was missed is reported
when its victim finds it. So of the rows of last week nearly all found positives are known and few of the missed ones,
and their recall reads too high. Of a label that is known we know its delay; of one that is not we do not know that it
is still to come. Delays are thus seen only where they are shorter than the row is old (right truncation), and their
distribution is learned backwards: with :math:`n_d` labels that took exactly `d`, and :math:`N_d` that took at most `d`
on rows at least as old as `d`,

.. math:: \hat F(d) = \prod_{u > d} \left(1 - \frac{n_u}{N_u}\right), \qquad
          \operatorname{Var} \log \hat F(d) \approx \sum_{u > d} \frac{n_u}{N_u (N_u - n_u)},

the share known by age `d` of all that are ever known by the greatest delay that was seen. Each label that is known then
stands for :math:`1 / \hat F(\text{age})` (Horvitz & Thompson).

Sources: Lagakos, Barraj & De Gruttola 1988, "Nonparametric analysis of truncated survival data, with application to
AIDS", Biometrika 75:515; Kalbfleisch & Lawless 1989, "Inference based on retrospective ascertainment: an analysis of
the data on transfusion-related AIDS", J. Am. Stat. Assoc. 84:360; Horvitz & Thompson 1952, J. Am. Stat. Assoc. 47:663.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecall.intervals import Interval, wilson_bounds

Floats = NDArray[np.float64]

YOUNGEST = 0.2
"""The share that must be known of an age for its rows to count: one label stands for five at most."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The share of labels that is known by an age.

    Attributes
    ----------
    delays, shares, variances : arrays of shape (n_delays,)
        Each delay that was seen, the share known from that age on, and the variance of its log.
    labels : int
        How many it was learned from.
    oldest : float
        The age of the oldest row among them: no longer delay could have been seen.
    """

    delays: Floats
    shares: Floats
    variances: Floats
    labels: int
    oldest: float

    @classmethod
    def learn(cls, delays: ArrayLike, ages: ArrayLike) -> Self:
        """Learn it from labels that are known, by the reverse-time hazard.

        Parameters
        ----------
        delays : array-like of shape (n_labels,)
            From the row to its label, in any unit.
        ages : array-like of shape (n_labels,)
            From the row to now; no smaller than the delay.

        Examples
        --------
        Half of the labels come after one day and half after three, but those of the four youngest rows can only have
        come after one:

        >>> curve = Curve.learn([1, 1, 3, 3, 1, 1, 1, 1], [9, 9, 9, 9, 2, 2, 2, 2])
        >>> curve.at([0.5, 1, 2.9, 3]).tolist()
        [0.0, 0.5, 0.5, 1.0]
        """
        waited, age = np.asarray(delays, dtype=float), np.asarray(ages, dtype=float)
        if not waited.size:
            return cls(np.empty(0), np.empty(0), np.empty(0), 0, 0.0)
        age = np.maximum(age, waited)
        at, many = np.unique(waited, return_counts=True)
        at_risk = many.cumsum() - np.searchsorted(np.sort(age), at, side="left")
        with np.errstate(divide="ignore"):
            steps, terms = np.log1p(-many / at_risk), many / (at_risk * (at_risk - many).astype(float))
        later = slice(None, 0, -1)  # of each delay only the longer ones count
        shares = np.exp(np.append(0.0, steps[later].cumsum())[::-1])
        return cls(at, shares, np.append(0.0, terms[later].cumsum())[::-1], waited.size, float(age.max()))

    def at(self, ages: ArrayLike) -> Floats:
        """Return the share known at ages; 1 where nothing was learned, for nothing is known to be late."""
        return self._of(self.shares, ages, before=0.0, unlearned=1.0)

    def variance(self, ages: ArrayLike) -> Floats:
        """Return the variance of the log of the share known at ages."""
        return self._of(self.variances, ages, before=np.inf, unlearned=0.0)

    def age_of(self, share: float) -> float | None:
        """Return the age from which on at least this share is known; None where nothing was learned."""
        reached = np.flatnonzero(self.shares >= share)
        return float(self.delays[reached[0]]) if reached.size else None

    def _of(self, values: Floats, ages: ArrayLike, *, before: float, unlearned: float) -> Floats:
        age = np.asarray(ages, dtype=float)
        if not self.labels:
            return np.full(age.shape, unlearned)
        found: Floats = np.append(before, values)[np.searchsorted(self.delays, age, side="right")]
        return found


@dataclass(frozen=True)
class Corrected:
    """A rate as it will read when all is known.

    Attributes
    ----------
    value : float or None
        None where no row is old enough.
    interval : Interval
    known : float or None
        The share of what the value stands on that is known by now.
    counted : int
        Labels it stands on.
    young : int
        Labels of rows so young that they were left out.
    """

    value: float | None
    interval: Interval
    known: float | None
    counted: int
    young: int


Groups = Sequence[tuple[ArrayLike, Curve]]
"""Ages of rows whose label is known, and the curve by which such labels come."""


def corrected(for_it: Groups, against_it: Groups, confidence: float = 0.95) -> Corrected:
    """Return the share of what is for it, such as found positives among all, once all of it is known.

    Parameters
    ----------
    for_it, against_it : sequence of (array-like of shape (n,), Curve)
    confidence : float
        Of the interval: Wilson's, of as many rows as would tell so much if each of them were known. It widens by the
        weights of the rows and by what the curves themselves do not know.

    Examples
    --------
    Ten found and one missed of rows of which all found ones are known, and half of the missed ones:

    >>> soon, late = Curve.learn([1] * 9, [9] * 9), Curve.learn([1] * 40 + [3] * 40, [9] * 80)
    >>> told = corrected([([2] * 10, soon)], [([2], late)])
    >>> round(told.value, 3), round(told.known, 3), [round(bound, 2) for bound in told.interval]
    (0.833, 0.917, [0.45, 0.97])
    """
    curves = [curve for _, curve in (*for_it, *against_it)]
    ages = [[np.sort(np.asarray(one, dtype=float)) for one, _ in side] for side in (for_it, against_it)]
    all_ages = np.concatenate([np.empty(0), *ages[0], *ages[1]])
    old = all_ages[_is_old(all_ages, curves)]
    if not old.size:
        return Corrected(None, Interval(0.0, 1.0), None, 0, all_ages.size)
    sides = [
        _weighed([one[_is_old(one, curves)] for one in some], [curve for _, curve in side], old)
        for some, side in zip(ages, (for_it, against_it), strict=True)
    ]
    # As Wilson does, half a label more on either side; a side without any has the weight that one would have had.
    totals = [side.total + side.each / 2 for side in sides]
    variance = sum((side.variance + side.each**2 / 2) / total**2 for side, total in zip(sides, totals, strict=True))
    inner = totals[0] * totals[1] / sum(totals) ** 2
    rows = max(1 / (inner * variance) - 1, 1e-9)
    whole = sides[0].total + sides[1].total
    value = sides[0].total / whole
    low, high = wilson_bounds([value * rows], [rows], confidence)
    interval = Interval(float(low[0]), float(high[0]))
    return Corrected(value, interval, old.size / whole, int(old.size), int(all_ages.size - old.size))


class _Side(NamedTuple):
    """What labels stand for, its variance, and what one of them stands for."""

    total: float
    variance: float
    each: float


def _is_old(ages: Floats, curves: Sequence[Curve]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.min([curve.at(ages) for curve in curves], axis=0) >= YOUNGEST
    return found


def _weighed(groups: Sequence[Floats], curves: Sequence[Curve], usual: Floats) -> _Side:
    """Add up groups; a curve's errors at two ages have the part in common that stands at the older one."""
    total = variance = 0.0
    for ages, curve in zip(groups, curves, strict=True):
        weights = 1 / curve.at(ages)
        before = weights.cumsum() - weights
        total += float(weights.sum())
        variance += float((weights**2 + curve.variance(ages) * weights * (weights + 2 * before)).sum())
    rows = sum(ages.size for ages in groups)
    return _Side(total, variance, total / rows if rows else float((1 / curves[-1].at(usual)).mean()))
