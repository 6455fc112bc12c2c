import pytest

from rarecall.arms.ablation import plain
from rarecall.arms.arm import Arm, arms
from rarecall.sections import Ablation, Augmentation, Gates, Training


def test_arms_come_simplest_first():
    found = arms(Training(), Augmentation(), Ablation(learners=["logistic_regression"]), Gates())
    assert [(variants[0].learner, variants[0].strategy) for variants in found] == [
        (learner, strategy)
        for learner in ("hist_gradient_boosting", "logistic_regression")
        for strategy in ("threshold", "class_weights", "adasyn")
    ]


def test_without_a_sampler_there_is_no_arm_of_one():
    found = arms(Training(), Augmentation(sampler="none"), Ablation(), Gates())
    assert {one.strategy for variants in found for one in variants} == {"threshold", "class_weights"}


def test_shares_that_no_gate_would_pass_are_not_tried():
    ablation = Ablation(shares=[0.05, 0.2, 0.6], neighbors=[3])
    *_, sampled = arms(Training(), Augmentation(), ablation, Gates())
    assert [(one.k, one.synthetic_share) for one in sampled] == [(5, 0.1), (5, 0.2), (3, 0.1), (3, 0.2)]


def test_the_project_s_own_weights_stand():
    weights = {"class_weight": {0: 1.0, 1: 3.0}}
    arm = Arm(strategy="class_weights", learner="random_forest", parameters=weights)
    assert arm.training(Training()).parameters == weights


@pytest.mark.parametrize("strategy", ["threshold", "class_weights", "adasyn"])
def test_an_arm_survives_its_record(strategy):
    arm = Arm(strategy=strategy, learner="random_forest", parameters={"n_estimators": 10}, k=5, synthetic_share=0.2)
    assert Arm(**plain(arm)) == arm


def test_parameters_are_searched_in_every_combination():
    ablation = Ablation(parameters={"random_forest": {"max_depth": [3, 5], "n_estimators": [10, 20]}}, learners=[])
    first, *_ = arms(Training(learner="random_forest"), Augmentation(), ablation, Gates())
    assert len(first) == 4


def test_a_learner_that_balances_by_itself_has_no_arm_of_weights():
    found = arms(Training(learner="balanced_random_forest"), Augmentation(), Ablation(), Gates())
    assert [variants[0].strategy for variants in found] == ["threshold", "adasyn"]


def test_the_weights_are_asked_for_in_the_learner_s_own_words():
    def words(learner):
        return Arm(strategy="class_weights", learner=learner).training(Training()).parameters

    assert words("lightgbm") == {"class_weight": "balanced"}
    assert words("xgboost") == {"scale_pos_weight": "balanced"}
    assert words("easy_ensemble") == {}
