"""The learners: a scikit-learn pipeline that takes the table's own columns and needs nothing of ours to be loaded."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import StackingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline

from rarecall.errors import DataError, nearest
from rarecall.learners import known
from rarecall.learners.learner import Columns, believed
from rarecall.sections import Training
from rarecall.strategies import under

TRUSTED_TYPES = {name: list(learner.types) for name, learner in known.KNOWN.items()}
"""What each learner's skops file holds beyond skops' own list; a model with anything else is not loaded."""

CALIBRATED_TYPES: dict[str, list[str]] = {
    "none": [],
    "platt": ["sklearn.utils._bunch.Bunch"],  # scikit-learn's dict with attributes, which holds a stack's members
    "beta": ["sklearn.utils._bunch.Bunch"],
    "isotonic": ["sklearn.utils._bunch.Bunch", "sklearn.calibration._CalibratedClassifier"],
}
"""What the file holds besides, by the method of calibration."""


def estimator(training: Training, kinds: Mapping[str, str], *, seed: int) -> Pipeline:
    """Return an unfitted pipeline from a table's raw columns to the probability of the rare class.

    Parameters
    ----------
    training : Training
        The learner and its parameters.
    kinds : mapping of str to str
        Each feature's kind, `numeric` or `categorical`; other columns of the table are ignored.
    seed : int

    Raises
    ------
    DataError
        The learner has no such parameter, or is an extra that is not installed.
    """
    learner, columns = known.KNOWN[training.learner], Columns.of(kinds)
    known.versions([training.learner])
    classifier = learner.load()
    parameters = sorted(classifier().get_params())
    for name in training.parameters:
        if name not in parameters:
            raise DataError(
                f"training.parameters.{name}: {training.learner} has no such parameter{nearest(name, parameters)}"
            )
    chosen = {"random_state": seed, **learner.defaults(columns), **training.parameters}
    return Pipeline([("columns", learner.columns(columns)), ("learner", classifier(**chosen))])


def taught(
    training: Training,
    rows: pd.DataFrame,
    kinds: Mapping[str, str],
    weight: np.ndarray[Any, Any],
    *,
    seed: int,
) -> tuple[pd.DataFrame, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the features, labels and weights of the rows that teach: all, or those that `training.under` leaves.

    Parameters
    ----------
    training : Training
    rows : DataFrame of shape (n_rows, n_columns)
        With `label` and the features, real and synthetic rows.
    kinds : mapping of str to str
        The features and their kinds.
    weight : array of shape (n_rows,)
    seed : int
    """
    y = rows["label"].to_numpy()
    if training.under == "none":
        return rows[list(kinds)], y, weight
    stay = under.kept(training.under, rows, kinds, y, seed=seed, parameters=training.under_parameters)
    return rows.iloc[stay][list(kinds)], y[stay], weight[stay]


def fit(
    pipeline: Pipeline, rows: pd.DataFrame, y: np.ndarray[Any, Any], weight: np.ndarray[Any, Any] | None = None
) -> Pipeline:
    """Fit on training rows, real and synthetic.

    Parameters
    ----------
    pipeline : Pipeline
        As `estimator` made it.
    rows : DataFrame of shape (n_rows, n_columns)
    y : array of shape (n_rows,)
        0 and 1.
    weight : array of shape (n_rows,), optional
        How much each row counts: 1 for a trusted label, less for a doubted one. Without it each counts as 1. A learner
        that takes no weights is taught by each row with this probability (`rarecall.learners.learner.believed`).

    Raises
    ------
    DataError
        The learner refuses its parameters.
    """
    learner = known.of(pipeline["learner"])
    # No learner here can bin or impute a number of which nothing is known; as a constant it teaches nothing.
    empty = [str(name) for name in rows.select_dtypes("number") if rows[name].isna().all()]
    rows = rows.assign(**dict.fromkeys(empty, 0.0))
    if weight is not None and not learner.takes_weights:
        kept = believed(y, weight, seed=pipeline["learner"].random_state)
        rows, y, weight = rows[kept], y[kept], None
    given = {f"learner__{name}": value for name, value in learner.arguments(pipeline, y, weight).items()}
    try:
        fitted: Pipeline = pipeline.fit(rows, y, **given)
    except learner.refused() as error:
        # The libraries check parameter values in fit, and say which.
        raise DataError(f"training: {str(error).splitlines()[0]}; check training.parameters") from error
    learner.finished(fitted)
    return fitted


def score(pipeline: Any, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Return the probability of the rare class, of shape (n_rows,).

    Categories are texts or None in a column of objects, as a snapshot types them, even where none of them is known.
    """
    probability: np.ndarray[Any, Any] = pipeline.predict_proba(rows)[:, 1]
    return probability


def calibrated(pipeline: Pipeline, classifier: Any, rows: pd.DataFrame) -> Pipeline | StackingClassifier:
    """Return the pipeline with a calibrator behind it, or as it is where there is none.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted.
    classifier : classifier of one column, or None
        As `rarecall.calibration.fit` made it.
    rows : DataFrame
        Any two or more, for scikit-learn's checks; both parts are frozen, so nothing is learned from them.
    """
    if classifier is None:
        return pipeline
    stacked = StackingClassifier(
        [("learner", FrozenEstimator(pipeline))],
        FrozenEstimator(classifier),
        cv="prefit",
        stack_method="predict_proba",
    )
    return stacked.fit(rows.head(2), np.array([0, 1]))


def uncalibrated(served: FixedThresholdClassifier) -> Pipeline | None:
    """Return what a served model's calibrator stands behind, or None where it has none."""
    inside = served.estimator.estimator
    return inside.estimators_[0].estimator if isinstance(inside, StackingClassifier) else None


def learned(served: FixedThresholdClassifier) -> Pipeline:
    """Return what was fitted on the training rows, without the calibrator and the threshold around it."""
    whole: Pipeline = uncalibrated(served) or served.estimator.estimator
    return whole


def with_threshold(
    model: Pipeline | StackingClassifier, threshold: float, rows: pd.DataFrame
) -> FixedThresholdClassifier:
    """Return the model that is served: its `predict` is the decision at this threshold.

    The model is frozen, so `rows` (any two or more) only pass scikit-learn's checks; nothing is learned from them.
    """
    served = FixedThresholdClassifier(FrozenEstimator(model), threshold=threshold, response_method="predict_proba")
    two = rows.head(2)
    return served.fit(two, np.array([0, 1]))
