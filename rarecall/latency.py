"""How long a model takes for one row, as those who wait for it see it: the middle and the slow end."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom

from rarecall.errors import DataError

_WARM_UP = 10


def measure(
    predict: Callable[[pd.DataFrame], Any], rows: pd.DataFrame, *, repeats: int = 400, confidence: float = 0.95
) -> dict[str, Any]:
    """Time a model on single rows, one after the other.

    Parameters
    ----------
    predict : callable
        Such as a model's `predict_proba`; called with one row at a time.
    rows : DataFrame of shape (n_rows, n_columns)
        Taken in turn.
    repeats : int
        Calls that are timed, after ten that are not. A 95% interval of the 99th percentile needs 368.
    confidence : float

    Returns
    -------
    dict
        In milliseconds: `p50` and `p99` with `p50_low`, `p50_high`, `p99_low`, `p99_high` from order statistics, which
        assume nothing of the times (David & Nagaraja 2003, Order Statistics, section 7.1); a bound that so many calls
        cannot give is None. `repeats` says how many there were.

    Raises
    ------
    DataError
        There are no rows.

    Examples
    --------
    >>> timed = measure(lambda row: row, pd.DataFrame({"amount": [1.0, 2.0]}), repeats=400)
    >>> timed["p50"] <= timed["p99"] <= timed["p99_high"], timed["repeats"]
    (True, 400)
    """
    if rows.empty:
        raise DataError("expected rows to time the model on, got none; give the holdout more rows")
    single = [rows.iloc[[place]] for place in range(min(len(rows), repeats))]
    for number in range(_WARM_UP):
        predict(single[number % len(single)])
    times = np.empty(repeats)
    for number in range(repeats):
        row = single[number % len(single)]
        started = time.perf_counter()
        predict(row)
        times[number] = time.perf_counter() - started
    times = np.sort(times) * 1000
    told: dict[str, Any] = {"repeats": repeats}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        # The share's quantile lies above as many of the times as a binomial number says.
        below, above = binom.ppf([(1 - confidence) / 2, (1 + confidence) / 2], repeats, share).astype(int)
        told[name] = float(np.quantile(times, share))
        told[f"{name}_low"] = float(times[below - 1]) if below > 0 else None
        told[f"{name}_high"] = float(times[above]) if above < repeats else None
    return told
