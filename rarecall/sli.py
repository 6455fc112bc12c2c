"""Service level indicators of a model: figures on rare positives, each with its interval, overall and by cohort."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from rarecall import cohorts as segments
from rarecall import fairness, intervals, reliability
from rarecall.errors import DataError
from rarecall.intervals import Interval, State


def measure(
    y: ArrayLike,
    score: ArrayLike,
    *,
    threshold: float | ArrayLike,
    cohorts: pd.DataFrame | None = None,
    train: tuple[ArrayLike, ...] | None = None,
    confidence: float = 0.95,
    min_positives: int = 30,
    recall_floor: float | None = None,
    precision_floor: float | None = None,
    random_state: int = 0,
) -> dict[str, Any]:
    """Measure a model on the rows of the holdout.

    Parameters
    ----------
    y : array-like of bool, shape (n_rows,)
    score : array-like of float, shape (n_rows,)
        A row is flagged from `threshold` up.
    threshold : float, or array-like of shape (n_rows,)
        Of all rows, or of each.
    cohorts : DataFrame of str, shape (n_rows, n_cohorts), optional
        As `rarecall.cohorts.assign` names them, in the order of the rows; the index is not read.
    train : (y, score) of the real training rows, optional
        With their thresholds third where each row has its own. Their recall minus the holdout's is the train-test gap.
        Synthetic rows would make it another question.
    confidence : float
        Of every interval, two-sided.
    min_positives : int
        A cohort value with fewer is never judged; the same number of alarms is asked for precision, and of negatives
        for the false-positive rate.
    recall_floor, precision_floor : float, optional
        What a cohort value is judged against; without one, a value with enough evidence has no state.
    random_state : int
        Of the bootstraps of the areas and of the calibration error; every other interval has a closed form.

    Returns
    -------
    dict
        JSON-ready. `minority_recall`, `minority_precision`, `f1_minority`, `auc_pr`, `auc_roc`, `train_test_gap`,
        `accuracy`, `ece` and `brier` (None where a score is no probability: see `rarecall.reliability`), `positives`,
        `rows`; `intervals` {name: [low, high]} of each figure that is defined; `by_cohort` {cohort: {value:
        {minority_recall, low, high, state, minority_precision, false_positive_rate, positives, rows, intervals,
        states}}}, the last two of the last two rates by name; `fairness` as `rarecall.fairness.measure` gives it. A
        figure that the rows do not define, such as precision where nothing is flagged, is None: never 0, never NaN.

    Raises
    ------
    DataError
        The rows, scores and cohorts do not belong together, or a score is not a number.

    Examples
    --------
    >>> sli = measure([1, 1, 0, 0], [0.9, 0.2, 0.1, 0.3], threshold=0.5)
    >>> sli["minority_recall"], sli["minority_precision"], sli["train_test_gap"]
    (0.5, 1.0, None)
    >>> measure([0, 0], [0.1, 0.3], threshold=0.5)["minority_recall"] is None
    True
    """
    truth, values = _rows(y, score)
    flagged = values >= np.asarray(threshold, dtype=float)
    hits = int((truth & flagged).sum())
    positives, alarms, rows = int(truth.sum()), int(flagged.sum()), truth.size
    false_alarms, misses = alarms - hits, positives - hits
    right = rows - false_alarms - misses

    figures: dict[str, float | None] = {
        "minority_recall": _share(hits, positives),
        "minority_precision": _share(hits, alarms),
        "f1_minority": _share(2 * hits, 2 * hits + false_alarms + misses),
        "auc_pr": None,
        "auc_roc": None,
        "train_test_gap": None,
        "accuracy": _share(right, rows),
        "ece": None,
        "brier": None,
    }
    known: dict[str, Interval] = {
        "minority_recall": intervals.wilson(hits, positives, confidence),
        "minority_precision": intervals.wilson(hits, alarms, confidence),
        "f1_minority": intervals.f1(hits, false_alarms, misses, confidence),
        "accuracy": intervals.wilson(right, rows, confidence),
    }
    if 0 < positives < rows:
        figures["auc_pr"] = float(average_precision_score(truth, values))
        figures["auc_roc"] = float(roc_auc_score(truth, values))
        known["auc_pr"], known["auc_roc"] = intervals.areas(truth, values, confidence, random_state)
    if rows and values.min() >= 0 and values.max() <= 1:
        told = reliability.measure(truth, values, confidence=confidence, random_state=random_state)
        figures |= {"ece": told["ece"], "brier": told["brier"]}
        known |= {"ece": Interval(told["low"], told["high"]), "brier": Interval(told["brier_low"], told["brier_high"])}
    if train is not None:
        train_truth, train_values = _rows(train[0], train[1])
        from_up = np.asarray(train[2] if len(train) > 2 else threshold, dtype=float)
        train_positives, train_hits = int(train_truth.sum()), int((train_truth & (train_values >= from_up)).sum())
        if train_positives and positives:
            figures["train_test_gap"] = train_hits / train_positives - hits / positives
            known["train_test_gap"] = intervals.newcombe(train_hits, train_positives, hits, positives, confidence)

    if cohorts is None:
        cohorts = pd.DataFrame(index=range(rows))
    if len(cohorts) != rows:
        raise DataError(f"expected a cohort for each of the {rows} rows, got {len(cohorts)}; assign them again")
    counted = {str(name): segments.counts(cohorts[name], truth, flagged) for name in cohorts.columns}
    floors = {"minority_recall": recall_floor, "minority_precision": precision_floor, "false_positive_rate": None}
    return figures | {
        "positives": positives,
        "rows": rows,
        "intervals": {name: list(known[name]) for name, value in figures.items() if value is not None},
        "by_cohort": {
            name: {value: _cell(one, floors, min_positives, confidence) for value, one in values.items()}
            for name, values in counted.items()
        },
        "fairness": fairness.measure(counted, confidence=confidence, least=min_positives),
    }


def curve(y: ArrayLike, score: ArrayLike, points: int = 200) -> dict[str, list[float]]:
    """Return the precision-recall curve, thinned to what a plot can show.

    Parameters
    ----------
    y : array-like of bool, shape (n_rows,)
        Needs at least one positive.
    score : array-like of float, shape (n_rows,)
    points : int
        At most so many, evenly spaced in recall, the ends among them.

    Returns
    -------
    dict
        JSON-ready: `threshold`, `recall` (rising) and `precision`, of equal length.

    >>> curve([0, 1, 1], [0.1, 0.2, 0.3])
    {'threshold': [0.3, 0.2, 0.1], 'recall': [0.5, 1.0, 1.0], 'precision': [1.0, 1.0, 0.6666666666666666]}
    """
    truth, values = _rows(y, score)
    if not truth.any():
        raise DataError("expected positives to draw a precision-recall curve, got none; give the split more rows")
    precision, recall, threshold = precision_recall_curve(truth, values)
    # scikit-learn ends with a point at recall 0 that has no threshold, and runs from the lowest threshold up.
    precision, recall, threshold = precision[-2::-1], recall[-2::-1], threshold[::-1]
    if recall.size > points:
        chosen = np.searchsorted(recall, np.linspace(recall[0], 1.0, points - 1), side="left")
        chosen = np.unique(np.append(np.minimum(chosen, recall.size - 1), recall.size - 1))
        precision, recall, threshold = precision[chosen], recall[chosen], threshold[chosen]
    return {"threshold": threshold.tolist(), "recall": recall.tolist(), "precision": precision.tolist()}


def _rows(y: ArrayLike, score: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    truth, values = np.asarray(y, dtype=bool), np.asarray(score, dtype=float)
    if truth.shape != values.shape or truth.ndim != 1:
        raise DataError(f"expected one score a row, got {truth.shape} labels and {values.shape} scores")
    if not np.isfinite(values).all():
        raise DataError(
            f"expected finite scores, got {int((~np.isfinite(values)).sum())} that are not; check the model"
        )
    return truth, values


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _cell(counts: segments.Counts, floors: Mapping[str, float | None], least: int, confidence: float) -> dict[str, Any]:
    """Return a cohort value's figures: its recall's interval and state beside it, those of the others by name."""
    rates = {
        "minority_recall": (counts.hits, counts.positives),
        "minority_precision": (counts.hits, counts.alarms),
        "false_positive_rate": (counts.alarms - counts.hits, counts.rows - counts.positives),
    }
    bounds = {name: intervals.wilson(*rate, confidence) if rate[1] else None for name, rate in rates.items()}
    states = {name: _state(bounds[name], rates[name][1], least, floors[name]) for name in rates}
    recall = bounds.pop("minority_recall")
    return {
        **{name: _share(*rate) for name, rate in rates.items()},
        "low": recall.low if recall else None,
        "high": recall.high if recall else None,
        "state": states.pop("minority_recall"),
        "positives": counts.positives,
        "rows": counts.rows,
        "intervals": {name: list(interval) for name, interval in bounds.items() if interval},
        "states": states,
    }


def _state(bounds: Interval | None, trials: int, least: int, floor: float | None) -> State | None:
    if bounds is None or trials < least:
        return "not enough evidence"
    return None if floor is None else intervals.at_least(bounds, floor)
