"""What is compiled scores as the model itself does, and what is not the same is not used."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from rarecall import calibration
from rarecall.cohort_threshold import CohortThresholdClassifier
from rarecall.sections import Training
from rarecall.training import calibrated, estimator, fit, score, with_threshold
from serving import forest, masks
from serving.scorer import scorer

KINDS = {"amount": "numeric", "job": "categorical", "hour": "numeric", "blank": "categorical"}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    job = pd.Series(rng.choice([f"job {n}" for n in range(300)], 2000)).mask(rng.random(2000) < 0.1, None)
    amount = pd.Series(rng.normal(size=2000)).mask(rng.random(2000) < 0.1)
    hour = pd.Series(rng.integers(0, 24, 2000).astype(float))
    blank = np.full(2000, None, dtype=object)
    return pd.DataFrame({"amount": amount, "job": job.astype(object), "hour": hour, "blank": blank})


def served(rows, method="none", learner="hist_gradient_boosting", kinds=KINDS, **parameters):
    rng = np.random.default_rng(1)
    chance = 0.05 + 0.6 * (rows["amount"].fillna(0) > 0.8) + 0.3 * rows["job"].isin([f"job {n}" for n in range(40)])
    y = (rng.random(len(rows)) < chance).astype("int8").to_numpy()
    training = Training(learner=learner, parameters={"max_iter": 30} | parameters if "hist" in learner else parameters)
    pipeline = fit(estimator(training, kinds, seed=0), rows, y)
    made = calibration.fit(y, score(pipeline, rows), method)
    assert made.method == method
    return with_threshold(calibrated(pipeline, made.classifier, rows), 0.4, rows)


def cells_of(rows, columns):
    return [rows[name].astype(object).where(rows[name].notna(), None).tolist() for name in columns.names]


@pytest.mark.parametrize("method", ["none", "platt", "beta", "isotonic"])
def test_compiled_is_what_the_model_says_with_every_calibrator(rows, method):
    model = served(rows, method)
    made = scorer(model)
    assert made.is_compiled, made.reason
    truth = score(model, rows)
    cells = cells_of(rows, made.columns)
    assert np.abs(made.many(cells) - truth).max() < 1e-12
    assert np.abs(made.many([one[:7] for one in cells]) - truth[:7]).max() < 1e-12
    singles = [made.one(row) for row in list(zip(*cells, strict=True))[:200]]
    assert np.abs(np.array(singles) - truth[:200]).max() < 1e-12
    assert (made.threshold, (truth >= made.threshold).tolist()) == (0.4, (model.predict(rows) == 1).tolist())


def test_one_row_is_what_it_is_among_many_to_the_last_bit_of_a_decision(rows):
    """Sums in another order differ in the last bits only, whichever way a row comes."""
    made = scorer(served(rows, "platt"))
    cells = cells_of(rows, made.columns)
    at_once = made.many(cells)
    one_by_one = np.array([made.one(row) for row in zip(*cells, strict=True)])
    assert np.abs(at_once - one_by_one).max() < 1e-13


@pytest.mark.parametrize("kinds", [{"amount": "numeric", "hour": "numeric"}, {"job": "categorical"}])
@pytest.mark.parametrize("max_iter", [1, 2, 7])
def test_few_trees_and_columns_of_one_kind_are_compiled_too(rows, kinds, max_iter):
    model = served(rows, kinds=kinds, max_iter=max_iter)
    made = scorer(model)
    assert made.is_compiled, made.reason
    assert np.abs(made.many(cells_of(rows, made.columns)) - score(model, rows)).max() < 1e-12


@pytest.mark.parametrize("learner", ["logistic_regression", "random_forest"])
def test_other_learners_are_scored_by_their_own_pipeline(rows, learner):
    model = served(rows, learner=learner)
    made = scorer(model)
    assert not made.is_compiled
    assert "only boosted trees" in made.reason
    cells = cells_of(rows.head(50), made.columns)
    assert made.many(cells) == pytest.approx(score(model, rows.head(50)), abs=1e-12)
    strange = pd.DataFrame({"amount": [np.nan], "job": ["never seen"], "hour": [1.0], "blank": [None]})
    assert made.one([None, "never seen", 1.0, None]) == pytest.approx(float(score(model, strange)[0]), abs=1e-12)


def test_a_walk_that_is_off_is_not_used(rows, monkeypatch):
    """A leaf's value that is wrong by a millionth is found when the model is loaded."""
    true = forest._walk

    def off(nodes, at, bitsets, known, places, leaves):
        true(nodes, at, bitsets, known, places, leaves)
        leaves += 1e-6

    monkeypatch.setattr(forest, "_walk", off)
    model = served(rows, max_leaf_nodes=100, min_samples_leaf=5)
    made = scorer(model)
    assert not made.is_compiled
    assert "compiled it differs by" in made.reason
    assert np.array_equal(made.many(cells_of(rows, made.columns)), score(model, rows))


