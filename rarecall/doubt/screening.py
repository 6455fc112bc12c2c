"""Screening: what a label verdict means for the training rows: which teach, with what weight, and which may seed."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall import intervals
from rarecall.errors import DataError
from rarecall.intervals import Interval
from rarecall.sections import Gates, Labels

HALF = 0.5
"""The weight of a row whose label is, for all that is known, as likely wrong as right."""


def screen(verdict: pd.DataFrame, y: NDArray[Any], *, max_dropped: float) -> pd.DataFrame:
    """Hold the number of rare rows dropped from the training part under its cap.

    The cap is on the training part because nothing is dropped elsewhere: of a verdict on all rows, more than the share
    may lie in it. What the cap spares is reviewed and counts a half: with its score as its weight, which is near 0, it
    would be dropped under another name.

    Parameters
    ----------
    verdict : DataFrame of shape (n_rows, ...)
        The verdict on the training rows: `score`, `action`, `weight`.
    y : array of shape (n_rows,)
        1 for the rare class, else 0.
    max_dropped : float
        Share of the rare rows, from 0 to 1; rounded down to whole rows.

    Returns
    -------
    DataFrame indexed like verdict

    Examples
    --------
    >>> verdict = pd.DataFrame({"score": [0.02, 0.01, 0.03], "action": "drop", "weight": 0.0})
    >>> screen(verdict, np.array([1, 1, 0]), max_dropped=0.5)
       score  action  weight
    0   0.02  review     0.5
    1   0.01    drop     0.0
    2   0.03    drop     0.0
    """
    verdict, rare = verdict.copy(), np.asarray(y) == 1
    may = math.floor(round(max_dropped * int(rare.sum()), 9))
    dropped = verdict.index[rare & (verdict["action"] == "drop").to_numpy()]
    spared = verdict.loc[dropped].sort_values("score", kind="stable").index[may:]
    verdict.loc[spared, "action"] = "review"
    verdict.loc[spared, "weight"] = HALF
    return verdict


def fallback(noise: Mapping[str, Any], labels: Labels, gates: Gates) -> str | None:
    """Return why the training rows are to be weighted by class and not augmented, or None where they are as asked.

    Parameters
    ----------
    noise : mapping
        `noise_rate` with its bounds `low` and `high`.
    labels : Labels
        `on_noise` says what follows from too much of it.
    gates : Gates
        `label_noise_rate` is the limit. Only an interval that lies above it is too much: not enough evidence of noise
        changes nothing here, as the gate reads it again.

    Raises
    ------
    DataError
        There is too much noise, and the project would rather have no model then.

    Examples
    --------
    >>> noise = {"noise_rate": 0.05, "low": 0.04, "high": 0.06}
    >>> print(fallback(noise, Labels(), Gates()))
    5.0% [4.0%, 6.0%] of the labels are suspect, above gates.label_noise_rate of 2.0%: no synthetic rows were made of \
them, and the learner weighs the classes instead (labels.on_noise: weights)
    >>> fallback(noise | {"low": 0.01}, Labels(), Gates()) is None
    True
    """
    found = Interval(noise["low"], noise["high"])
    if labels.on_noise == "ignore" or intervals.below(found, gates.label_noise_rate) != "bad":
        return None
    said = (
        f"{noise['noise_rate']:.1%} [{found.low:.1%}, {found.high:.1%}] of the labels are suspect, "
        f"above gates.label_noise_rate of {gates.label_noise_rate:.1%}"
    )
    if labels.on_noise == "fail":
        raise DataError(
            f"{said}, and labels.on_noise is fail; answer the doubted rows (rarecall labels export), "
            "or set it to weights"
        )
    return (
        f"{said}: no synthetic rows were made of them, and the learner weighs the classes instead "
        "(labels.on_noise: weights)"
    )
