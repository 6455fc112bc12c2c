"""The score from which a row is flagged, chosen on real validation rows.

Three policies: the highest recall at a precision floor, the lowest cost, the highest recall within a budget of alerts.
"""

from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecall.errors import DataError
from rarecall.intervals import wilson_bounds
from rarecall.sections import Costs


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """Where `score >= value` flags a row, and what that came to on the rows it was chosen on.

    Attributes
    ----------
    value : float
        Between two scores that occurred, so that rounding in a serving path moves no row across it.
    recall, precision : float
        On the validation rows; optimistic, as whatever is read from the rows that chose it. The precision is None
        where nothing is flagged.
    reached : bool
        Whether the policy got what it asks for: the precision floor with the asked confidence (if not, this is the
        threshold of the best F1), or days enough to promise the budget on.
    """

    value: float
    recall: float
    precision: float | None
    reached: bool


def choose(y: ArrayLike, score: ArrayLike, *, precision_floor: float, confidence: float = 0.95) -> Threshold:
    """Choose the highest recall at which the precision floor is held with confidence.

    A threshold passes when the lower Wilson bound of its precision reaches the floor. The point precision would be
    best where the validation rows were lucky: in 400 simulated samples for each of 12 settings (30 to 1,000
    positives, floor 0.70) the true precision at its threshold was below the floor in 15 to 51% of them, with the
    bound at 0.95 in 0 to 4% and, at 30 positives, up to 15%. `docs/sli.md` has the table and what it costs in recall.

    Parameters
    ----------
    y : array-like of bool, shape (n_rows,)
        Real rows only: synthetic ones would flatter the precision.
    score : array-like of float, shape (n_rows,)
        Higher means more likely positive. Rows with one score are flagged together.
    precision_floor : float
    confidence : float
        Two-sided, so the bound is exceeded in (1 - confidence) / 2 of samples for a threshold fixed beforehand.

    Returns
    -------
    Threshold
        Of equal recalls the one with the higher precision. When no threshold reaches the floor, the one with the
        highest F1 and `reached=False`.

    Raises
    ------
    DataError
        No row is positive, a score is not a number, or the two differ in length.

    Examples
    --------
    >>> y = np.repeat([True, False, True, False], [40, 4, 10, 46])
    >>> choose(y, np.arange(100, 0, -1), precision_floor=0.7)
    Threshold(value=46.5, recall=1.0, precision=0.9259259259259259, reached=True)
    >>> choose(y, np.arange(100, 0, -1), precision_floor=0.9)
    Threshold(value=60.5, recall=0.8, precision=1.0, reached=True)
    """
    positive, values = np.asarray(y, dtype=bool), np.asarray(score, dtype=float)
    _check(positive, values)
    values, found, flagged = _steps(positive, values)
    low, _ = wilson_bounds(found, flagged, confidence)
    passes = low >= precision_floor
    reached = bool(passes.any())
    # argmax takes the first, which is the strictest: the highest precision among equal recalls.
    best = int(np.argmax(np.where(passes, found, -1) if reached else found / (flagged + found[-1])))
    return _at(values, found, flagged, best, reached=reached)


def cheapest(y: ArrayLike, score: ArrayLike, costs: Costs, *, calibrated: bool = False) -> Threshold:
    """Choose the threshold at which rows cost least.

    Of calibrated scores it follows from the costs alone (Elkan 2001, IJCAI, equation 2): all rows have taught the
    calibrator, where only the few near the threshold can tell the cheapest one. Simulated, that costs 0 to 2% more than
    the best threshold with 30 positives and 0.1% with 300; the cheapest on the rows themselves, 5 to 10% and 1 to 2%.

    Parameters
    ----------
    y : array-like of bool, shape (n_rows,)
        Real rows only.
    score : array-like of float, shape (n_rows,)
    costs : Costs
        Of a row, by outcome.
    calibrated : bool
        Whether the scores are probabilities to be trusted; if not, the cheapest threshold of these rows is taken.

    Returns
    -------
    Threshold
        Of equally cheap ones the strictest, which may flag nothing at all.

    Raises
    ------
    DataError
        As `choose`.

    Examples
    --------
    >>> y = np.repeat([True, False, True, False], [40, 4, 10, 46])
    >>> cheapest(y, np.arange(100, 0, -1), Costs(false_negative=9, false_positive=1)).recall
    1.0
    >>> cheapest(y, np.arange(100, 0, -1), Costs(false_negative=1, false_positive=9)).recall
    0.8
    >>> cheapest(y, np.linspace(1, 0, 100), Costs(false_negative=9, false_positive=1), calibrated=True).value
    0.1
    """
    positive, values = np.asarray(y, dtype=bool), np.asarray(score, dtype=float)
    _check(positive, values)
    values, found, flagged = _steps(positive, values)
    # From flagging nothing, each hit and each false alarm changes the bill by so much.
    hit, false_alarm = costs.true_positive - costs.false_negative, costs.false_positive - costs.true_negative
    if calibrated:
        value = false_alarm / (false_alarm - hit)
        chosen = _at(values, found, flagged, int((values >= value).sum()) - 1, reached=True)
        return replace(chosen, value=value)
    bill = np.append(0.0, found * hit + (flagged - found) * false_alarm)
    return _at(values, found, flagged, int(np.argmin(bill)) - 1, reached=True)