def test_masks_that_are_off_are_not_used(rows, monkeypatch):
    """A leaf too many that the nodes of one tree strike out is found when the model is loaded."""
    true = masks._nodes

    def off(number, *rest):
        for node in true(number, *rest):
            yield node._replace(mask=node.mask & ~2) if number == 3 else node

    monkeypatch.setattr(masks, "_nodes", off)
    made = scorer(served(rows))
    assert not made.is_compiled
    assert "compiled it differs by" in made.reason


@pytest.mark.parametrize("leaves", [2, 31, 32, 33, 64, 100])
def test_trees_of_any_size_are_compiled(rows, leaves):
    """Up to 32 leaves fit a word, up to 64 a long one; larger trees are walked."""
    model = served(rows, max_leaf_nodes=leaves, min_samples_leaf=5)
    made = scorer(model)
    assert made.is_compiled, made.reason
    truth, cells = score(model, rows), cells_of(rows, made.columns)
    assert np.abs(made.many(cells) - truth).max() < 1e-12
    singles = [made.one(row) for row in list(zip(*cells, strict=True))[:100]]
    assert np.abs(np.array(singles) - truth[:100]).max() < 1e-12


def test_a_row_has_one_digest_alone_and_among_others(rows):
    columns = scorer(served(rows)).columns
    cells = cells_of(rows.head(50), columns)
    alone = [columns.digest(row) for row in zip(*cells, strict=True)]
    as_arrays = [np.array(one, dtype=float) if name in {"amount", "hour"} else one
                 for name, one in zip(columns.names, cells, strict=True)]  # fmt: skip
    assert columns.digests(as_arrays) == columns.digests(cells) == alone
    assert len(set(alone)) == 50


def test_the_columns_are_those_that_the_model_was_trained_on(rows):
    columns = scorer(served(rows)).columns
    assert columns.names == ("amount", "job", "hour", "blank")
    # One of 300 was never drawn.
    assert {name: len(known) for name, known in columns.categories.items()} == {"job": 299, "blank": 0}
    assert columns.required == frozenset()


@pytest.mark.parametrize(("column", "edges"), [("job", None), ("hour", [6.0, 18.0]), ("amount", [0.5])])
def test_a_threshold_of_its_cohort_flags_a_row_as_the_model_does(rows, column, edges):
    inside = served(rows, "platt").estimator
    own = {"job 3": 0.1, "job 250": 0.9} if edges is None else {"<6": 0.05, "6-18": 0.9, "<0.5": 0.02, "missing": 0.01}
    model = CohortThresholdClassifier(inside, column, edges, own, 0.4).fit(rows)
    made = scorer(model)
    assert made.is_compiled, made.reason
    cells = cells_of(rows, made.columns)
    limits = [made.limit(row) for row in zip(*cells, strict=True)]
    assert len(set(limits)) > 2
    assert ((made.many(cells) >= np.array(limits)) == (model.predict(rows) == 1)).all()


def test_two_threads_that_ask_for_single_rows_get_their_own(rows):
    """A batch is scored off the loop, while the loop scores single rows with the same trees."""
    made = scorer(served(rows))
    cells = list(zip(*cells_of(rows, made.columns), strict=True))
    two = [cells[0], next(row for row in cells if abs(made.one(row) - made.one(cells[0])) > 0.1)]
    truth, before = [made.one(row) for row in two], sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(lambda n: {made.one(two[n]) for _ in range(4000)}, range(2)))
    finally:
        sys.setswitchinterval(before)
    assert found == [{truth[0]}, {truth[1]}]
