"""How much commoner each reference row would be among the rows of now: the weights that covariate shift calls for.

A classifier that tells the rows of now from the reference's knows the ratio of their densities: it is the odds that it
gives a row (Bickel, Bruckner & Scheffer 2009, J. Mach. Learn. Res. 10:2137).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from rarecall.errors import DataError, nearest

LARGEST = 20.0
"""No row stands for more than this many, nor for less than one in as many: a few would say more than they know."""

TOLD_APART = 0.55
"""The AUC below which the rows of now count as like the reference's; chance is 0.5."""

ENOUGH = 100.0
"""Positives that the weights must leave of the reference's; where they would leave fewer, they are tempered."""

_ROWS = 20_000  # of either side teach the classifier: more change the weights by less than their own noise
_FOLDS = 3


@dataclass(frozen=True, eq=False)
class Ratio:
    """How unlike the rows of now are.

    Attributes
    ----------
    weight : array of float of shape (n_reference_rows,), or None
        With a mean of 1; None where the two cannot be told apart, so that nothing need be weighted.
    auc : float
        Of the classifier, on rows that it did not learn from; 0.5 where it tells nothing.
    effective_rows : float
        As many unweighted rows would tell as much (Kish 1965, Survey Sampling).
    """

    weight: NDArray[np.float64] | None
    auc: float
    effective_rows: float


def ratio(reference: pd.DataFrame, now: pd.DataFrame, kinds: Mapping[str, str], *, seed: int) -> Ratio:
    """Weigh reference rows by how like the rows of now they are.

    Parameters
    ----------
    reference, now : DataFrame of shapes (n_rows, n_columns)
    kinds : mapping of str to str
        The features and their kinds, `numeric` or `categorical`; both tables have them.
    seed : int
        Of the sample that teaches and of the folds.

    Raises
    ------
    DataError
        A column is absent, or a table has fewer than 100 rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> before, after = (pd.DataFrame({"age": rng.normal(mean, size=1500)}) for mean in (0.0, 1.0))
    >>> made = ratio(before, after, {"age": "numeric"}, seed=0)
    >>> old = before["age"] > 0
    >>> bool(made.weight[old].mean() > 2 * made.weight[~old].mean()), round(made.auc, 1)
    (True, 0.7)
    >>> ratio(before, before.copy(), {"age": "numeric"}, seed=0).weight is None
    True
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    _check(reference, now, kinds)
    features = list(kinds)
    rows = pd.concat([reference[features], now[features]], ignore_index=True)
    is_now = np.arange(len(rows)) >= len(reference)
    chance = np.zeros(len(rows))
    for teach, judge in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(rows, is_now):
        chosen = _sample(teach, is_now, seed)
        share = is_now[chosen].mean()
        learner = _learner(kinds, seed).fit(rows.iloc[chosen], is_now[chosen])
        told = learner.predict_proba(rows.iloc[judge])[:, 1]
        # Each fold's odds are freed of how many rows of either side taught it.
        chance[judge] = np.log(told) - np.log1p(-told) - np.log(share / (1 - share))
    auc = float(roc_auc_score(is_now, chance))
    if auc < TOLD_APART:
        return Ratio(None, auc, float(len(reference)))
    weight = np.exp(chance[: len(reference)]).clip(1 / LARGEST, LARGEST)
    weight /= weight.mean()
    return Ratio(weight, auc, float(weight.sum() ** 2 / (weight**2).sum()))


def tempered(weight: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weights to the largest power, of 1 in tenths, that leaves enough of the positives.

    What weights gain in likeness they lose in rows, and a reference has few positives to lose; with the power 0 all
    rows count alike.

    >>> weight = np.repeat([0.1, 2.0], [150, 150])
    >>> tempered(weight, np.ones(300, dtype=bool)).round(2)[[0, -1]].tolist()
    [0.1, 1.9]
    >>> tempered(weight, np.arange(300) % 2 == 0).round(2)[[0, -1]].tolist()
    [0.37, 1.63]
    """
    for power in np.arange(10, 0, -1) / 10:
        tried = weight**power
        own = tried[truth]
        if own.size and own.sum() ** 2 / (own**2).sum() >= ENOUGH:
            made: NDArray[np.float64] = tried / tried.mean()
            return made
    return np.ones_like(weight)


def _check(reference: pd.DataFrame, now: pd.DataFrame, kinds: Mapping[str, str]) -> None:
    for table in (reference, now):
        if absent := [name for name in kinds if name not in table.columns]:
            raise DataError(f"estimate: the table has no column {absent[0]!r}{nearest(absent[0], list(table.columns))}")
        if len(table) < 100:
            raise DataError(f"estimate: expected 100 rows or more to tell two tables apart, got {len(table)}")


def _sample(places: NDArray[np.intp], is_now: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    rng = np.random.default_rng(seed)
    parts = [places[is_now[places] == side] for side in (False, True)]
    return np.concatenate([part if len(part) <= _ROWS else rng.choice(part, _ROWS, replace=False) for part in parts])


def _learner(kinds: Mapping[str, str], seed: int) -> Pipeline:
    from sklearn.ensemble import HistGradientBoostingClassifier

    from rarecall.learners.columns import coded
    from rarecall.learners.learner import Columns

    # Weak trees, few of them: what is overfitted here becomes noise in every weight.
    boosted = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.1, max_leaf_nodes=15, min_samples_leaf=50, l2_regularization=1.0, random_state=seed
    )
    return Pipeline([("columns", coded(Columns.of(kinds))), ("learner", boosted)])