def within_budget(
    y: ArrayLike, score: ArrayLike, day: ArrayLike, *, alerts_per_day: int, days_within: float = 0.95
) -> Threshold:
    """Choose the lowest threshold that flags at most so many rows a day on at least a share of the days.

    Each day has a strictest threshold that it needs, just above its row in place `alerts_per_day` + 1. Of `n` days the
    one in place ceil(`days_within` (n + 1)) is taken, so that a further day like these stays within the budget with
    that probability, not only these (Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World, section
    2.2). The first and the last day are left out where others remain: a split by rows cuts them short.

    Parameters
    ----------
    y : array-like of bool, shape (n_rows,)
    score : array-like of float, shape (n_rows,)
    day : array-like, shape (n_rows,)
        The day of each row; days on which no row came do not count.
    alerts_per_day : int
    days_within : float

    Returns
    -------
    Threshold
        `reached` is False where there are too few days to promise that share; then every day stays within the budget.

    Raises
    ------
    DataError
        As `choose`, or a row has no day.

    Examples
    --------
    >>> y, score = np.tile([True, False, False, True], 21), np.tile([0.9, 0.8, 0.7, 0.6], 21)
    >>> day = np.repeat(np.arange(21), 4)
    >>> within_budget(y, score, day, alerts_per_day=2)
    Threshold(value=0.75, recall=0.5, precision=0.5, reached=True)
    >>> within_budget(y[:20], score[:20], day[:20], alerts_per_day=2).reached
    False
    """
    positive, values = np.asarray(y, dtype=bool), np.asarray(score, dtype=float)
    _check(positive, values)
    codes, days = pd.factorize(np.asarray(day), sort=True)
    if codes.shape != positive.shape or (codes < 0).any():
        raise DataError(f"expected a day for each of the {positive.size} rows; name the timestamp of the table")
    # By day and then by score, highest first: the row in place `alerts_per_day` of each day is one too many.
    order = np.lexsort((-values, codes))
    begins = np.searchsorted(codes[order], np.arange(len(days)))
    sizes = np.diff(begins, append=codes.size)
    over = sizes > alerts_per_day
    limit = np.full(len(days), -np.inf)
    limit[over] = values[order][begins[over] + alerts_per_day]
    whole = np.sort(limit[1:-1] if len(days) > 2 else limit)
    place = ceil(round(days_within * (whole.size + 1), 9))
    steps, found, flagged = _steps(positive, values)
    within = int((steps > whole[min(place, whole.size) - 1]).sum())
    return _at(steps, found, flagged, within - 1, reached=place <= whole.size)


def _at(
    values: NDArray[np.float64], found: NDArray[np.int64], flagged: NDArray[np.int64], step: int, *, reached: bool
) -> Threshold:
    """Return the threshold after so many steps down; before the first one nothing is flagged."""
    if step < 0:
        return Threshold(value=float(np.nextafter(values[0], np.inf)), recall=0.0, precision=None, reached=reached)
    return Threshold(
        value=_between(values, step),
        recall=float(found[step] / found[-1]),
        precision=float(found[step] / flagged[step]),
        reached=reached,
    )


def _check(positive: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
    if positive.shape != values.shape or positive.ndim != 1:
        raise DataError(f"expected one score a row, got {positive.shape} labels and {values.shape} scores")
    if not positive.any():
        raise DataError("expected positives among the validation rows, got none; give the validation split more rows")
    if not np.isfinite(values).all():
        raise DataError(
            f"expected finite scores, got {int((~np.isfinite(values)).sum())} that are not; check the model"
        )


def _steps(
    positive: NDArray[np.bool_], score: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct scores, best first, with the positives and the rows at or above each."""
    order = np.argsort(-score, kind="stable")
    score = score[order]
    last = np.append(np.flatnonzero(np.diff(score)), score.size - 1)
    return score[last], np.cumsum(positive[order])[last], last + 1


def _between(values: NDArray[np.float64], step: int) -> float:
    """Return the midpoint to the next lower score; the score itself where there is none or no number in between."""
    above = float(values[step])
    if step + 1 == values.size:
        return above
    lower = float(values[step + 1])
    middle = lower + (above - lower) / 2
    return middle if lower < middle else above
