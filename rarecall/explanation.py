"""Explanation: what a model reads its scores from, and what it does to the rows of each cohort, on the holdout."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student
from sklearn.inspection import permutation_importance
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold

from rarecall import cohorts as segments
from rarecall.errors import DataError

ROWS = 3000
"""Rows that are read at most, every positive of them up to half."""

_PARTS = 5
_LEAST = 6  # positives of a part: with fewer, an average precision jumps from row to row
_PASSES = 60  # over each part at most, where there are fewer columns


def importance(
    model: Any, rows: pd.DataFrame, y: ArrayLike, *, confidence: float = 0.95, random_state: int = 0
) -> dict[str, Any]:
    """Measure by how much the average precision falls when a column is shuffled (Breiman 2001; Fisher et al. 2019).

    The rows are dealt into parts, and each part's fall is one measurement: so the interval holds what the shuffling and
    what the choice of rows have a part in. Of two columns that say the same, each hides the other's fall.

    Parameters
    ----------
    model : classifier
        Fitted, with `predict_proba`; every column of `rows` is shuffled.
    rows : DataFrame of shape (n_rows, n_features)
    y : array-like of bool, shape (n_rows,)
    confidence : float
        Of every interval, two-sided, from Student's t over the parts.
    random_state : int

    Returns
    -------
    dict
        JSON-ready: `features` [{`name`, `importance`, `low`, `high`}], the most important first, None with fewer than
        12 positives, for which nothing can be told; `score`, the average precision of the rows as they are; `rows`,
        `positives`, `parts`, `repeats`. Rows that were left out are stood for by the weight of others.

    Raises
    ------
    DataError
        There is not one label a row.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame({"told": rng.normal(size=400), "noise": rng.normal(size=400)})
    >>> y = rows["told"] > 1
    >>> found = importance(LogisticRegression().fit(rows, y), rows, y)["features"]
    >>> [(one["name"], one["low"] > 0) for one in found]
    [('told', True), ('noise', False)]
    """
    truth = np.asarray(y, dtype=bool)
    if truth.shape != (len(rows),):
        raise DataError(f"expected a label for each of the {len(rows)} rows, got {truth.shape}")
    chosen, weight = _sampled(truth, random_state)
    read, known = rows.iloc[chosen], truth[chosen]
    parts = min(_PARTS, int(known.sum()) // _LEAST)
    told: dict[str, Any] = {"rows": len(read), "positives": int(known.sum()), "parts": parts, "repeats": 0}
    if parts < 2 or known.all():
        return told | {"score": None, "features": None}
    repeats = int(np.clip(_PASSES // (parts * rows.shape[1]), 1, 4))
    dealt = StratifiedKFold(parts, shuffle=True, random_state=random_state).split(read, known)
    falls = np.stack([
        permutation_importance(
            model, read.iloc[part], known[part], scoring=_average_precision, n_repeats=repeats,
            random_state=random_state + number, sample_weight=weight[part],
        ).importances.mean(axis=1)
        for number, (_, part) in enumerate(dealt)
    ])  # fmt: skip
    reach = student.ppf((1 + confidence) / 2, parts - 1) * falls.std(axis=0, ddof=1) / np.sqrt(parts)
    features: list[dict[str, Any]] = [
        {"name": str(name), "importance": float(fall), "low": float(fall - span), "high": float(fall + span)}
        for name, fall, span in zip(rows.columns, falls.mean(axis=0), reach, strict=True)
    ]
    features.sort(key=lambda one: -one["importance"])
    score = float(_average_precision(model, read, known, sample_weight=weight))
    return told | {"repeats": repeats, "score": score, "features": features}


def confusion(y: ArrayLike, flagged: ArrayLike, cohorts: pd.DataFrame) -> dict[str, Any]:
    """Count what a model's decision made of the rows: right and wrong, overall and by cohort.

    Parameters
    ----------
    y, flagged : array-like of bool, shape (n_rows,)
    cohorts : DataFrame of str, shape (n_rows, n_cohorts)
        As `rarecall.cohorts.assign` names them.

    Returns
    -------
    dict
        JSON-ready: `overall` and `by_cohort` {cohort: {value: …}}, each with `tp`, `fp`, `fn` and `tn`.

    Examples
    --------
    >>> region = pd.DataFrame({"region": ["north", "north", "south", "south"]})
    >>> confusion([1, 1, 0, 0], [1, 0, 1, 0], region)["by_cohort"]["region"]["north"]
    {'tp': 1, 'fp': 0, 'fn': 1, 'tn': 0}
    """
    truth, alarm = np.asarray(y, dtype=bool), np.asarray(flagged, dtype=bool)
    whole = pd.Series("all", index=range(truth.size))
    return {
        "overall": _outcomes(segments.counts(whole, truth, alarm)["all"]),
        "by_cohort": {
            str(name): {value: _outcomes(one) for value, one in segments.counts(cohorts[name], truth, alarm).items()}
            for name in cohorts.columns
        },
    }


def columns_of(
    transform: Callable[[pd.DataFrame], Any], rows: pd.DataFrame, names: Sequence[str], *, random_state: int = 0
) -> list[NDArray[np.intp]]:
    """Return which columns of a transformed table each column of the table has a say in.

    Each is shuffled in turn, and what differs then is its own: no name is parsed, so no encoder has to be known.

    >>> rows = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [5.0, 6.0, 7.0]})
    >>> [found.tolist() for found in columns_of(lambda x: np.c_[x["b"], x["a"], x["a"] > 2], rows, ["a", "b"])]
    [[1, 2], [0]]
    """
    rng, plain = np.random.default_rng(random_state), np.asarray(transform(rows), dtype=float)
    found = []
    for name in names:
        shuffled = rows.assign(**{name: rows[name].to_numpy()[rng.permutation(len(rows))]})
        other = np.asarray(transform(shuffled), dtype=float)
        same = (plain == other) | (np.isnan(plain) & np.isnan(other))
        found.append(np.flatnonzero(~same.all(axis=0)))
    return found


def _sampled(truth: NDArray[np.bool_], random_state: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return which rows are read, in their order, and for how many rows of its class each stands."""
    rng = np.random.default_rng(random_state)
    rare, common = np.flatnonzero(truth), np.flatnonzero(~truth)
    kept = rng.permutation(rare)[: max(ROWS // 2, ROWS - common.size)]
    others = rng.permutation(common)[: ROWS - kept.size]
    weight = np.where(truth, rare.size / max(kept.size, 1), common.size / max(others.size, 1))
    chosen = np.sort(np.concatenate([kept, others]))
    return chosen, weight[chosen]


def _average_precision(model: Any, rows: Any, y: Any, sample_weight: Any = None) -> float:
    score: float = average_precision_score(y, model.predict_proba(rows)[:, 1], sample_weight=sample_weight)
    return score


def _outcomes(counts: segments.Counts) -> dict[str, int]:
    rows, positives, alarms, hits = counts
    return {"tp": hits, "fp": alarms - hits, "fn": positives - hits, "tn": rows - positives - alarms + hits}
