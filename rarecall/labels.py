"""Labels that are probably wrong: what unseen models and the nearest rows say against them, held to each class's own.

Confident learning is Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels",
JAIR 70 (2021), as cleanlab computes it; docs/labels.md says what is changed for a rare class and why.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from rarecall.cohorts import in_order
from rarecall.doubt.confidence import out_of_fold
from rarecall.doubt.vicinity import kinds_of, neighbors
from rarecall.errors import DataError
from rarecall.intervals import wilson

SUSPECT = ("review", "drop")
"""The actions on a row whose label is held to be wrong; a row of action `weight` is doubted, not held to be wrong."""

_SUREST = 0.2  # share of the other class's number of rows, surest first, whose labels tell how many are turned
_LEAST = 30  # rows, and never fewer: a share of fewer says nothing
_ASKED = 4  # rows of the larger class, for each of the rarer, whose neighbours are looked at; the rest are no suspects
_LIGHTEST = 0.05  # weight of the most doubted row that is not dropped

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]


def judge(
    X: pd.DataFrame,
    y: NDArray[Any],
    *,
    positive: Any = 1,
    k: int = 5,
    cv: int = 5,
    random_state: int = 0,
    kinds: Mapping[str, str] | None = None,
    max_dropped: float = 0.01,
) -> pd.DataFrame:
    """Judge each row's label by models that were fitted without it, and by the labels around it.

    How many labels of a class are suspect is estimated first, twice, and the smaller number is taken: by cleanlab's
    confident joint, whose threshold is each class's own mean probability, and by the labels of the rows that most
    surely belong to the other class, as far as the models tell the classes apart at all. Which they are is then said
    by two ranks together, of the probability and of the neighbours that disagree.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Real rows only.
    y : array of shape (n_rows,)
        Two values.
    positive : object
        The value of the rare class.
    k : int
        Neighbours.
    cv : int
        Stratified folds; never more than the rarer class has rows.
    random_state : int
        The same one gives the same verdict, whatever the number of threads.
    kinds : mapping of str to str, optional
        The features and their kinds, `numeric` or `categorical`; by default all columns, by their types.
    max_dropped : float
        Share of the rows labelled positive that may be dropped at most; the other suspects are for review.

    Returns
    -------
    DataFrame indexed like X
        `score` (0 to 1, the calibrated probability of the given label), `action` (`keep`; `weight` for a doubted row;
        `review` for a suspect; `drop` for a suspect against which everything speaks) and `weight` (1 for a kept row,
        0 for a dropped one, between for the others). Only a kept row may be the parent of synthetic ones.

    Raises
    ------
    DataError
        A class has fewer than 2 rows, y is not of two values or not as long as X, or k is below 1.

    Examples
    --------
    >>> truth = np.arange(1000) % 10 // 9
    >>> X = pd.DataFrame({"a": truth + np.random.default_rng(0).normal(0, 0.1, 1000)})
    >>> y = np.where(np.arange(1000) < 200, 0, truth)  # the positives of the first 200 rows turned to negative
    >>> verdict = judge(X, y, cv=3)
    >>> suspect = verdict["action"].isin(SUSPECT)
    >>> bool(suspect.any()), bool(truth[suspect].all())
    (True, True)
    >>> judge(X, y, k=0)
    Traceback (most recent call last):
        ...
    rarecall.errors.DataError: labels: expected k of 1 or more and max_dropped from 0 to 1, got 0 and 0.01; correct them
    """
    y = _checked(X, y, positive, k, max_dropped)
    kinds = kinds_of(X) if kinds is None else kinds
    probability = out_of_fold(X, y, kinds=kinds, cv=cv, random_state=random_state)
    asked = _worth_asking(probability, y)
    near = neighbors(X, y, asked, k=k, kinds=kinds, random_state=random_state)
    disagreement = np.zeros(len(y))
    disagreement[asked] = (y[near] != y[asked, None]).mean(axis=1)

    action = np.full(len(y), "keep", dtype=object)
    weight = np.ones(len(y))
    counts = suspects(probability, y)
    for label in (0, 1):
        other = probability if label == 0 else 1 - probability
        rows = asked[y[asked] == label]
        ranked = rows[np.argsort(_doubt(other[rows], disagreement[rows]), kind="stable")]
        suspect, next_in_rank = np.split(ranked[: 2 * counts[label]], [counts[label]])
        action[suspect] = "review"
        # Twice as many are doubted as are held to be wrong, where more neighbours speak against the label than for it.
        doubted = next_in_rank[disagreement[next_in_rank] > 0.5]
        action[doubted] = "weight"
        # All neighbours and the models' majority: nothing is left that speaks for the label.
        hopeless = suspect[(disagreement[suspect] == 1) & (other[suspect] > 0.5)]
        action[hopeless if label == 0 else hopeless[: int(max_dropped * (y == 1).sum())]] = "drop"
        weight[suspect] = np.clip(1 - other[suspect], _LIGHTEST, 0.5)
        weight[doubted] = 0.5
    weight[action == "drop"] = 0.0
    score = np.where(y == 1, probability, 1 - probability)
    return pd.DataFrame({"score": score, "action": action, "weight": weight}, index=X.index)


def suspects(probability: Floats, y: NDArray[Any]) -> tuple[int, int]:
    """Return how many labels of class 0 and of class 1 are held to be wrong.

    Where labels are turned at random, the rows that most surely belong to a class carry the other label at the rate of
    the turning, and no less often however sure they are (the anchor points of Liu and Tao, "Classification with Noisy
    Labels by Importance Reweighting", TPAMI 38, 2016). Where the features say little, hard rows are found there too and
    cannot be told from turned ones, so the number counts only as far as the models tell the classes apart. That is
    Tjur's coefficient of discrimination (The American Statistician 63, 2009), the mean probability of the positives
    less that of the negatives, for the rare rows, which are dear, and its root, a correlation, for the others.

    Parameters
    ----------
    probability : array of shape (n_rows,)
        Calibrated, of class 1, out of fold.
    y : array of shape (n_rows,)
        0 and 1.

    Examples
    --------
    >>> y = np.repeat([0, 1], [900, 100])
    >>> suspects(np.where(y == 1, 0.9, 0.01), y)
    (0, 0)
    >>> suspects(np.where(np.arange(1000) >= 880, 0.9, 0.01), y)  # 20 negatives stand among the positives
    (18, 0)
    """
    from cleanlab.count import compute_confident_joint

    joint = compute_confident_joint(y, np.column_stack([1 - probability, probability]), calibrate=True)
    discrimination = max(0.0, probability[y == 1].mean() - probability[y == 0].mean())
    counts = []
    for label in (0, 1):
        other = probability if label == 0 else 1 - probability
        others = int((y != label).sum())
        least = min(len(y), max(_LEAST, int(_SUREST * others)))
        surest = other >= np.partition(other, -least)[-least]  # with all that are as sure: the order says nothing
        turned = (y[surest] == label).mean()
        # At one half nothing tells which of the two labels is the turned one.
        trust = discrimination if (y == label).mean() <= 0.5 else discrimination**0.5
        anchored = others * min(turned / max(1 - turned, 0.5), 1.0) * trust
        counts.append(int(min(anchored, joint[label, 1 - label])))
    return counts[0], counts[1]


def disagreeing(
    X: pd.DataFrame, y: NDArray[Any], rows: Ints, *, k: int, kinds: Mapping[str, str] | None = None
) -> list[Ints]:
    """Return, for each row asked about, which of its k nearest rows carry another label.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
    y : array of shape (n_rows,)
        0 and 1.
    rows : array of int, shape (n_asked,)
        Positions.
    k : int
    kinds : mapping of str to str, optional
        By default all columns, by their types.

    Returns
    -------
    list of n_asked arrays of int
        Positions, nearest first; empty where all agree.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [30.0, 31.0, 33.0, 70.0, 72.0]})
    >>> [near.tolist() for near in disagreeing(people, np.array([1, 0, 0, 0, 0]), np.array([0, 4]), k=2)]
    [[1, 2], []]
    """
    rows, y = np.asarray(rows, dtype=np.intp), np.asarray(y)
    if not len(rows):
        return []
    near = neighbors(X, y, rows, k=k, kinds=kinds_of(X) if kinds is None else kinds)
    return [one[y[one] != y[row]] for row, one in zip(rows, near, strict=True)]


def summary(
    verdict: pd.DataFrame, y: NDArray[Any], *, confidence: float, cohorts: pd.DataFrame | None = None
) -> dict[str, Any]:
    """Return the noise rate overall, by class and by cohort, each with its Wilson interval.

    The interval is that of the share of suspects among such rows; it does not know how often the judgement errs.

    Parameters
    ----------
    verdict : DataFrame of shape (n_rows, ...)
        With `action`; suspects are the rows to review and to drop.
    y : array of shape (n_rows,)
        0 and 1.
    confidence : float
    cohorts : DataFrame of str, shape (n_rows, n_cohorts), optional
        As `rarecall.cohorts.assign` names them.

    Returns
    -------
    dict, JSON-ready
        `noise_rate`, `low`, `high`, `suspects`, `by_class` (`negative`, `positive`) and `by_cohort` (column, value);
        an entry of the last two has `rows`, `suspects`, `rate`, `low`, `high`.

    Examples
    --------
    >>> told = summary(pd.DataFrame({"action": ["keep", "review", "keep"]}), np.array([0, 1, 0]), confidence=0.95)
    >>> told["suspects"], told["by_class"]["positive"]["rate"], told["by_cohort"]
    (1, 1.0, {})
    """
    y = np.asarray(y)
    suspect = verdict["action"].isin(SUSPECT).to_numpy()
    whole = _rate(suspect, confidence)
    by_cohort: dict[str, Any] = {}
    for name, column in ({} if cohorts is None else cohorts).items():
        values = np.asarray(column)
        by_cohort[str(name)] = {value: _rate(suspect[values == value], confidence) for value in in_order(set(values))}
    return {
        "noise_rate": whole["rate"],
        "low": whole["low"],
        "high": whole["high"],
        "suspects": whole["suspects"],
        "by_class": {name: _rate(suspect[y == at], confidence) for at, name in enumerate(("negative", "positive"))},
        "by_cohort": by_cohort,
    }


def _checked(X: pd.DataFrame, y: NDArray[Any], positive: Any, k: int, max_dropped: float) -> NDArray[np.int64]:
    y = np.asarray(y)
    if len(y) != len(X):
        raise DataError(
            f"labels: expected one label a row, got {len(y)} for {len(X)} rows; give them in the rows' order"
        )
    if pd.isna(y).any() or len(pd.unique(y)) > 2:
        raise DataError("labels: expected two values and none missing in y; judge the rows whose label is known")
    if k < 1 or not 0 <= max_dropped <= 1:
        raise DataError(
            f"labels: expected k of 1 or more and max_dropped from 0 to 1, got {k} and {max_dropped}; correct them"
        )
    known: NDArray[np.int64] = (y == positive).astype(np.int64)
    rarer = int(np.bincount(known, minlength=2).min())
    if rarer < 2:
        raise DataError(
            f"labels: expected at least 2 rows of each class, got {rarer} of the rarer one among {len(y)} rows whose "
            "label can be trusted; bring more rows"
        )
    return known


def _worth_asking(probability: Floats, y: NDArray[Any]) -> Ints:
    """Return the rows whose neighbours are looked at, in order: of each class those least sure of their label."""
    most = max(_LEAST, _ASKED * int(np.bincount(y, minlength=2).min()))
    parts = []
    for label in (0, 1):
        own = np.flatnonzero(y == label)
        other = probability[own] if label == 0 else 1 - probability[own]
        parts.append(own[np.argsort(-other, kind="stable")[:most]])
    return np.sort(np.concatenate(parts))


def _doubt(other: Floats, disagreement: Floats) -> Floats:
    """Return the two ranks joined, least for the most suspect: a row must be near the top of both."""
    doubt: Floats = np.log(rankdata(-other)) + np.log(rankdata(-disagreement))
    return doubt


def _rate(suspect: NDArray[np.bool_], confidence: float) -> dict[str, Any]:
    rows, count = len(suspect), int(suspect.sum())
    interval = wilson(count, rows, confidence)
    return {
        "rows": rows,
        "suspects": count,
        "rate": count / rows if rows else 0.0,
        "low": float(interval.low),
        "high": float(interval.high),
    }
