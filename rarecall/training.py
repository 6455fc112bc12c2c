"""The learners: a scikit-learn pipeline that takes the table's own columns and needs nothing of ours to be loaded."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, StackingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from rarecall.errors import DataError, nearest
from rarecall.sections import Training

_MOST_BINS = 254  # HistGradientBoosting takes at most 255 categories a column, one of them for missing
_RARE = 10  # a category with fewer rows than this is 'infrequent' to the one-hot learners

TRUSTED_TYPES = {
    "hist_gradient_boosting": [
        "functools.partial",  # scikit-learn's own check of numeric columns beside categorical ones, as ...
        "sklearn.utils.validation.check_array",  # ... partial(check_array, ...); skops trusts its function apart
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    ],
    "random_forest": ["numpy.dtype", "sklearn.tree._tree.Tree"],  # the imputer keeps the dtype it was fitted on
    "logistic_regression": ["numpy.dtype"],
}
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
        The learner has no such parameter.
    """
    numeric = [name for name, kind in kinds.items() if kind == "numeric"]
    categorical = [name for name, kind in kinds.items() if kind == "categorical"]
    learner, build = {
        "hist_gradient_boosting": (HistGradientBoostingClassifier, _hist_gradient_boosting),
        "random_forest": (RandomForestClassifier, _random_forest),
        "logistic_regression": (LogisticRegression, _logistic_regression),
    }[training.learner]
    known = sorted(learner().get_params())
    for name in training.parameters:
        if name not in known:
            raise DataError(
                f"training.parameters.{name}: {training.learner} has no such parameter{nearest(name, known)}"
            )
    return build(numeric, categorical, {"random_state": seed, **training.parameters})


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
        How much each row counts: 1 for a trusted label, less for a doubted one. Without it each counts as 1.

    Raises
    ------
    DataError
        The learner refuses its parameters.
    """
    # No learner here can bin or impute a number of which nothing is known; as a constant it teaches nothing.
    empty = [str(name) for name in rows.select_dtypes("number") if rows[name].isna().all()]
    try:
        fitted: Pipeline = pipeline.fit(rows.assign(**dict.fromkeys(empty, 0.0)), y, learner__sample_weight=weight)
    except ValueError as error:
        # scikit-learn checks parameter values in fit, and says which.
        raise DataError(f"training: {str(error).splitlines()[0]}; check training.parameters") from error
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


def _hist_gradient_boosting(numeric: list[str], categorical: list[str], parameters: dict[str, Any]) -> Pipeline:
    encode = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=_MOST_BINS,
    )
    columns = ColumnTransformer([("categorical", encode, categorical), ("numeric", "passthrough", numeric)])
    defaults: dict[str, Any] = {
        "early_stopping": False,  # it would draw its validation rows from synthetic ones too
        # Without it boosting can run away on a rare class: of ten simulated streams of 240,000 payments four ended at
        # an average precision of 0.61 to 0.96, with it all at 0.98 or more.
        "l2_regularization": 1.0,
        "categorical_features": list(range(len(categorical))),
    }
    return Pipeline([("columns", columns), ("learner", HistGradientBoostingClassifier(**defaults | parameters))])


def _random_forest(numeric: list[str], categorical: list[str], parameters: dict[str, Any]) -> Pipeline:
    columns = _one_hot(numeric, categorical, scale=False)
    return Pipeline([("columns", columns), ("learner", RandomForestClassifier(**{"n_jobs": 2} | parameters))])


def _logistic_regression(numeric: list[str], categorical: list[str], parameters: dict[str, Any]) -> Pipeline:
    columns = _one_hot(numeric, categorical, scale=True)
    return Pipeline([("columns", columns), ("learner", LogisticRegression(**{"max_iter": 1000} | parameters))])


def _one_hot(numeric: list[str], categorical: list[str], *, scale: bool) -> ColumnTransformer:
    encode = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=_RARE, sparse_output=False)
    fill = SimpleImputer(strategy="median", add_indicator=True)
    numbers = make_pipeline(fill, StandardScaler()) if scale else fill
    return ColumnTransformer([("categorical", encode, categorical), ("numeric", numbers, numeric)])
