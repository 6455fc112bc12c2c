"""Marginals: how far each column of the synthetic rows lies from the real ones, and how mixed its categories are.

A distance is judged with an interval that needs nothing but the number of real rows: the synthetic rows are what they
are, the real rows are a sample of a population, and it is that population's distance which is bounded.
"""

from collections.abc import Mapping
from math import log, sqrt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecall.intervals import Interval

_MISSING = "\0"  # a level of its own: a sampler that fills gaps changes the column


def entropy(column: "pd.Series[Any]") -> float | None:
    """Return the Shannon entropy of a column's values in bits (Shannon 1948, Bell Syst. Tech. J. 27:379).

    A missing value counts as one of the values. It is the entropy of these rows, without a correction for how few they
    are; None where there is no row.

    >>> entropy(pd.Series(["a", "b", "a", "b"])), entropy(pd.Series(["a", "a"])), entropy(pd.Series([], dtype=object))
    (1.0, 0.0, None)
    """
    share = _shares(column).to_numpy()
    return float(np.sum(-share * np.log2(share))) + 0.0 if len(share) else None


def kolmogorov_smirnov(a: ArrayLike, b: ArrayLike) -> float | None:
    """Return the largest gap between two empirical distribution functions; None where one side knows no value.

    Parameters
    ----------
    a, b : array-like of float, shapes (n_a,) and (n_b,)
        Missing values are left out.

    >>> kolmogorov_smirnov([1, 2, 3, 4], [3, 4, 5, np.nan])
    0.5
    """
    one, two = _known(a), _known(b)
    if not len(one) or not len(two):
        return None
    at = np.concatenate([one, two])
    below_one = np.searchsorted(one, at, side="right") / len(one)
    below_two = np.searchsorted(two, at, side="right") / len(two)
    return float(np.abs(below_one - below_two).max())


def total_variation(a: "pd.Series[Any]", b: "pd.Series[Any]") -> float | None:
    """Return half the summed difference of two columns' shares; a missing value counts as one of the values.

    None where one side has no row.

    >>> total_variation(pd.Series(["a", "b"]), pd.Series(["a", "a", "a", None]))
    0.5
    """
    if a.empty or b.empty:
        return None
    one, two = _shares(a).align(_shares(b), fill_value=0.0)
    return float((one - two).abs().sum() / 2)


def distance_bounds(distance: float, n_real: int, *, levels: int | None, alpha: float) -> Interval:
    """Return an interval of a column's distance from the population that the real rows were drawn from.

    By the triangle inequality the error is at most the distance of the real rows from their own population, which holds
    however the synthetic rows depend on the real ones. For a number that is the Dvoretzky-Kiefer-Wolfowitz bound with
    Massart's constant (Massart 1990, Ann. Probab. 18:1269); for a category of `levels` values its mean is at most
    sqrt((levels - 1) / n) / 2, and McDiarmid's inequality bounds the rest (Devroye & Lugosi 2001, ch. 5).

    Parameters
    ----------
    levels : int or None
        How many values a category has; None: the column is a number.
    alpha : float
        How often the bound may fail.

    >>> low, high = distance_bounds(0.2, 1000, levels=None, alpha=0.05)
    >>> round(low, 3), round(high, 3)
    (0.157, 0.243)
    """
    if levels is None:
        error = sqrt(log(2 / alpha) / (2 * n_real))
    else:
        error = sqrt((levels - 1) / n_real) / 2 + sqrt(log(1 / alpha) / (2 * n_real))
    return Interval(max(distance - error, 0.0), min(distance + error, 1.0))


def compare(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    holdout: pd.DataFrame,
    kinds: Mapping[str, str],
    *,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Compare each column of the synthetic rows with the real rows they were made of, and with rows nobody has seen.

    Parameters
    ----------
    real, synthetic, holdout : DataFrame of shapes (n_rows, n_columns)
        Rows of the rare class: of the training part, made, and of the holdout.
    kinds : mapping of str to str
        The columns and their kinds: `numeric` (Kolmogorov-Smirnov) or `categorical` (total variation).
    confidence : float
        With which all columns' intervals hold together (Bonferroni).

    Returns
    -------
    dict
        JSON-ready. `columns`, the farthest first: `name`, `kind`, `distance` (synthetic from real) with `low` and
        `high`, `from_holdout` (synthetic from holdout), `drift` (holdout from real: what real rows do by themselves),
        `entropy` and `missing` of the three; `largest` {`column`, `value`, `low`, `high`}; `mean`, `mean_from_holdout`
        and `mean_drift`. A figure that the rows do not define is None.

    >>> rows = pd.DataFrame({"job": ["cook", "nurse"] * 20})
    >>> found = compare(rows, rows.head(1), rows, {"job": "categorical"})
    >>> found["largest"]["value"], found["columns"][0]["entropy"]
    (0.5, {'real': 1.0, 'synthetic': 0.0, 'holdout': 1.0})
    """
    alpha = (1 - confidence) / max(1, len(kinds))
    columns = [
        _column(str(name), kind, real[name], synthetic[name], holdout[name], alpha) for name, kind in kinds.items()
    ]
    columns.sort(key=lambda column: -(column["distance"] or 0.0))
    known = [column for column in columns if column["distance"] is not None]
    largest = None
    if known:
        # Where all intervals hold, the largest of the true distances lies between the largest of their bounds.
        low, high = (max(column[bound] for column in known) for bound in ("low", "high"))
        largest = {"column": known[0]["name"], "value": known[0]["distance"], "low": low, "high": high}
    return {
        "columns": columns,
        "largest": largest,
        "mean": _mean([column["distance"] for column in columns]),
        "mean_from_holdout": _mean([column["from_holdout"] for column in columns]),
        "mean_drift": _mean([column["drift"] for column in columns]),
    }


def _column(
    name: str,
    kind: str,
    real: "pd.Series[Any]",
    synthetic: "pd.Series[Any]",
    holdout: "pd.Series[Any]",
    alpha: float,
) -> dict[str, Any]:
    numeric = kind == "numeric"
    apart: Any = kolmogorov_smirnov if numeric else total_variation
    parts = {"real": real, "synthetic": synthetic, "holdout": holdout}
    distance = apart(real, synthetic)
    low = high = None
    if distance is not None:
        levels, rows = (None, real.count()) if numeric else (real.nunique(dropna=False), len(real))
        low, high = distance_bounds(distance, int(rows), levels=levels, alpha=alpha)
    return {
        "name": name,
        "kind": kind,
        "distance": distance,
        "low": low,
        "high": high,
        "from_holdout": apart(holdout, synthetic),
        "drift": apart(real, holdout),
        "entropy": None if numeric else {part: entropy(rows) for part, rows in parts.items()},
        "missing": {part: float(rows.isna().mean()) if len(rows) else None for part, rows in parts.items()},
    }


def _shares(column: "pd.Series[Any]") -> "pd.Series[float]":
    """Return each value's share, in the order of the values: sums come out the same whatever the rows' order."""
    return column.astype("string").fillna(_MISSING).value_counts(normalize=True).sort_index().astype(float)


def _known(values: ArrayLike) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    return np.sort(numbers[~np.isnan(numbers)])


def _mean(figures: list[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return float(np.mean(known)) if known else None
