"""A model's file gives back its scores to the last bit, and runs no code of its own."""

import functools
import os
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from rarecall.errors import StoreError
from rarecall.sections import Training
from rarecall.training import TRUSTED_TYPES, estimator, fit, score, with_threshold
from serving.model import FILE, TRUSTED, load, save

KINDS = {"job": "categorical", "amount": "numeric"}
PARAMETERS = {"random_forest": {"n_estimators": 20, "n_jobs": 1}, "hist_gradient_boosting": {"max_iter": 20}}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    job = pd.Series(rng.choice(["nurse", "pilot"], 300)).mask(rng.random(300) < 0.1, None)
    amount = pd.Series(rng.normal(size=300)).mask(rng.random(300) < 0.1)
    return pd.DataFrame({"job": job.astype(object), "amount": amount})


def served(rows: pd.DataFrame, learner: str = "logistic_regression"):
    y = ((rows["amount"].fillna(0) > 0.5) | (rows["job"] == "pilot")).astype("int8").to_numpy()
    training = Training(learner=learner, parameters=PARAMETERS.get(learner, {}))
    return with_threshold(fit(estimator(training, KINDS, seed=0), rows, y), 0.4, rows)


@pytest.mark.parametrize("learner", list(TRUSTED_TYPES))
def test_a_model_comes_back_with_the_same_scores_and_decisions(tmp_path, rows, learner):
    model = served(rows, learner)
    save(model, tmp_path / FILE)
    loaded = load(tmp_path / FILE)
    assert (score(loaded, rows) == score(model, rows)).all()
    assert (loaded.predict(rows) == model.predict(rows)).all()
    assert loaded.threshold == 0.4


@pytest.mark.parametrize("learner", list(TRUSTED_TYPES))
def test_a_loaded_model_takes_what_it_never_saw(tmp_path, rows, learner):
    save(served(rows, learner), tmp_path / FILE)
    strange = pd.DataFrame({"job": ["astronaut", None], "amount": [np.nan, 1e9]})
    assert np.isfinite(score(load(tmp_path / FILE), strange)).all()


@pytest.mark.parametrize("learner", list(TRUSTED_TYPES))
def test_what_we_trust_is_what_the_learner_needs(tmp_path, rows, learner):
    """No more: a type that no model holds is a door left open."""
    save(served(rows, learner), tmp_path / FILE)
    assert set(skops.io.get_untrusted_types(file=tmp_path / FILE)) == set(TRUSTED_TYPES[learner])


@pytest.mark.parametrize("wicked", [os.system, functools.partial(os.system, "true"), eval, pickle.loads])
def test_a_function_that_is_not_ours_is_refused(tmp_path, wicked):
    skops.io.dump(Pipeline([("wicked", FunctionTransformer(wicked))]), tmp_path / FILE)
    with pytest.raises(StoreError, match=r"^model\.skops is refused: .*only models of the known learners are loaded$"):
        load(tmp_path / FILE)


def test_a_file_is_not_believed_about_itself(tmp_path):
    """A type of another learner stays refused, whatever scikit-learn thinks of it."""
    model = KNeighborsClassifier(algorithm="kd_tree").fit(np.eye(8), [0, 1] * 4)
    skops.io.dump(model, tmp_path / FILE)
    unknown = set(skops.io.get_untrusted_types(file=tmp_path / FILE))
    assert unknown
    assert not unknown & set(TRUSTED)
    with pytest.raises(StoreError, match="is refused"):
        load(tmp_path / FILE)


def test_a_pickle_is_not_run(tmp_path):
    class Touch:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "run"),)

    (tmp_path / FILE).write_bytes(pickle.dumps(Touch()))
    with pytest.raises(StoreError, match="cannot be read as a model"):
        load(tmp_path / FILE)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("damage", ["truncated", "empty", "missing", "no schema", "another zip"])
def test_a_damaged_file_is_one_sentence(tmp_path, rows, damage):
    file = tmp_path / FILE
    save(served(rows), file)
    whole = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "missing":
        file.unlink()
    else:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("schema.json" if damage == "no schema" else "a.txt", "{}")
    with pytest.raises(StoreError, match=r"^model\.skops cannot be read as a model: .*; train it again$") as error:
        load(file)
    assert "\n" not in str(error.value)
