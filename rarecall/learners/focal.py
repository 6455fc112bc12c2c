"""The focal loss (Lin et al. 2017): what is told apart already counts for little, so the common class does not drown.

It is handed to a boosting library as an objective of ours while it learns. Afterwards the model is given the library's
own logistic one back, so that it is loaded and asked without us: trees add up to the same margin either way.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

NAME = "focal"
"""As `objective` among a learner's parameters."""

GAMMA = 2.0
ALPHA = 0.25
"""The paper's own: how fast a row that is told apart loses its weight, and the weight of the rare class beside it."""

_LOGISTIC = "objective=binary sigmoid:1"

Floats = NDArray[np.float64]


def focal(y: Floats, margin: Floats, sample_weight: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the loss's first and second derivative by the margin.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
        0 and 1.
    margin : ndarray of shape (n_rows,)
        The log odds.
    sample_weight : ndarray of shape (n_rows,), optional
        By this name, for XGBoost asks for it.

    Returns
    -------
    gradient, curvature : ndarray of shape (n_rows,)
        The curvature, which is negative where a row is far on the wrong side, is held above that of the cross entropy
        with the same factor: boosting divides by it.

    >>> [round(float(g), 4) for g in focal(np.array([1.0, 0.0]), np.array([0.0, 0.0]))[0]]
    [-0.0746, 0.2237]
    """
    rare = np.asarray(y) == 1
    # Of a common row the same formulas hold with the signs of margin and gradient turned.
    p = 1.0 / (1.0 + np.exp(-np.clip(np.where(rare, margin, -margin), -35.0, 35.0)))
    q, log_p = 1.0 - p, np.log(p)
    factor = np.where(rare, ALPHA, 1.0 - ALPHA)
    inner = GAMMA * p * log_p - q
    gradient = factor * q**GAMMA * inner
    bent = q**GAMMA * (GAMMA * log_p + GAMMA + 1.0) - GAMMA * q ** (GAMMA - 1.0) * inner
    curvature = np.maximum(factor * p * q * bent, factor * q**GAMMA * p * q)
    scale = 1.0 if sample_weight is None or not len(sample_weight) else np.asarray(sample_weight)
    return np.where(rare, gradient, -gradient) * scale, np.maximum(curvature, 1e-12) * scale


def asked(pipeline: Pipeline) -> None:
    """Put the loss itself in place of its name, before the learner is fitted."""
    learner = pipeline["learner"]
    if learner.objective == NAME:
        learner.set_params(objective=focal)


def xgboost_finished(pipeline: Pipeline) -> None:
    """Give XGBoost its own logistic objective back."""
    learner = pipeline["learner"]
    if learner.objective is focal:
        learner.set_params(objective="binary:logistic")
        learner.get_booster().set_param({"objective": "binary:logistic"})


def lightgbm_finished(pipeline: Pipeline) -> None:
    """Give LightGBM its own logistic objective back, in the model's text, where alone it stands."""
    learner = pipeline["learner"]
    if learner.objective is not focal:
        return
    made: Any = type(learner.booster_)
    # Of an objective that is not its own the text has no line.
    text = learner.booster_.model_to_string().replace("\nfeature_names=", f"\n{_LOGISTIC}\nfeature_names=", 1)
    learner.set_params(objective="binary")
    learner._Booster, learner._objective = made(model_str=text), "binary"  # noqa: SLF001 - it has no way to set them
