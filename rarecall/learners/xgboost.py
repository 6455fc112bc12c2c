"""XGBoost, its categories cut as categories; an extra, for it brings its own compiled library."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight

from rarecall.learners.columns import coded
from rarecall.learners.focal import NAME, asked, xgboost_finished
from rarecall.learners.learner import Columns, Learner, Weights


def _defaults(columns: Columns) -> dict[str, Any]:
    types = ["c"] * len(columns.categorical) + ["q"] * len(columns.numeric)
    return {"enable_categorical": True, "feature_types": types, "tree_method": "hist", "n_jobs": 0}


def _arguments(pipeline: Pipeline, y: NDArray[Any], weight: Weights) -> dict[str, Any]:
    """Weigh the rows by the rarity of their class where asked to: XGBoost itself takes only a number for it."""
    asked(pipeline)
    if pipeline["learner"].scale_pos_weight == "balanced":
        pipeline["learner"].set_params(scale_pos_weight=None)
        weight = compute_sample_weight("balanced", y) * (np.ones(len(y)) if weight is None else weight)
    return {"sample_weight": weight}


LEARNER = Learner(
    path="xgboost.XGBClassifier",
    columns=coded,
    defaults=_defaults,
    types=("xgboost.core.Booster", "xgboost.sklearn.XGBClassifier"),
    package=("xgboost-cpu", "xgboost"),
    extra="boosting",
    balanced={"scale_pos_weight": "balanced"},
    focal={"objective": NAME, "base_score": 0.5},  # a start that is the same to both objectives
    finished=xgboost_finished,
    arguments=_arguments,
    refusals=("builtins.TypeError",),  # XGBoost's own error is a ValueError
)
