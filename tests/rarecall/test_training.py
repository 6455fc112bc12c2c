"""Each learner takes the table's own columns, whatever is missing or new in them, and needs nothing of ours."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from rarecall.errors import DataError
from rarecall.learners.known import KNOWN
from rarecall.sections import Training
from rarecall.training import TRUSTED_TYPES, estimator, fit, score, with_threshold

LEARNERS = list(TRUSTED_TYPES)
KINDS = {"job": "categorical", "amount": "numeric", "noise": "numeric"}
SMALL = {
    "hist_gradient_boosting": {"max_iter": 30},
    "random_forest": {"n_estimators": 30, "n_jobs": 1},
    "logistic_regression": {},
    "lightgbm": {"n_estimators": 30, "n_jobs": 1},
    "xgboost": {"n_estimators": 30, "n_jobs": 1},
    "balanced_random_forest": {"n_estimators": 30},
    "easy_ensemble": {"n_estimators": 1},
    "rusboost": {"n_estimators": 50},
    "balanced_bagging": {"n_estimators": 10},
}


def table(n: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows whose job and amount both tell the class, a tenth of their cells missing."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.2).astype("int8")
    job = np.where(y, rng.choice(["miner", "pilot"], n), rng.choice(["nurse", "clerk", "baker"], n)).astype(object)
    rows = pd.DataFrame(
        {"row_id": np.arange(n), "job": job, "amount": rng.normal(4.0 * y), "noise": rng.normal(size=n)}
    )
    rows.loc[rng.random(n) < 0.1, "job"] = None
    rows.loc[rng.random(n) < 0.1, "amount"] = np.nan
    return rows, y


def fitted(learner: str, rows: pd.DataFrame | None = None, y: np.ndarray | None = None, **parameters):
    if rows is None or y is None:
        rows, y = table()
    training = Training(learner=learner, parameters=SMALL[learner] | parameters)
    return fit(estimator(training, KINDS, seed=0), rows, y)


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_separable_table_with_missing_cells_is_learned(learner):
    rows, y = table(seed=1)
    # RUSBoost draws anew before each of its stumps, so that one that is lucky weighs much.
    assert roc_auc_score(y, score(fitted(learner), rows)) > (0.9 if learner == "rusboost" else 0.97)


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_score_is_the_probability_of_the_rare_class(learner):
    rows, y = table()
    scores = score(fitted(learner), rows)
    assert scores.shape == (len(rows),)
    assert ((scores >= 0) & (scores <= 1)).all()
    # AdaBoost's probabilities keep within 0.27 and 0.73, for it halves the votes' margin; calibration mends that.
    sure = {"easy_ensemble": 0.6, "rusboost": 0.55}.get(learner, 0.7)
    assert scores[y == 1].mean() > sure
    assert scores[y == 0].mean() < 1 - sure


@pytest.mark.parametrize("learner", LEARNERS)
def test_unseen_categories_are_scored_by_what_else_is_known(learner):
    rows, y = table(seed=1)
    scores = score(fitted(learner), rows.assign(job="astronaut"))
    assert np.isfinite(scores).all()
    assert roc_auc_score(y, scores) > 0.9


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_row_of_which_nothing_is_known_has_a_score(learner):
    nothing = pd.DataFrame({"job": [None, np.nan], "amount": [np.nan] * 2, "noise": [np.nan] * 2}).astype(
        {"job": object}
    )
    assert np.isfinite(score(fitted(learner), nothing)).all()


@pytest.mark.parametrize("learner", LEARNERS)
def test_missing_cells_that_training_never_saw_are_scored(learner):
    rows, y = table()
    whole = rows.fillna({"job": "nurse", "amount": 0.0})
    assert np.isfinite(score(fitted(learner, whole, y), rows)).all()


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_column_of_which_nothing_is_known_does_no_harm(learner):
    """A quarter without one source: the column is there and empty."""
    rows, y = table()
    for name in ("noise", "job"):
        empty = rows.assign(**{name: pd.Series([None] * len(rows), dtype=object if name == "job" else float)})
        model = fitted(learner, empty, y)
        assert roc_auc_score(y, score(model, rows)) > 0.9


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_thousand_categories_fit(learner):
    rows, y = table(3000)
    rows["job"] = [f"job {number % 1000}" for number in range(len(rows))]
    assert roc_auc_score(y, score(fitted(learner, rows, y), rows)) > 0.9


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_a_table_of_one_kind_is_enough(learner, kind):
    rows, y = table()
    kinds = {name: one for name, one in KINDS.items() if one == kind}
    model = fit(estimator(Training(learner=learner, parameters=SMALL[learner]), kinds, seed=0), rows, y)
    assert roc_auc_score(y, score(model, rows)) > 0.9


@pytest.mark.parametrize("learner", LEARNERS)
def test_columns_are_found_by_name(learner):
    """In another order, beside columns that are no feature."""
    rows, _ = table()
    model = fitted(learner)
    turned = rows[rows.columns[::-1]].assign(extra="x")
    assert (score(model, turned) == score(model, rows)).all()


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_same_seed_gives_the_same_scores(learner):
    rows, _ = table(seed=1)
    assert (score(fitted(learner), rows) == score(fitted(learner), rows)).all()


@pytest.mark.parametrize("learner", LEARNERS)
def test_chance_has_a_part_where_we_say_so(learner):
    rows, y = table()
    training = Training(learner=learner, parameters=SMALL[learner])
    one, other = (fit(estimator(training, KINDS, seed=seed), rows, y) for seed in (0, 1))
    assert (score(one, rows) != score(other, rows)).any() == KNOWN[learner].by_chance


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_doubted_row_counts_for_its_weight(learner):
    """Of each row twice, with both labels, the one that counts is believed."""
    rows, y = table()
    twice, both = pd.concat([rows, rows], ignore_index=True), np.concatenate([y, 1 - y])
    model = estimator(Training(learner=learner, parameters=SMALL[learner]), KINDS, seed=0)
    fit(model, twice, both, np.repeat([1.0, 0.05], len(rows)))
    assert roc_auc_score(y, score(model, rows)) > 0.9


def test_parameters_reach_the_learner():
    assert fitted("hist_gradient_boosting", max_iter=7)["learner"].n_iter_ == 7


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_parameter_that_there_is_not_is_refused_with_the_nearest(learner):
    known = {"hist_gradient_boosting": "learning_rate", "logistic_regression": "C"}.get(learner, "n_estimators")
    wrong = Training(learner=learner, parameters={known + "s": 1})
    with pytest.raises(DataError, match=rf"^training\.parameters\.{known}s: {learner} has no such parameter; did"):
        estimator(wrong, KINDS, seed=0)


@pytest.mark.parametrize(
    "parameters", [{"max_iter": -1}, {"max_iter": "many"}, {"learning_rate": 0}, {"max_bins": 9999}]
)
def test_a_parameter_out_of_its_bounds_is_one_sentence(parameters):
    with pytest.raises(DataError, match=r"^training: The '\w+' parameter .*; check training\.parameters$") as error:
        fitted("hist_gradient_boosting", **parameters)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_served_model_decides_at_its_threshold(learner):
    rows, _ = table(seed=1)
    model = fitted(learner)
    for threshold in (0.1, 0.5, 0.9):
        served = with_threshold(model, threshold, rows)
        assert (served.predict(rows) == (score(model, rows) >= threshold)).all()
        assert (score(served, rows) == score(model, rows)).all()


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_row_exactly_at_the_threshold_is_positive(learner):
    rows, _ = table(seed=1)
    model = fitted(learner)
    threshold = float(np.sort(score(model, rows))[len(rows) // 2])
    decided = with_threshold(model, threshold, rows).predict(rows)
    at = score(model, rows) == threshold
    assert at.any()
    assert decided[at].all()
    assert (decided == (score(model, rows) >= threshold)).all()


def test_serving_learns_nothing_from_the_rows_it_is_made_with():
    rows, _ = table(seed=1)
    model = fitted("hist_gradient_boosting")
    before = score(model, rows)
    with_threshold(model, 0.5, rows.iloc[::-1])
    assert (score(model, rows) == before).all()
