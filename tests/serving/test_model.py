"""A model's file gives back its scores to the last bit, and runs no code of its own."""

import functools
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from rarecall import calibration
from rarecall.errors import StoreError
from rarecall.sections import Training
from rarecall.training import (
    CALIBRATED_TYPES,
    TRUSTED_TYPES,
    calibrated,
    estimator,
    fit,
    score,
    uncalibrated,
    with_threshold,
)
from serving.model import FILE, TRUSTED, load, save

KINDS = {"job": "categorical", "amount": "numeric"}
FOREST = {"n_estimators": 20, "n_jobs": 1}
PARAMETERS = {
    "random_forest": FOREST,
    "hist_gradient_boosting": {"max_iter": 20},
    "lightgbm": FOREST,
    "xgboost": FOREST,
    "balanced_random_forest": FOREST,
    "easy_ensemble": {"n_estimators": 1},
}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    job = pd.Series(rng.choice(["nurse", "pilot"], 300)).mask(rng.random(300) < 0.1, None)
    amount = pd.Series(rng.normal(size=300)).mask(rng.random(300) < 0.1)
    return pd.DataFrame({"job": job.astype(object), "amount": amount})


@pytest.fixture(scope="module", params=[(a, b) for a in TRUSTED_TYPES for b in CALIBRATED_TYPES], ids="-".join)
def saved(request, rows, tmp_path_factory):
    """Return a model of each learner with each calibrator behind it, the types it may hold, and its file."""
    learner, method = request.param
    model, file = served(rows, learner, method), tmp_path_factory.mktemp("models") / FILE
    save(model, file)
    return model, {*TRUSTED_TYPES[learner], *CALIBRATED_TYPES[method]}, file


def served(rows: pd.DataFrame, learner: str = "logistic_regression", method: str = "none"):
    y = ((rows["amount"].fillna(0) > 0.5) | (rows["job"] == "pilot")).astype("int8").to_numpy()
    training = Training(learner=learner, parameters=PARAMETERS.get(learner, {}))
    pipeline = fit(estimator(training, KINDS, seed=0), rows, y)
    rng = np.random.default_rng(1)
    made = calibration.fit(np.where(rng.random(len(y)) < 0.1, 1 - y, y), score(pipeline, rows), method)
    assert made.method == method
    return with_threshold(calibrated(pipeline, made.classifier, rows), 0.4, rows)


def test_a_model_comes_back_with_the_same_scores_and_decisions(rows, saved):
    model, _, file = saved
    loaded = load(file)
    assert (score(loaded, rows) == score(model, rows)).all()
    assert (loaded.predict(rows) == model.predict(rows)).all()
    assert loaded.threshold == 0.4
    strange = pd.DataFrame({"job": ["astronaut", None], "amount": [np.nan, 1e9]})
    assert np.isfinite(score(loaded, strange)).all()


def test_what_we_trust_is_what_the_learner_and_its_calibrator_need(saved):
    """No more: a type that no model holds is a door left open."""
    _, needed, file = saved
    assert set(skops.io.get_untrusted_types(file=file)) == needed


OFTEN = ("hist_gradient_boosting", "beta")  # the others, a process each, with all stories


@pytest.mark.parametrize(
    ("learner", "method"),
    [
        pytest.param(learner, method, marks=[] if (learner, method) == OFTEN else pytest.mark.thorough)
        for learner in TRUSTED_TYPES
        for method in CALIBRATED_TYPES
    ],
)
def test_a_model_is_served_without_rarecall(tmp_path, rows, learner, method):
    """An interpreter that cannot import us reads the file with the list of types, and scores the same."""
    model = served(rows, learner, method)
    save(model, tmp_path / FILE)
    table, scores = tmp_path / "rows.parquet", tmp_path / "scores.npy"
    rows.to_parquet(table)
    program = f"""
import sys
sys.modules["rarecall"] = None
import numpy, pandas, skops.io
model = skops.io.load({str(tmp_path / FILE)!r}, trusted={TRUSTED!r})
numpy.save({str(scores)!r}, model.predict_proba(pandas.read_parquet({str(table)!r})))
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert (np.load(scores)[:, 1] == score(model, rows)).all()


def test_what_stands_before_the_calibrator_is_found_again(tmp_path, rows):
    assert uncalibrated(served(rows)) is None
    save(served(rows, method="platt"), tmp_path / FILE)
    assert (score(uncalibrated(load(tmp_path / FILE)), rows) == score(served(rows), rows)).all()


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


def test_a_model_whose_library_is_missing_says_what_to_install(tmp_path, rows, monkeypatch):
    save(served(rows, "lightgbm"), tmp_path / FILE)
    for name in [name for name in sys.modules if name.partition(".")[0] == "lightgbm"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(StoreError, match=r"^model\.skops needs lightgbm.*; run: pip install 'rarecall\[boosting\]'$"):
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
