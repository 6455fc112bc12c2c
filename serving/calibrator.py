"""A calibrator of ours as plain functions of arrays, without scikit-learn's checks around each step."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]
Step = Callable[[Array], Array]


def compiled(classifier: Any) -> Step:
    """Return the function from scores of shape (n_rows,) to probabilities of the same shape.

    Parameters
    ----------
    classifier : classifier of one column
        As `rarecall.calibration.fit` made it.

    Raises
    ------
    TypeError
        It holds a part that is not known here.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    while isinstance(classifier, FrozenEstimator):
        classifier = classifier.estimator
    if isinstance(classifier, CalibratedClassifierCV):
        steps = [_isotonic(one) for one in classifier.calibrated_classifiers_]
        return lambda scores: np.mean([step(scores) for step in steps], axis=0)
    line = _line(classifier)
    return lambda scores: expit(line(scores[:, None]))


def _isotonic(calibrated: Any) -> Step:
    line, (steps,) = _line(calibrated.estimator), calibrated.calibrators
    x, y = steps.X_thresholds_, steps.y_thresholds_
    return lambda scores: np.interp(line(scores[:, None]), x, y)


def _line(classifier: Any) -> Step:
    """Return the log-odds that a logistic regression behind some columns gives."""
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    while isinstance(classifier, FrozenEstimator):
        classifier = classifier.estimator
    if not isinstance(classifier, Pipeline) or type(classifier[-1]) is not LogisticRegression:
        raise TypeError(f"no calibrator of ours: {type(classifier).__name__}")
    columns, learner = _columns(classifier[:-1]), classifier[-1]
    weights, intercept = learner.coef_[0], learner.intercept_[0]
    return lambda scores: columns(scores) @ weights + intercept


def _columns(transformer: Any) -> Step:
    """Return what a transformer makes of a column of scores."""
    from sklearn.frozen import FrozenEstimator
    from sklearn.pipeline import FeatureUnion, Pipeline
    from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

    if isinstance(transformer, FrozenEstimator):
        return _columns(transformer.estimator)
    if isinstance(transformer, Pipeline):
        return _one_after_another([_columns(step) for _, step in transformer.steps])
    if isinstance(transformer, FeatureUnion):
        sides = [_columns(step) for _, step in transformer.transformer_list]
        return lambda scores: np.concatenate([side(scores) for side in sides], axis=1)
    if type(transformer) is MinMaxScaler and not transformer.clip:
        scale, shift = transformer.scale_, transformer.min_
        return lambda scores: scores * scale + shift
    if type(transformer) is FunctionTransformer and isinstance(transformer.func, np.ufunc):
        function: Step = transformer.func
        return function
    raise TypeError(f"no part of a calibrator of ours: {type(transformer).__name__}")


def _one_after_another(steps: list[Step]) -> Step:
    def run(scores: Array) -> Array:
        for step in steps:
            scores = step(scores)
        return scores

    return run
