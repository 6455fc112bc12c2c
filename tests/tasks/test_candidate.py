"""A model of each library goes through MLflow and comes back with its scores, its threshold and what it needs."""

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from registered import project_in

from rarecall import calibration
from rarecall.drift import sketch
from rarecall.sections import Training
from rarecall.training import calibrated, estimator, fit, score, with_threshold
from rarecall.warehouse import Warehouse
from serving import registry
from tasks import candidate

pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")  # at import

KINDS = {"job": "categorical", "amount": "numeric"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


def served(learner: str, parameters: dict) -> tuple:
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.2).astype("int8")
    job = pd.Series(rng.choice(["nurse", "pilot"], 400)).mask(rng.random(400) < 0.1, None)
    rows = pd.DataFrame({"job": job.astype(object), "amount": rng.normal(2.0 * y)})
    training = Training(learner=learner, parameters=parameters)
    pipeline = fit(estimator(training, KINDS, seed=0), rows, y)
    made = calibration.fit(y, score(pipeline, rows), "platt")
    return with_threshold(calibrated(pipeline, made.classifier, rows), 0.3, rows), rows


@pytest.mark.parametrize(
    ("learner", "parameters", "needs"),
    [
        ("lightgbm", {"n_estimators": 5}, "lightgbm"),
        ("xgboost", {"n_estimators": 5}, "xgboost-cpu"),
        ("balanced_random_forest", {"n_estimators": 5, "n_jobs": 1}, "imbalanced-learn"),
    ],
)
def test_a_model_is_registered_and_read_back(home, learner, parameters, needs):
    project, shelf = project_in(home), Warehouse(home / "warehouse")
    with shelf.write("models", learner, recipe={}) as draft:
        policy = {"by": None}
        draft.facts.update(learner=learner, calibration={"method": "platt", "reason": ""}, threshold_policy=policy)
    with shelf.write("sketches", learner, recipe={}) as draft:
        (draft.folder / sketch.FILE).write_bytes(b"counts")
    model, rows = served(learner, parameters)
    client = registry.connect(project)
    example = rows.dropna().head(1)
    tags = {candidate.CANDIDATE: learner, "rarecall.dataset_version": "d1"}
    found, sketched = shelf.find("models", learner), shelf.find("sketches", learner)
    version = candidate.find_or_create(client, project, found, model, example, tags, {"recall": 0.5}, sketched)
    assert Path(client.download_artifacts(version.run_id, sketch.FILE)).read_bytes() == b"counts"
    loaded = registry.load(client, version)
    assert (score(loaded, rows) == score(model, rows)).all()
    assert (loaded.predict(rows) == model.predict(rows)).all()
    assert loaded.threshold == 0.3
    asked = mlflow.pyfunc.load_model(version.source).predict(rows)
    assert (np.asarray(asked)[:, 1] == score(model, rows)).all()
    logged = Path(mlflow.artifacts.download_artifacts(version.source)) / "requirements.txt"
    packages = [line.partition("==")[0] for line in logged.read_text().splitlines()]
    assert {needs, "scikit-learn", "skops"} <= set(packages)
    assert "rarecall" not in packages
