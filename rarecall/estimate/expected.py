"""The expected recall and precision of rows whose labels nobody knows yet.

Confidence-based performance estimation: a row with the probability p is p of a positive, so what a model finds and
misses can be added up without a label. Under covariate shift the probabilities are learned anew on reference rows that
are weighted to be like the rows of now (Bialek, Kivimaki, Kuberski & Perrakis 2024, arXiv:2401.08348).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtri

from rarecall import cohorts as segments
from rarecall.errors import DataError
from rarecall.estimate.reference import Floats, Meaning, Reference
from rarecall.finding import OVERALL
from rarecall.intervals import Interval

LEAST = 10
"""Labelled positives of the reference; with fewer nothing is estimated."""


def expected(
    score: ArrayLike,
    flagged: ArrayLike,
    *,
    reference: Reference,
    cohorts: pd.DataFrame | None = None,
    floor: float | None = None,
    confidence: float = 0.95,
    min_positives: int = 30,
) -> dict[str, Any]:
    """Estimate recall and precision from scores.

    Parameters
    ----------
    score : array-like of float, shape (n_rows,)
        Of the rows of now, the model's probabilities.
    flagged : array-like of bool, shape (n_rows,)
        Whether the model flagged them.
    reference : Reference
        Rows whose label is known and that taught the model nothing.
    cohorts : DataFrame of str, shape (n_rows, n_cohorts), optional
        Each value is estimated by itself.
    floor : float, optional
        The recall that is asked for. Only the downside alarms: that the recall is expected to be high is no evidence
        that it is, for what the model does not know it does not expect.
    confidence : float
        Of the intervals, for each by itself; the alarms hold together (Bonferroni).
    min_positives : int
        Fewer expected positives are not enough evidence.

    Returns
    -------
    dict
        JSON-ready: `rows`, `reference` (`rows`, `positives`, `effective_rows`, what the weights leave of them) and
        `groups`, all rows first: `cohort`, `value`, `rows`, `flagged`, `positives` (expected), `recall`,
        `recall_interval`, `precision`, `precision_interval`, `state` ("bad" or "not enough evidence") and `alarm`.
        An interval is of what the labels will show once they are known: it holds the uncertainty of the probabilities
        and the chance of the labels.

    Raises
    ------
    DataError
        The arrays do not belong together, a score is no probability, or there is no row.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> score = rng.beta(0.3, 3, size=20_000)
    >>> known = Reference(rng.random(10_000) < score[:10_000], score[:10_000])
    >>> now = score[10_000:]
    >>> [whole] = expected(now, now >= 0.2, reference=known, floor=0.9)["groups"]
    >>> round(whole["recall"], 2), whole["state"], whole["alarm"]
    (0.65, 'bad', True)
    """
    flags = np.asarray(flagged, dtype=bool)
    truth, _, weight = reference.checked()
    if flags.shape != np.shape(score) or flags.ndim != 1 or not flags.size:
        raise DataError(f"expected one flag a score, got {flags.shape} and {np.shape(score)}; give a row or more")
    meaning = Meaning.learned(reference, cohorts)
    chance, columns = meaning.applied(score, cohorts)
    masks = _masks(len(flags), cohorts)
    is_known = int(truth.sum()) >= LEAST
    shared = 1 - (1 - confidence) / len(masks)
    groups = []
    for (cohort, value), rows in masks.items():
        figures = _figures(chance[rows], flags[rows], columns[rows], meaning.covariance, (confidence, shared))
        is_enough = is_known and figures["positives"] >= min_positives
        bound = figures.pop("bound")
        alarm = bool(floor is not None and is_enough and bound is not None and bound < floor)
        state = "bad" if alarm else "not enough evidence"
        groups.append({"cohort": cohort, "value": value, **figures, "state": state, "alarm": alarm})
    known = {
        "rows": len(truth),
        "positives": int(truth.sum()),
        "effective_rows": float(weight.sum() ** 2 / (weight**2).sum()),
    }
    return {"rows": len(flags), "reference": known, "floor": floor, "confidence": confidence, "groups": groups}


def _masks(rows: int, cohorts: pd.DataFrame | None) -> dict[tuple[str, str], NDArray[np.bool_]]:
    masks = {(OVERALL, ""): np.ones(rows, dtype=bool)}
    for cohort in [] if cohorts is None else cohorts:
        column = cohorts[cohort]  # type: ignore[index]  # not None where there is a cohort
        for value in segments.in_order(column.unique()):
            masks[str(cohort), value] = (column == value).to_numpy()
    return masks


def _figures(
    chance: Floats,
    flagged: NDArray[np.bool_],
    columns: Floats,
    covariance: Floats,
    confidences: tuple[float, float],
) -> dict[str, Any]:
    """Return what some rows come to.

    With T the expected positives and H those of them that are flagged, recall is H / T. To the first order it varies
    with the labels by [(1 - R)^2 var(found) + R^2 var(missed)] / T^2, the rows being independent, and with the
    coefficients by its gradient; both are added, and the interval is laid in log-odds, where it stays within 0 and 1.
    """
    spread, slope = chance * (1 - chance), (chance * (1 - chance))[:, None] * columns
    total, hits, alarms = float(chance.sum()), float(chance[flagged].sum()), int(flagged.sum())
    found, missed = float(spread[flagged].sum()), float(spread[~flagged].sum())
    whole, inside = slope.sum(axis=0), slope[flagged].sum(axis=0)
    recall, precision, both, right, bound = None, None, None, None, None
    if total > 0:
        recall = hits / total
        gradient = (inside - recall * whole) / total
        variance = ((1 - recall) ** 2 * found + recall**2 * missed) / total**2 + gradient @ covariance @ gradient
        both = _interval(recall, variance, confidences[0])
        bound = _interval(recall, variance, confidences[1]).high
    if alarms:
        precision = hits / alarms
        gradient = inside / alarms
        right = _interval(precision, found / alarms**2 + gradient @ covariance @ gradient, confidences[0])
    return {
        "rows": len(chance),
        "flagged": alarms,
        "positives": total,
        "recall": recall,
        "recall_interval": None if both is None else list(both),
        "precision": precision,
        "precision_interval": None if right is None else list(right),
        "bound": bound,
    }


def _interval(share: float, variance: float, confidence: float) -> Interval:
    inside = min(max(share, 1e-9), 1 - 1e-9)
    half = float(ndtri((1 + confidence) / 2)) * variance**0.5 / (inside * (1 - inside))
    middle = float(logit(inside))
    return Interval(float(expit(middle - half)), float(expit(middle + half)))
