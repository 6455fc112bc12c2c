"""The learners by the names that a project file calls them, and whether they are there."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn

from rarecall.errors import DataError
from rarecall.learners import (
    balanced_bagging,
    balanced_random_forest,
    easy_ensemble,
    hist_gradient_boosting,
    lightgbm,
    logistic_regression,
    random_forest,
    rusboost,
    xgboost,
)
from rarecall.learners.learner import Learner

KNOWN: dict[str, Learner] = {
    "hist_gradient_boosting": hist_gradient_boosting.LEARNER,
    "random_forest": random_forest.LEARNER,
    "logistic_regression": logistic_regression.LEARNER,
    "lightgbm": lightgbm.LEARNER,
    "xgboost": xgboost.LEARNER,
    "balanced_random_forest": balanced_random_forest.LEARNER,
    "easy_ensemble": easy_ensemble.LEARNER,
    "rusboost": rusboost.LEARNER,
    "balanced_bagging": balanced_bagging.LEARNER,
}


def of(classifier: Any) -> Learner:
    """Return what is known of a classifier.

    >>> from sklearn.linear_model import LogisticRegression
    >>> of(LogisticRegression()) is KNOWN["logistic_regression"]
    True
    """
    name = type(classifier).__name__
    return next(one for one in KNOWN.values() if one.path.rpartition(".")[2] == name)


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of what is needed to load models of these learners, scikit-learn's first.

    Raises
    ------
    DataError
        An extra is not installed.

    >>> list(versions(["logistic_regression", "easy_ensemble"]))
    ['scikit-learn', 'imbalanced-learn']
    """
    found = {"scikit-learn": version("scikit-learn")}
    for name in names:
        if package := KNOWN[name].package:
            found |= _installed(package) or _missing(name)
    return found


def _installed(package: Iterable[str]) -> dict[str, str]:
    for published in package:
        try:
            return {published: version(published)}
        except PackageNotFoundError:
            continue
    return {}


def _missing(name: str) -> NoReturn:
    raise DataError(
        f"the learner {name} is not installed; run: pip install 'rarecall[{KNOWN[name].extra}]', or take another one"
    )
