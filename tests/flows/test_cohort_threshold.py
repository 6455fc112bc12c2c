"""Thresholds by cohort through whole runs, beside champions with and without them."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from places import PROJECT, Place

from rarecall.cohort_threshold import CohortThresholdClassifier
from rarecall.errors import DataError, ProjectError
from rarecall.project import load
from rarecall.warehouse import Warehouse
from serving import registry

BY_REGION = {"threshold": {"by": "region"}}


@pytest.fixture
def place(retrained, tmp_path) -> Place:
    """A copy of a home whose champion has one threshold."""
    shutil.copytree(retrained[0].folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


@pytest.mark.thorough
def test_a_champion_by_cohort_and_one_without_are_compared_each_by_its_own_decisions(prefect, place):
    place.settings(training=BY_REGION, gates=PROJECT["gates"] | {"min_positives": 12})
    record = place.retrain()
    by = record["threshold_policy"]["by"]
    assert {value for value, one in by.items() if one["own"]}, by
    assert record["decision"]["champion"]["version"] == "1", "which has one threshold"

    client = MlflowClient(tracking_uri=f"sqlite:///{place.home / 'mlflow' / 'mlflow.db'}")
    version = client.get_model_version("payments", record["model_version"])
    own = {value: one["threshold"] for value, one in by.items() if one["own"]}
    assert json.loads(version.tags["rarecall.threshold.by_cohort"]) == own
    served = registry.load(client, version)
    assert isinstance(served, CohortThresholdClassifier)
    assert served.thresholds == own

    shelf = Warehouse(place.home / "warehouse")
    holdout = pd.read_parquet(shelf.find("datasets", record["dataset_version"]).file("holdout.parquet"))
    hits = served.predict(holdout)[holdout["label"] == 1]
    assert record["sli"]["minority_recall"] == pytest.approx(hits.mean())
    north = (holdout["label"] == 1) & (holdout["region"] == "north")
    assert record["sli"]["by_cohort"]["region"]["north"]["minority_recall"] == pytest.approx(
        served.predict(holdout)[north].mean()
    )
    assert record["explanation"]["confusion"]["overall"]["tp"] == int(hits.sum())
    assert "The threshold of each cohort value" in Path(record["report"]).read_text()

    forced = place.run("promote", "--version", record["model_version"], "--reason", "by cohort", "--force")
    assert forced.returncode == 0, forced.stderr
    place.settings(training={"precision_margin": 0.1}, gates=PROJECT["gates"] | {"min_positives": 12})
    beside = place.retrain()
    assert beside["threshold_policy"]["by"] is None
    assert beside["decision"]["champion"]["version"] == record["model_version"]
    assert beside["decision"]["champion"]["recall"] == pytest.approx(record["sli"]["minority_recall"])


def test_a_cohort_that_is_no_feature_is_refused_before_anything_runs(tmp_path):
    place = Place(tmp_path)
    place.settings(training={"threshold": {"by": "customer_id"}})
    with pytest.raises(ProjectError, match=r"training\.threshold\.by: expected a column that the model reads"):
        load(place.file, {})
    place.settings(training={"threshold": {"policy": "budget", "alerts_per_day": 5, "by": "region"}})
    with pytest.raises(ProjectError, match="a budget of alerts is one for all rows"):
        load(place.file, {})


@pytest.mark.thorough
def test_a_cohort_that_is_no_column_is_named_with_what_the_model_reads(prefect, place):
    place.settings(training={"threshold": {"by": "planet"}})
    with pytest.raises(DataError, match="expected a column that the model reads, got 'planet'; it reads amount"):
        place.retrain()
