"""Each strategy runs through the arms by its name, and what it cannot be tried on is said."""

import numpy as np
import pandas as pd
import pytest

from rarecall.arms.ablation import compare, plain
from rarecall.arms.arm import Arm, arms
from rarecall.arms.trial import Bench
from rarecall.errors import DataError
from rarecall.learners.known import KNOWN as LEARNERS
from rarecall.sections import Ablation, Augmentation, Gates, Training
from rarecall.strategies.known import KNOWN, of_kind
from rarecall.strategies.under import kept

TABLES = {
    "mixed": {"a": "numeric", "b": "numeric", "color": "categorical"},
    "numeric": {"a": "numeric", "b": "numeric"},
    "categorical": {"color": "categorical", "shape": "categorical"},
}
SMALL = {"n_estimators": 3}


def table(rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    y = (np.arange(rows) % 10 == 0).astype(np.int8)
    return pd.DataFrame(
        {
            "row_id": np.arange(rows),
            "event_timestamp": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(rows), "min"),
            "label": y,
            "a": rng.normal(size=rows) + 1.5 * y,
            "b": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "color": rng.choice(np.array(["red", "blue", None], dtype=object), rows),
            "shape": np.where(y == 1, "round", rng.choice(np.array(["round", "square"], dtype=object), rows)),
        }
    )


def bench(kinds: dict[str, str], **training) -> Bench:
    rows = table()
    return Bench(
        rows=rows,
        kinds=kinds,
        weight=np.ones(len(rows)),
        eligible=np.ones(len(rows), dtype=bool),
        training=Training(learner="logistic_regression", **training),
        augmentation=Augmentation(),
    )


def arm(name: str) -> Arm:
    kind = KNOWN[name].kind
    if kind == "ensemble":
        return Arm(strategy="threshold", learner=name, parameters=SMALL)
    learner = "lightgbm" if name == "focal_loss" else "logistic_regression"
    return Arm(strategy=name, learner=learner, k=5, synthetic_share=0.3)


@pytest.mark.parametrize("name", [name for name, one in KNOWN.items() if one.extra is None and one.kind != "rule"])
def test_it_teaches_and_answers(name):
    kinds = TABLES["mixed" if "mixed" in KNOWN[name].takes else KNOWN[name].takes[0]]
    given = bench(kinds)
    scores = given.score(arm(name), np.arange(300), np.arange(300, 400), seed=0)
    assert scores.shape == (100,)
    assert ((scores >= 0) & (scores <= 1)).all()
    y = given.y[300:]
    assert scores[y == 1].mean() > scores[y == 0].mean()


@pytest.mark.parametrize("name", [name for name, one in KNOWN.items() if one.kind != "ensemble"])
def test_an_arm_survives_its_record(name):
    one = arm(name)
    assert Arm(**plain(one)) == one


def test_all_that_are_asked_for_are_arms():
    named = ["smote_nc", "near_miss", "focal_loss", "rusboost"]
    found = arms(Training(learner="lightgbm"), Augmentation(), Ablation(strategies=named), Gates())
    assert [(variants[0].learner, variants[0].strategy) for variants in found] == [
        *(("lightgbm", way) for way in ("threshold", "class_weights", "focal_loss", "near_miss", "adasyn", "smote_nc")),
        *(("rusboost", way) for way in ("threshold", "near_miss", "adasyn", "smote_nc")),
    ]


def test_what_has_no_neighbours_is_not_searched_over_them():
    ablation = Ablation(neighbors=[3], shares=[0.3])
    *_, sampled = arms(Training(), Augmentation(sampler="random_over"), ablation, Gates())
    assert [(one.k, one.synthetic_share) for one in sampled] == [(None, 0.1), (None, 0.3)]
    assert sampled[0].way == "random oversampling (10% synthetic)"


def test_a_strategy_that_the_table_is_not_for_is_skipped_and_said():
    given, ablation = bench(TABLES["mixed"]), Ablation(folds=2, seeds=1, shares=[0.3], strategies=["smote_n"])
    found = arms(given.training, Augmentation(sampler="none"), ablation, Gates())
    facts = compare(given, found, ablation=ablation, gates=Gates(min_positives=10), precision_floor=0.3)
    assert any("smote_n: expected categorical features" in reason for reason in facts["reasons"])
    assert [one["strategy"] for one in facts["arms"]] == ["threshold only", "class weights"]


def test_a_strategy_that_leaves_rows_out_is_shipped_with_its_parameters():
    configured = Training(
        learner="logistic_regression", under="random_under", under_parameters={"sampling_strategy": 0.5}
    )
    section = Arm(strategy="random_under", learner="logistic_regression").training(configured)
    assert (section.under, section.under_parameters) == ("random_under", {"sampling_strategy": 0.5})
    assert Arm(strategy="threshold", learner="logistic_regression").training(configured).under == "none"
    both = Arm(strategy="smote_nc", learner="logistic_regression", k=5, synthetic_share=0.3).training(configured)
    assert both.under == "random_under"


@pytest.mark.parametrize("name", of_kind("under"))
def test_rare_rows_stay_and_common_ones_are_fewer(name):
    rows, kinds = table(), TABLES["mixed"]
    y = rows["label"].to_numpy()
    stay = kept(name, rows, kinds, y, seed=0)
    assert (y[stay] == 1).sum() == 40
    assert 0 < (y[stay] == 0).sum() < 360
    assert (np.diff(stay) > 0).all()
    if name in {"random_under", "near_miss"}:
        assert len(stay) == 80
    assert (kept(name, rows, kinds, y, seed=0) == stay).all()


def test_what_leaves_rows_out_says_what_is_wrong_with_a_parameter():
    rows, kinds = table(), TABLES["mixed"]
    y = rows["label"].to_numpy()
    with pytest.raises(DataError, match=r"^training\.under_parameters\.ratio: random_under has no such parameter"):
        kept("random_under", rows, kinds, y, seed=0, parameters={"ratio": 1})
    with pytest.raises(DataError, match=r"^training\.under: random_under refuses: "):
        kept("random_under", rows, kinds, y, seed=0, parameters={"sampling_strategy": 0.01})


@pytest.mark.parametrize("learner", ["lightgbm", "xgboost"])
def test_the_focal_loss_leaves_a_model_that_answers_without_us(learner):
    """Its probability is the logistic of its margin, as the library's own objective has it."""
    from rarecall import training

    rows, kinds = table(), TABLES["mixed"]
    section = Arm(strategy="focal_loss", learner=learner, parameters={"n_jobs": 1}).training(Training(learner=learner))
    y, weight = rows["label"].to_numpy(), np.linspace(0.5, 1.0, len(rows))
    model = training.fit(training.estimator(section, kinds, seed=0), rows[list(kinds)], y, weight)
    inner, given = model["learner"], model["columns"].transform(rows[list(kinds)])
    margin = inner.predict(given, **({"output_margin": True} if learner == "xgboost" else {"raw_score": True}))
    assert not callable(inner.objective)
    np.testing.assert_allclose(training.score(model, rows[list(kinds)]), 1 / (1 + np.exp(-margin)), rtol=1e-5)
    scores = training.score(model, rows[list(kinds)])
    assert scores[y == 1].mean() > 2 * scores[y == 0].mean()


def test_the_focal_loss_is_of_those_that_take_a_loss():
    assert [name for name, one in LEARNERS.items() if one.focal] == ["lightgbm", "xgboost"]
