"""What is known of each learner is what its library does."""

import sys
from importlib.metadata import PackageNotFoundError
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from rarecall.errors import DataError
from rarecall.learners import known
from rarecall.learners.known import KNOWN
from rarecall.learners.learner import believed
from rarecall.sections import Learner, Training
from rarecall.training import estimator, fit, score

KINDS = {"job": "categorical", "amount": "numeric"}
SMALL = {"n_estimators": 8, "max_depth": 3, "n_jobs": 1}
PARAMETERS = {
    "hist_gradient_boosting": {"max_iter": 8},
    "logistic_regression": {},
    "easy_ensemble": {"n_estimators": 1},
    "rusboost": {"n_estimators": 8},
    "balanced_bagging": {"n_estimators": 8},
}


def table(n: int = 2000) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    y = (rng.random(n) < 0.05).astype("int8")
    job = pd.Series(rng.choice(["nurse", "pilot", "cook"], n)).mask(rng.random(n) < 0.1, None).astype(object)
    return pd.DataFrame({"job": job, "amount": rng.normal(1.0 * y)}), y


def fitted(learner: str, **parameters):
    rows, y = table()
    training = Training(learner=learner, parameters=PARAMETERS.get(learner, SMALL) | parameters)
    return fit(estimator(training, KINDS, seed=0), rows, y)


def test_every_learner_of_a_project_file_is_known():
    assert tuple(KNOWN) == get_args(Learner)


@pytest.mark.parametrize("learner", [name for name, one in KNOWN.items() if one.balanced])
def test_weights_of_the_classes_make_the_rare_one_likelier(learner):
    rows, _ = table()
    plain, weighed = fitted(learner), fitted(learner, **KNOWN[learner].balanced)
    assert score(plain, rows).mean() < 0.1
    assert 0.3 < score(weighed, rows).mean() < 0.6


@pytest.mark.parametrize("learner", [name for name, one in KNOWN.items() if one.balances])
def test_a_learner_that_balances_by_itself_does(learner):
    rows, _ = table()
    assert 0.3 < score(fitted(learner), rows).mean() < 0.6
    assert KNOWN[learner].balanced == {}


@pytest.mark.parametrize("learner", ["lightgbm", "xgboost"])
def test_the_number_of_threads_changes_no_score(learner):
    rows, _ = table()
    one, two = (score(fitted(learner, n_jobs=jobs), rows) for jobs in (1, 2))
    assert (one == two).all()


@pytest.mark.parametrize("learner", ["lightgbm", "xgboost"])
def test_categories_are_cut_as_categories(learner):
    """The middle one of three codes is rare: as a number it takes two cuts, as a category one."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"job": rng.choice(["a", "b", "c"], 900).astype(object), "amount": 0.0})
    y = (rows["job"] == "b").to_numpy().astype("int8")
    training = Training(learner=learner, parameters={"n_estimators": 1, "max_depth": 1, "n_jobs": 1})
    scores = score(fit(estimator(training, KINDS, seed=0), rows, y), rows)
    assert scores[y == 1].min() > scores[y == 0].max()


@pytest.mark.parametrize(
    ("learner", "parameters"),
    [
        ("lightgbm", {"num_leaves": 1}),
        ("lightgbm", {"n_estimators": "many"}),
        ("xgboost", {"max_depth": -5}),
        ("xgboost", {"n_estimators": "many"}),
        ("balanced_random_forest", {"n_estimators": 0}),
        ("easy_ensemble", {"n_estimators": 0}),
        ("rusboost", {"n_estimators": 0}),
        ("balanced_bagging", {"n_estimators": 0}),
    ],
)
def test_a_parameter_out_of_its_bounds_is_one_sentence(learner, parameters):
    with pytest.raises(DataError, match=r"^training: .*; check training\.parameters$") as error:
        fitted(learner, **parameters)
    assert "\n" not in str(error.value)


def test_nothing_is_printed(capfd):
    """Its own messages would stand before the object that --json prints."""
    fitted("lightgbm")
    fitted("xgboost")
    assert capfd.readouterr() == ("", "")


def test_a_learner_without_weights_meets_a_row_as_often_as_it_counts():
    y = np.resize([0, 0, 0, 1], 40_000)
    weight = np.where(np.arange(40_000) < 20_000, 1.0, 0.3)
    kept = believed(y, weight, seed=1)
    assert kept[:20_000].all()
    assert kept[20_000:].mean() == pytest.approx(0.3, abs=0.02)
    assert (kept == believed(y, weight, seed=1)).all()
    assert (kept != believed(y, weight, seed=2)).any()


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        (
            "lightgbm",
            r"^the learner lightgbm is not installed; run: pip install 'rarecall\[boosting\]', or take another",
        ),
        ("xgboost", r"^the learner xgboost is not installed; run: pip install 'rarecall\[boosting\]', or take another"),
    ],
)
def test_an_extra_that_is_missing_is_one_sentence(monkeypatch, learner, said):
    real = known.version

    def without(package):
        if package in KNOWN[learner].package:
            raise PackageNotFoundError(package)
        return real(package)

    monkeypatch.setattr(known, "version", without)
    with pytest.raises(DataError, match=said):
        estimator(Training(learner=learner), KINDS, seed=0)


def test_a_library_that_cannot_be_loaded_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(DataError, match=r"^lightgbm\.LGBMClassifier cannot be imported: .*; install what it misses"):
        KNOWN["lightgbm"].load()


def test_either_name_of_xgboost_will_do(monkeypatch):
    def only_xgboost(package):
        if package == "xgboost-cpu":
            raise PackageNotFoundError(package)
        return "9.9"

    monkeypatch.setattr(known, "version", only_xgboost)
    assert known.versions(["xgboost"]) == {"scikit-learn": "9.9", "xgboost": "9.9"}
