"""The comparison of the arms, on tables where it is known which of them pays."""

import re

import numpy as np
import pandas as pd
import pytest

from rarecall.arms.ablation import compare, plain
from rarecall.arms.arm import Arm, arms
from rarecall.arms.search import search
from rarecall.arms.trial import Bench, thinned
from rarecall.errors import DataError
from rarecall.sections import Ablation, Augmentation, Gates, Training

KINDS = {"a": "numeric", "b": "numeric", "color": "categorical"}
LOGISTIC = Training(learner="logistic_regression")


def table(rows: int, share: float, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < share).astype(np.int8)
    return pd.DataFrame(
        {
            "row_id": np.arange(rows),
            "event_timestamp": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(rows), "min"),
            "label": y,
            "a": rng.normal(size=rows) + 1.2 * y,
            "b": rng.normal(size=rows),
            "color": rng.choice(["red", "blue"], rows),
        }
    )


def bench(rows: pd.DataFrame, **changes) -> Bench:
    given = {
        "rows": rows,
        "kinds": KINDS,
        "weight": np.ones(len(rows)),
        "eligible": np.ones(len(rows), dtype=bool),
        "training": LOGISTIC,
        "augmentation": Augmentation(),
    }
    return Bench(**given | changes)


def compared(rows: pd.DataFrame, training: Training = LOGISTIC, **changes) -> dict:
    ablation = Ablation(folds=3, seeds=1, shares=[0.3], rows=2000)
    given = {"ablation": ablation, "gates": Gates(), "precision_floor": 0.3, "seed": 0} | changes
    found = arms(training, Augmentation(), given["ablation"], given["gates"])
    return compare(bench(rows, training=training), found, **given)


def test_where_nothing_gains_the_simplest_is_shipped():
    """A straight line finds one shifted column at any balance: neither weights nor synthetic rows can rank better."""
    facts = compared(table(2000, 0.1))
    assert facts["shipped"]["strategy"] == "threshold"
    assert facts["arms"][0]["state"] is None
    assert all(arm["state"] in {"bad", "not enough evidence"} for arm in facts["arms"][1:])
    assert facts["reasons"][0].startswith("nothing is shown to gain")


def test_the_learner_that_leads_is_shipped_and_the_others_are_measured_beside_it():
    """A straight line ranks one shifted column best; a single stump hardly ranks at all."""
    stump = Training(learner="random_forest", parameters={"n_estimators": 1, "max_depth": 1})
    ablation = Ablation(folds=2, seeds=1, shares=[0.3], rows=2000, learners=["logistic_regression"])
    facts = compared(table(2000, 0.1), training=stump, ablation=ablation)
    assert facts["shipped"] == plain(Arm(strategy="threshold", learner="logistic_regression"))
    assert facts["name"] == "threshold only of logistic_regression"
    assert facts["reasons"][0].endswith("threshold only of logistic_regression, the simplest of the learner that leads")
    assert {arm["beside"] for arm in facts["arms"] if arm["gain"] is not None} == {facts["name"]}
    assert [arm["gain"] for arm in facts["arms"] if arm["name"] == facts["name"]] == [None]


def test_an_arm_that_gains_is_shipped(monkeypatch):
    """The one thing made up here is how well ADASYN scores, for no small table is known on which it must win."""
    real = Bench.score

    def helped(self, arm: Arm, teach, test, *, seed):
        score = real(self, arm, teach, test, seed=seed)
        return score + self.y[test] if arm.strategy == "adasyn" else score

    monkeypatch.setattr(Bench, "score", helped)
    facts = compared(table(2000, 0.1))
    assert facts["shipped"]["strategy"] == "adasyn"
    assert facts["shipped"]["synthetic_share"] in {0.1, 0.3}
    assert facts["arms"][2]["state"] == "good"
    assert facts["knee"] == 0.1


@pytest.mark.parametrize(("helps", "harms", "state"), [(True, False, "good"), (True, True, "bad"), (False, False, "")])
def test_a_target_is_judged_where_it_aims_and_may_not_lose_elsewhere(monkeypatch, helps, harms, state):
    """Made up again: what the arm with a target scores, better in red rows, and worse in the others where it harms."""
    rows = table(2000, 0.15)
    red = (rows["color"] == "red").to_numpy()
    real = Bench.score

    def aimed(self, arm: Arm, teach, test, *, seed):
        score = real(self, arm, teach, test, seed=seed)
        if arm.target:
            score = score + helps * self.y[test] * red[test] - harms * 0.5 * self.y[test] * ~red[test]
        return score

    monkeypatch.setattr(Bench, "score", aimed)
    ablation, sampler = Ablation(folds=3, seeds=1, shares=[0.3], rows=2000), Augmentation(target={"color": "red"})
    found = arms(LOGISTIC, sampler, ablation, Gates())
    assert [variants[0].target for variants in found] == [None, None, None, {"color": "red"}]
    facts = compare(
        bench(rows, inside=red, augmentation=sampler), found, ablation=ablation, gates=Gates(), precision_floor=0.3
    )
    last = facts["arms"][-1]
    assert last["name"].startswith("ADASYN for color red (k 5, ")
    assert last["state"] == (state or "not enough evidence")
    assert last["aim"]["positives"] > 100
    assert (facts["shipped"].get("target") == {"color": "red"}) is (state == "good")
    assert Arm(**facts["shipped"]).augmentation(sampler).target == ({"color": "red"} if state == "good" else None)


