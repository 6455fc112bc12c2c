"""A threshold for each value of a cohort: chosen on real validation rows, and decided by the model itself.

Where a value has too few positives to choose by, or its own threshold would not hold what the policy asks for, the
overall one stands.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from rarecall import cohorts
from rarecall.errors import DataError
from rarecall.sections import Cohort
from rarecall.threshold import Threshold

TRUSTED = ["rarecall.cohort_threshold.CohortThresholdClassifier"]
"""What the model's file holds besides: to load it takes rarecall."""


class CohortThresholdClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Decides by a threshold on the probability of the rare class that depends on one of the columns it reads.

    Parameters
    ----------
    estimator : classifier
        Frozen, with `predict_proba` and the two classes 0 and 1.
    column : str
        The cohort's, among those that the estimator reads.
    edges : list of float or None
        Of its bands; None: every value for itself. As `rarecall.sections.Cohort`.
    thresholds : dict of str to float
        By the cohort's value; a row is flagged from it up.
    threshold : float
        Of every other value, and of what is not known.
    """

    def __init__(
        self, estimator: Any, column: str, edges: list[float] | None, thresholds: dict[str, float], threshold: float
    ) -> None:
        self.estimator = estimator
        self.column = column
        self.edges = edges
        self.thresholds = thresholds
        self.threshold = threshold

    def fit(self, X: pd.DataFrame, y: Any = None) -> "CohortThresholdClassifier":  # noqa: ARG002 - scikit-learn's signature
        """Check that the cohort's column is there; nothing is learned.

        Raises
        ------
        DataError
            The model does not read the column.
        """
        check(self.column, list(X.columns))
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.n_features_in_ = X.shape[1]
        return self

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the estimator's probabilities of both classes, of shape (n_rows, 2)."""
        check_is_fitted(self)
        probability: NDArray[np.float64] = self.estimator.predict_proba(X)
        return probability

    def predict(self, X: pd.DataFrame) -> NDArray[np.int64]:
        """Return 1 for each row that is flagged, else 0, of shape (n_rows,)."""
        return (self.predict_proba(X)[:, 1] >= self.cuts(X)).astype(np.int64)

    def cuts(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the threshold of each row, of shape (n_rows,)."""
        named = cohorts.assign(X[[self.column]], [Cohort(column=self.column, edges=self.edges)])[self.column]
        codes, values = pd.factorize(named)
        each = np.array([self.thresholds.get(str(value), self.threshold) for value in values], dtype=float)
        return each[codes]


def check(column: str, features: Collection[str]) -> None:
    """Raise DataError where a model of these features would not read the column that its threshold depends on."""
    if column not in features:
        raise DataError(
            f"training.threshold.by: expected a column that the model reads, got {column!r}; it reads "
            f"{', '.join(map(str, features))}: add it to the features, or name one of these"
        )


def cuts(served: Any, rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return from which probability a served model flags each row, whether its threshold is one or one a cohort value.

    Parameters
    ----------
    served : FixedThresholdClassifier or CohortThresholdClassifier
    rows : DataFrame of shape (n_rows, n_columns)
    """
    if isinstance(served, CohortThresholdClassifier):
        return served.cuts(rows)
    return np.full(len(rows), float(served.threshold))


def choose(
    rows: pd.DataFrame,
    score: NDArray[np.float64],
    cohort: Cohort,
    overall: Threshold,
    policy: Callable[[pd.DataFrame, NDArray[np.float64]], Threshold],
    *,
    min_positives: int = 30,
) -> dict[str, dict[str, Any]]:
    """Choose the threshold of each value of a cohort on its own rows.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        Real validation rows with `label` and the cohort's column.
    score : array of shape (n_rows,)
    cohort : Cohort
    overall : Threshold
        Of all rows, for the values without one of their own.
    policy : callable
        Chooses a threshold on the rows and scores of one value.
    min_positives : int
        A value with fewer has none of its own.

    Returns
    -------
    dict
        JSON-ready, by value in a person's order: `threshold`, `positives`, `own` (whether it is its own) and `reason`.
    """
    named = cohorts.assign(rows, [cohort])[cohort.column]
    found: dict[str, dict[str, Any]] = {}
    for value in cohorts.in_order(named.unique()):
        mine = (named == value).to_numpy()
        positives = int(rows.loc[mine, "label"].sum())
        told = {"threshold": overall.value, "positives": positives, "own": False}
        if positives < min_positives:
            found[value] = told | {"reason": f"{positives} positives where {min_positives} are needed"}
            continue
        chosen = policy(rows[mine], score[mine])
        if not chosen.reached:
            found[value] = told | {"reason": "no threshold of its own holds what the policy asks for"}
        else:
            found[value] = told | {"threshold": chosen.value, "own": True, "reason": "chosen on its own rows"}
    return found


def with_thresholds(
    model: Any, cohort: Cohort, found: Mapping[str, Mapping[str, Any]], overall: float, rows: pd.DataFrame
) -> CohortThresholdClassifier:
    """Return the model that is served; it is frozen, so `rows` (any, of its features alone) only name what it reads."""
    own = {value: float(one["threshold"]) for value, one in found.items() if one["own"]}
    edges = None if cohort.edges is None else [float(edge) for edge in cohort.edges]
    served = CohortThresholdClassifier(FrozenEstimator(model), cohort.column, edges, own, float(overall))
    return served.fit(rows)
