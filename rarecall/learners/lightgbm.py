"""LightGBM, its categories cut as categories; an extra, for it brings its own compiled library."""

from typing import Any

from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from rarecall.learners.columns import coded
from rarecall.learners.focal import NAME, asked, lightgbm_finished
from rarecall.learners.learner import Learner, Weights


def _arguments(pipeline: Pipeline, y: NDArray[Any], weight: Weights) -> dict[str, Any]:  # noqa: ARG001 - not its y
    asked(pipeline)
    _, _, categorical = pipeline["columns"].transformers[0]
    return {"sample_weight": weight, "categorical_feature": list(range(len(categorical)))}


LEARNER = Learner(
    path="lightgbm.LGBMClassifier",
    columns=coded,
    defaults=lambda _: {
        "deterministic": True,  # whatever the number of threads
        "force_row_wise": True,  # else it times both ways and takes the faster one of this moment
        "n_jobs": 0,  # as many threads as OpenMP is given where it runs, in training and in serving
        "reg_lambda": 1.0,  # without it boosting can run away on a rare class, as scikit-learn's does
        "verbose": -1,
    },
    types=("collections.OrderedDict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier"),
    package=("lightgbm",),
    extra="boosting",
    focal={"objective": NAME},
    finished=lightgbm_finished,
    arguments=_arguments,
    refusals=("lightgbm.basic.LightGBMError", "builtins.TypeError"),
)