def test_too_few_positives_are_not_enough_evidence():
    facts = compared(table(300, 0.06), training=Training())
    assert facts["shipped"] == plain(Arm(strategy="threshold", learner="logistic_regression"))
    assert re.fullmatch(
        r"not enough evidence to compare: \d+ positives to test on where 30 are needed, "
        r"so logistic_regression it is, which needs the fewest \(ablation\.scarce\)",
        facts["reasons"][0],
    )
    assert facts["arms"] == []


@pytest.mark.parametrize("scarce", [None, "random_forest"])
def test_the_project_s_own_learner_is_shipped_where_it_asks_for_it(scarce):
    parameters = {"n_estimators": 10}
    own = Training(learner="random_forest", parameters=parameters)
    ablation = Ablation(folds=3, seeds=1, shares=[0.3], scarce=scarce)
    facts = compared(table(300, 0.06), training=own, ablation=ablation)
    assert facts["shipped"] == plain(Arm(strategy="threshold", learner="random_forest", parameters=parameters))
    assert facts["reasons"][0].startswith("not enough evidence to compare the others with the simplest: ")


def test_what_is_different_about_a_learner_is_said():
    """Two learners of which one balances by itself and takes no weights; a quarter of the labels is doubted."""
    rows = table(900, 0.2)
    ablation, gates = (
        Ablation(folds=2, seeds=1, learners=["easy_ensemble"], parameters={"easy_ensemble": {"n_estimators": [1]}}),
        Gates(),
    )
    doubted = bench(rows, weight=np.resize([1.0, 1.0, 1.0, 0.4], len(rows)))
    found = arms(LOGISTIC, Augmentation(sampler="none"), ablation, gates)
    facts = compare(doubted, found, ablation=ablation, gates=gates, precision_floor=0.3)
    assert [arm["name"] for arm in facts["arms"]] == [
        "threshold only of logistic_regression",
        "class weights of logistic_regression",
        "threshold only of easy_ensemble",
    ]
    assert facts["reasons"][-2:] == [
        "class weights of easy_ensemble were not tried: it draws as many rows of either class for every boosting",
        "easy_ensemble takes no weights: a row of a doubted label taught it as often as it counts",
    ]


def test_the_same_seed_gives_the_same_facts():
    rows = table(1200, 0.15)
    moments = rows["event_timestamp"]
    assert compared(rows, moments=moments) == compared(rows, moments=moments)


def test_doubted_rows_seed_nothing_and_an_arm_without_seeds_is_left_out():
    rows = table(1200, 0.15)
    nobody = bench(rows, eligible=np.zeros(len(rows), dtype=bool))
    ablation, gates = Ablation(folds=2, seeds=1, shares=[]), Gates()
    found = arms(LOGISTIC, Augmentation(), ablation, gates)
    facts = compare(nobody, found, ablation=ablation, gates=gates, precision_floor=0.3)
    assert facts["shipped"]["strategy"] == "threshold"
    assert "could not be tried" in facts["reasons"][-1]


def test_the_search_keeps_the_better_half_on_more_and_more_rows():
    rows = table(1500, 0.2)
    variants = [
        Arm(strategy="threshold", learner="random_forest", parameters={"n_estimators": trees, "max_depth": 3})
        for trees in (1, 40, 2, 1)
    ]
    found = search(bench(rows), variants, np.arange(len(rows)), moments=None, groups=None, seed=0)
    assert [rung["rows"] for rung in found.rungs] == sorted(rung["rows"] for rung in found.rungs)
    assert len(found.rungs) == 4 + 2 + 1
    assert found.arm.parameters["n_estimators"] == 40


@pytest.mark.parametrize("most", [10, 199, 200, 5000])
def test_a_sample_keeps_the_share_of_the_classes(most):
    y = np.repeat([0, 1], [180, 20])
    kept = thinned(np.arange(200), y, most, seed=3)
    assert len(kept) == min(most, 200)
    assert y[kept].sum() == round(20 * len(kept) / 200)


def test_a_variant_that_the_learner_refuses_is_not_passed_over():
    rows = table(600, 0.2)
    variants = [
        Arm(strategy="threshold", learner="random_forest", parameters={"n_estimators": trees}) for trees in (5, -1)
    ]
    with pytest.raises(DataError, match="n_estimators"):
        search(bench(rows), variants, np.arange(len(rows)), moments=None, groups=None, seed=0)
