"""The score from which a row is flagged, chosen on real validation rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecall.errors import DataError
from rarecall.intervals import wilson_bounds


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """Where `score >= value` flags a row, and what that came to on the rows it was chosen on.

    Attributes
    ----------
    value : float
        Between two scores that occurred, so that rounding in a serving path moves no row across it.
    recall, precision : float
        On the validation rows; optimistic, as whatever is read from the rows that chose it.
    reached : bool
        Whether the precision floor held with the asked confidence; if not, this is the threshold of the best F1.
    """

    value: float
    recall: float
    precision: float
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
    precision = found / flagged
    low, _ = wilson_bounds(found, flagged, confidence)
    passes = low >= precision_floor
    reached = bool(passes.any())
    # argmax takes the first, which is the strictest: the highest precision among equal recalls.
    best = int(np.argmax(np.where(passes, found, -1) if reached else found / (flagged + found[-1])))
    return Threshold(
        value=_between(values, best),
        recall=float(found[best] / found[-1]),
        precision=float(precision[best]),
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
