"""Association: how strongly the columns of a table go together, two by two, whatever their kinds.

Two numbers: Spearman's rank correlation, since amounts are seldom normal. Two categories: Cramér's V with Bergsma's
correction (2013, J. Korean Stat. Soc. 42:323). A number and a category: the correlation ratio of the ranks with
Kelley's correction (1935, PNAS 21:554). The corrections matter here: a rare class has few rows, and without them few
rows look associated.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

MEASURE = "Spearman; Cramér's V; correlation ratio of ranks"

_LEVELS = 50  # the rarest values of a category count as one: a cell of a few rows says nothing
_FIELLER = 1.06  # variance of Fisher's z of a rank correlation times (n - 3) (Fieller, Hartley & Pearson 1957)
_FEWEST = 4  # rows below which Fisher's z has no variance

Floats = NDArray[np.float64]


def matrix(frame: pd.DataFrame, kinds: Mapping[str, str]) -> Floats:
    """Return the association of every two columns, NaN where one of them does not vary.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        A missing number leaves its row out of that pair; a missing category is a value of its own.
    kinds : mapping of str to str
        The columns to compare and their kinds, `numeric` or `categorical`.

    Returns
    -------
    ndarray of shape (n_kinds, n_kinds)
        In the order of `kinds`; correlations from -1 to 1, the others from 0 to 1.

    >>> rows = pd.DataFrame({"x": [1.0, 2.0, 3.0, 9.0], "y": [9.0, 5.0, 4.0, 1.0], "job": ["a", "a", "b", "b"]})
    >>> matrix(rows, {"x": "numeric", "y": "numeric", "job": "categorical"}).round(2).tolist()
    [[1.0, -1.0, 0.84], [-1.0, 1.0, 0.84], [0.84, 0.84, 1.0]]
    """
    names = list(kinds)
    found = np.full((len(names), len(names)), np.nan)
    np.fill_diagonal(found, 1.0)
    numeric = [at for at, name in enumerate(names) if kinds[name] == "numeric"]
    voted = [at for at, name in enumerate(names) if kinds[name] != "numeric"]
    ranks = frame[[names[at] for at in numeric]].astype(np.float64).rank()
    if numeric:
        found[np.ix_(numeric, numeric)] = _spearman(ranks)
    codes = {at: _codes(frame[names[at]]) for at in voted}
    for a, b in combinations(voted, 2):
        found[a, b] = found[b, a] = _cramer(codes[a], codes[b])
    for place, a in enumerate(numeric):
        rank = ranks.iloc[:, place].to_numpy()
        for b in voted:
            found[a, b] = found[b, a] = _correlation_ratio(rank, codes[b])
    return found


def difference(
    real: Floats, other: Floats, names: list[str], *, n_real: int, confidence: float = 0.95
) -> dict[str, Any]:
    """Return how far two association matrices lie apart: the largest and the mean absolute difference.

    Parameters
    ----------
    real, other : ndarray of shape (n_columns, n_columns)
    names : list of str
        The columns' names.
    n_real : int
        Rows behind `real`, which sets the interval: `other` is what it is, `real` is a sample. Fisher's z with
        Fieller's variance, widened to hold over all pairs together (Bonferroni).
    confidence : float

    Returns
    -------
    dict
        JSON-ready: `largest` {`columns`, `value`, `low`, `high`}, `mean` and `pairs`, how many were compared. None
        where no pair varies on both sides.

    >>> one = np.array([[1.0, 0.5], [0.5, 1.0]])
    >>> found = difference(one, np.eye(2), ["x", "y"], n_real=1000)
    >>> found["mean"], [round(found["largest"][name], 2) for name in ("value", "low", "high")]
    (0.5, [0.5, 0.45, 0.55])
    """
    rows, columns = np.triu_indices(len(names), k=1)
    mine, theirs = real[rows, columns], other[rows, columns]
    known = ~(np.isnan(mine) | np.isnan(theirs))
    rows, columns, mine, theirs = rows[known], columns[known], mine[known], theirs[known]
    if not len(mine):
        return {"largest": None, "mean": None, "pairs": 0}
    apart = np.abs(mine - theirs)
    worst = int(np.argmax(apart))
    low, high = _bounds(mine, n_real, 1 - (1 - confidence) / len(mine))
    nearest = np.maximum(np.maximum(low - theirs, theirs - high), 0.0)
    farthest = np.maximum(np.abs(theirs - low), np.abs(theirs - high))
    largest = {
        "columns": [names[rows[worst]], names[columns[worst]]],
        "value": float(apart[worst]),
        "low": float(nearest.max()),
        "high": float(farthest.max()),
    }
    return {"largest": largest, "mean": float(apart.mean()), "pairs": len(mine)}


def _spearman(ranks: pd.DataFrame) -> Floats:
    if ranks.isna().to_numpy().any():
        # Ranked anew for every pair, among the rows that know both.
        found: Floats = ranks.corr(method="spearman").to_numpy()
        return found
    values = ranks.to_numpy() - (len(ranks) + 1) / 2  # the mean rank, whatever the ties: a constant column is 0
    length = np.sqrt((values**2).sum(axis=0))
    with np.errstate(invalid="ignore"):
        correlation: Floats = (values.T @ values) / np.outer(length, length)
    return np.clip(correlation, -1.0, 1.0)


def _codes(column: "pd.Series[Any]") -> NDArray[np.int64]:
    code, _ = pd.factorize(column, use_na_sentinel=False)
    counts = np.bincount(code)
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return np.minimum(rank, _LEVELS)[code]


def _cramer(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    n, width = len(a), int(b.max(initial=0)) + 1
    table = np.bincount(a * width + b, minlength=(int(a.max(initial=0)) + 1) * width).reshape(-1, width)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    rows, columns = table.shape
    if min(rows, columns) < 2 or n < 2:
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n
    corrected = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(min(1.0, np.sqrt(corrected / least))) if least > 0 else float("nan")


def _correlation_ratio(rank: Floats, code: NDArray[np.int64]) -> float:
    known = ~np.isnan(rank)
    rank, code = rank[known], code[known]
    counts = np.bincount(code)
    there = counts > 0
    n, groups = len(rank), int(there.sum())
    if groups < 2 or n <= groups:
        return float("nan")
    total = float(((rank - rank.mean()) ** 2).sum())
    if total == 0:
        return float("nan")
    means = np.bincount(code, weights=rank)[there] / counts[there]
    between = float((counts[there] * (means - rank.mean()) ** 2).sum())
    return float(np.sqrt(np.clip(1 - (1 - between / total) * (n - 1) / (n - groups), 0.0, 1.0)))


def _bounds(association: Floats, n: int, confidence: float) -> tuple[Floats, Floats]:
    if n < _FEWEST:
        return np.full_like(association, -1.0), np.full_like(association, 1.0)
    half = float(ndtri((1 + confidence) / 2)) * (_FIELLER / (n - 3)) ** 0.5
    # A correlation of 1 has no finite z; this near to it the interval is a point all the same.
    z = np.arctanh(np.clip(association, -1 + 1e-12, 1 - 1e-12))
    return np.tanh(z - half), np.tanh(z + half)
