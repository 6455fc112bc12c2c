"""Columns that look like leaks: a column that alone gives the label away, ids, and what is only known afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from rarecall.profiling import names
from rarecall.profiling.kinds import ColumnKind

AUC = 0.99
"""A single column above this is rarely a feature; the best honest ones of the four example tables stay below 0.87."""

_ROWS = 20_000  # of each class; the area does not depend on how many rows each class has
_FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A column that a model should probably not read, why, and the figure behind it, if there is one."""

    column: str
    reason: str
    figure: float | None = None


def suspects(
    frame: pd.DataFrame, y: "pd.Series[bool]", kinds: Mapping[str, ColumnKind], *, seed: int = 0
) -> list[Suspect]:
    """Return the columns that look like leaks, in the table's order; the first reason that holds is given.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    y : Series of bool, shape (n_rows,)
        Where the row is of the rare class; its name is the label's.
    kinds : mapping of str to str
        Of the columns to look at, such as `Profile.features`.
    seed : int
        Of the folds and, above 20,000 rows of a class, of the sample.

    Notes
    -----
    A number is judged by the area under its ROC curve, missing values put at either end, in whichever direction is
    larger. A category is judged by its share of positives in rows of other folds (Micci-Barreca 2001, as scikit-learn's
    `TargetEncoder` computes it), so that a column with a different value in every row does not pass for a leak by
    memory.

    >>> table = pd.DataFrame({"amount": [3, 1, 4, 1, 5, 9, 2, 6] * 5, "closed_at": ["2026-03-01"] * 40})
    >>> fraud = pd.Series([False] * 7 + [True], name="is_fraud").repeat(5)
    >>> [found.reason for found in suspects(table, fraud, {"amount": "numeric", "closed_at": "constant"})]
    ["its name ('closed') suggests something known only with the label"]
    """
    rng = np.random.default_rng(seed)
    rare = y.to_numpy(dtype=bool)
    sides = [np.flatnonzero(rare == side) for side in (False, True)]
    places = np.sort(np.concatenate([rng.permutation(side)[:_ROWS] for side in sides]))
    sample, truth = frame.iloc[places], rare[places]
    judged = (_judge(sample[name], truth, kind, label=str(y.name), seed=seed) for name, kind in kinds.items())
    return [suspect for suspect in judged if suspect]


def _judge(
    column: "pd.Series[Any]", truth: npt.NDArray[np.bool_], kind: ColumnKind, *, label: str, seed: int
) -> Suspect | None:
    name = str(column.name)
    area = _area(column, truth, kind, seed)
    if area > AUC:
        # Cut, not rounded: 0.9996 is not 1.
        return Suspect(column=name, reason=f"alone it gives the label away: AUC {int(area * 1000) / 1000}", figure=area)
    if word := names.outcome(name, label):
        return Suspect(column=name, reason=f"its name ({word!r}) suggests something known only with the label")
    if kind == "id":
        share = column.nunique() / max(column.notna().sum(), 1)
        return Suspect(column=name, reason="an id: a model would learn who, not what", figure=float(share))
    return None


def _area(column: "pd.Series[Any]", truth: npt.NDArray[np.bool_], kind: ColumnKind, seed: int) -> float:
    """Return how well one column ranks the rare class; 0.5 where it says nothing."""
    if kind == "constant" or truth.sum() < _FOLDS or (~truth).sum() < _FOLDS:
        return 0.5
    numbers = _numbers(column, kind)
    if numbers is None:
        values = column.astype("string").fillna("").to_numpy(dtype=object).reshape(-1, 1)
        encoder = TargetEncoder(target_type="binary", cv=StratifiedKFold(_FOLDS, shuffle=True, random_state=seed))
        return float(roc_auc_score(truth, encoder.fit_transform(values, truth).ravel()))
    low, high = (float(roc_auc_score(truth, numbers.fillna(end))) for end in _ends(numbers))
    return max(low, high, 1 - low, 1 - high)


def _numbers(column: "pd.Series[Any]", kind: ColumnKind) -> "pd.Series[float] | None":
    if kind == "date":
        moments = pd.to_datetime(column, utc=True, errors="coerce", format="mixed")
        return moments.astype("int64").astype(float).mask(moments.isna())
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    return numbers if kind == "numeric" or (kind == "id" and numbers.notna().any()) else None


def _ends(numbers: "pd.Series[float]") -> tuple[float, float]:
    return numbers.min() - 1, numbers.max() + 1
