"""The expected recall and precision of rows whose labels nobody knows yet.

Confidence-based performance estimation: a row with the probability p is p of a positive, so what a model finds and
misses can be added up without a label. Under covariate shift the probabilities are learned anew on reference rows that
are weighted to be like the rows of now (Bialek, Kivimaki, Kuberski & Perrakis 2024, arXiv:2401.08348).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecall import cohorts as segments
from rarecall.errors import DataError
from rarecall.estimate.reference import Floats, Meaning, Reference
from rarecall.finding import OVERALL

LEAST = 10
"""Labelled positives of the reference; with fewer no alarm is raised."""

_DRAWS = 4000
_SEED = 0


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
    >>> then, now = score[:10_000], score[10_000:]
    >>> known = Reference(rng.random(10_000) < then, then, then >= 0.2)
    >>> [whole] = expected(now, now >= 0.2, reference=known, floor=0.9)["groups"]
    >>> round(whole["recall"], 2), whole["state"], whole["alarm"]
    (0.65, 'bad', True)
    """
    flags = np.asarray(flagged, dtype=bool)
    truth, _, _, weight = reference.checked()
    if flags.shape != np.shape(score) or flags.ndim != 1 or not flags.size:
        raise DataError(f"expected one flag a score, got {flags.shape} and {np.shape(score)}; give a row or more")
    meaning = Meaning.learned(reference, cohorts)
    chance, columns = meaning.applied(score, flags, cohorts)
    masks = _masks(len(flags), cohorts)
    is_known = int(truth.sum()) >= LEAST
    shared = 1 - (1 - confidence) / len(masks)
    groups = []
    for (cohort, value), rows in masks.items():
        figures = _figures(chance[rows], flags[rows], columns[rows], meaning, (confidence, shared))
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
    meaning: Meaning,
    confidences: tuple[float, float],
) -> dict[str, Any]:
    """Return what some rows come to.

    The intervals are quantiles of what the labels may show. The coefficients are drawn from their normal distribution,
    which moves the expected numbers of what is found and missed along their gradients on a log scale; then the labels
    are drawn, as a binomial number of the mean and variance that rows of unequal probabilities have together.
    """
    alarms, total, hits = int(flagged.sum()), float(chance.sum()), float(chance[flagged].sum())
    rng = np.random.default_rng(_SEED)  # of its own for every group, so that no group moves another's figures
    parts = [(chance[rows], columns[rows]) for rows in (flagged, ~flagged)]
    gradients = np.stack([_gradient(*part) for part in parts])
    spread = gradients @ meaning.covariance @ gradients.T
    moved = np.exp(rng.multivariate_normal(np.zeros(2), spread, size=_DRAWS, method="eigh"))
    found, missed = (_labels(part[0], moved[:, place], rng) for place, part in enumerate(parts))
    both = found + missed
    recall, precision = found[both > 0] / both[both > 0], found / alarms if alarms else np.empty(0)
    return {
        "rows": len(chance),
        "flagged": alarms,
        "positives": total,
        "recall": hits / total if total > 0 else None,
        "recall_interval": _interval(recall, confidences[0]),
        "precision": hits / alarms if alarms else None,
        "precision_interval": _interval(precision, confidences[0]),
        "bound": float(np.quantile(recall, (1 + confidences[1]) / 2)) if len(recall) else None,
    }


def _gradient(chance: Floats, columns: Floats) -> Floats:
    """Return how the logarithm of the expected positives moves with the coefficients."""
    made: Floats = (chance * (1 - chance)) @ columns / max(float(chance.sum()), 1e-300)
    return made


def _labels(chance: Floats, moved: Floats, rng: np.random.Generator) -> Floats:
    """Draw how many of the rows turn out positive, of shape (_DRAWS,), where their chances have moved by so much."""
    mean = float(chance.sum())
    if mean == 0:
        return np.zeros(len(moved))
    each = float((chance**2).sum()) / mean
    trials = np.clip(np.rint(moved * mean / each), 1, len(chance))
    drawn: Floats = rng.binomial(trials.astype(np.int64), np.minimum(moved * mean / trials, 1.0)).astype(float)
    return drawn


def _interval(drawn: Floats, confidence: float) -> list[float] | None:
    if not len(drawn):
        return None
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return [float(low), float(high)]
