"""The main job through the console script, asked afterwards of the stores themselves."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from places import placed

from flows.commands import retrain
from rarecall.errors import DataError
from rarecall.warehouse import Warehouse

STAGES = [
    "ingest",
    "validate",
    "publish_features",
    "retrieve",
    "judge_labels",
    "split",
    "compare_arms",
    "augment",
    "inspect",
    "publish_dataset",
    "sketch",
    "train",
    "evaluate",
    "explain",
    "decide",
    "register",
    "reference_report",
]


@pytest.fixture(scope="module")
def client(retrained) -> MlflowClient:
    uri = f"sqlite:///{retrained[0].home / 'mlflow' / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    return MlflowClient(tracking_uri=uri)


def dataset(home: Path, version: str) -> Path:
    return home / "warehouse" / "datasets" / version


def test_json_says_what_was_made(retrained):
    record = retrained[1]
    assert [stage["name"] for stage in record["stages"]] == STAGES
    assert len(STAGES) == retrain.STAGES, "the progress bar counts them"
    assert {stage["state"] for stage in record["stages"]} == {"completed"}
    assert record["aliases"] == ["champion"]
    assert record["decision"]["verdict"] == "promote"
    assert record["decision"]["reasons"]
    sli = record["sli"]
    low, high = sli["intervals"]["minority_recall"]
    assert low < sli["minority_recall"] <= high
    assert 0.10 <= sli["synthetic_ratio"] <= 0.101
    assert sli["neighbor_distance_median"] > 0
    assert sli["intervals"]["ece"][0] <= sli["ece"] <= sli["intervals"]["ece"][1]
    assert set(sli["fairness"]) == {"region", "amount"}
    assert set(sli["by_cohort"]) == {"region", "amount"}


def test_second_run_is_cached(retrained):
    """Nothing heavy runs again, what is named is what was made, and the home's own Prefect keeps the run."""
    place, first = retrained
    second = json.loads(place.run("retrain", "--json", apart=True).stdout)
    assert {stage["state"] for stage in second["stages"]} == {"cached"}
    same = ("snapshot", "dataset_version", "model_version", "aliases", "decision", "sli")
    assert {name: second[name] for name in same} == {name: first[name] for name in same}
    assert second["run_id"] != first["run_id"]
    with closing(sqlite3.connect(place.home / "prefect" / "prefect.db")) as database:
        state = database.execute("select state_type from flow_run where id = ?", [second["run_id"]]).fetchone()
        tasks = database.execute("select name, state_name from task_run where flow_run_id = ?", [second["run_id"]])
        names = {name for _, name in tasks.fetchall()}
        artifacts = {key for (key,) in database.execute("select key from artifact_collection")}
    assert (state, names) == (("COMPLETED",), {"Cached", "Completed"})
    assert {name.replace("_", "-") for name in STAGES} | {"run-report"} <= artifacts


@pytest.mark.thorough
def test_another_folder_gives_the_same_bytes(prefect, retrained, tmp_path, payments):
    place, first = retrained
    record = placed(tmp_path, payments).retrain(home=tmp_path / "elsewhere")
    assert record["dataset_version"] == first["dataset_version"]
    one, two = dataset(place.home, first["dataset_version"]), dataset(tmp_path / "elsewhere", first["dataset_version"])
    names = sorted(file.name for file in one.iterdir())
    assert names == ["holdout.parquet", "lineage.parquet", "manifest.json", "train.parquet", "validation.parquet"]
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    shelves = [Warehouse(home / "warehouse") for home in (place.home, tmp_path / "elsewhere")]
    for kind in ("models", "evaluations"):
        [made] = shelves[1].versions(kind)
        assert shelves[0].find(kind, made.key).facts == made.facts, "what a clock told stands beside the warehouse"
    assert set(record["measured"]) == {"training", "latency"}


def test_synthetic_rows_are_in_training_only_and_never_before_their_parents(retrained):
    place, record = retrained
    folder = dataset(place.home, record["dataset_version"])
    train, validation, holdout = (
        pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "validation", "holdout")
    )
    real, synthetic = train[~train["is_synthetic"]], train[train["is_synthetic"]]
    assert len(synthetic) > 0
    ids = [set(part["row_id"]) for part in (real, synthetic, validation, holdout)]
    assert sum(map(len, ids)) == len(set().union(*ids)), "no row stands in two parts"
    assert real["event_timestamp"].max() < validation["event_timestamp"].min()
    assert validation["event_timestamp"].max() < holdout["event_timestamp"].min()
    moment = real.set_index("row_id")["event_timestamp"]
    assert set(synthetic["parent_id"]) <= set(real["row_id"][real["label"] == 1])
    for parent in ("parent_id", "neighbor_id"):
        assert (synthetic["event_timestamp"].array >= moment.loc[synthetic[parent]].array).all()


def test_synthetic_rows_hold_only_categories_that_occur(retrained):
    place, record = retrained
    train = pd.read_parquet(dataset(place.home, record["dataset_version"]) / "train.parquet")
    real, synthetic = train[~train["is_synthetic"]], train[train["is_synthetic"]]
    for column in ("region", "channel", "merchant_category", "entry_mode", "currency"):
        assert set(synthetic[column].dropna()) <= set(real[column])


def test_mlflow_version_carries_the_tags_an_auditor_asks_for(retrained, client):
    record = retrained[1]
    version = client.get_model_version("payments", record["model_version"])
    tags = version.tags
    assert tags["rarecall.dataset_version"] == record["dataset_version"]
    assert tags["rarecall.snapshot"] == record["snapshot"]
    assert tags["rarecall.decision"] == "promote"
    assert tags["rarecall.sampler"] == "adasyn"
    assert tags["rarecall.sampler.k"] == "5"
    assert tags["rarecall.calibration"] in {"platt", "beta"}
    metrics = client.get_run(version.run_id).data.metrics
    assert {"training_seconds", "training_peak_mb", "latency_ms_p50", "latency_ms_p99", "ece", "brier"} <= set(metrics)
    assert tags["rarecall.seed"] == "0"
    assert int(tags["rarecall.synthetic_rows"]) > 0
    assert float(tags["rarecall.synthetic_share"]) == pytest.approx(record["sli"]["synthetic_ratio"], abs=1e-6)
    assert float(tags["rarecall.sli.minority_recall"]) == pytest.approx(record["sli"]["minority_recall"], abs=1e-6)
    assert {"rarecall.label_noise_rate", "rarecall.git"} <= set(tags)
    assert client.get_model_version_by_alias("payments", "champion").version == version.version


def test_model_version_names_what_it_reads_from_feast(retrained, client):
    """The service that its tag names gives its features, in its order, of accepted rows only."""
    place, record = retrained
    tags = client.get_model_version("payments", record["model_version"]).tags
    assert tags["rarecall.feature_service"] == "payments_v1"
    assert tags["rarecall.feature_view"] == f"payments_features_{tags['rarecall.feature_view_version']}"
    program = f"""
import warnings; warnings.simplefilter("ignore")
from feast import FeatureStore
store = FeatureStore({str(place.home / "feast")!r})
service = store.get_feature_service("payments_v1")
[read] = service.feature_view_projections
print(service.tags["dataset_version"], service.tags["snapshot"], read.name, *(field.name for field in read.features))
print(store.get_feature_view(read.name).batch_source.path)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    said, path = done.stdout.splitlines()
    [features] = [version.facts["features"] for version in Warehouse(place.home / "warehouse").versions("datasets")]
    named = [record["dataset_version"], record["snapshot"], tags["rarecall.feature_view"]]
    assert said.split() == [*named, *features]
    train = pd.read_parquet(dataset(place.home, record["dataset_version"]) / "train.parquet")
    online = set(pd.read_parquet(path)["row_id"])
    assert not online & set(train["row_id"][train["is_synthetic"]])
    assert set(train["row_id"][~train["is_synthetic"]]) <= online


def test_model_loads_without_rarecall_and_decides_the_same(retrained, client, tmp_path):
    """skops and scikit-learn are enough: an interpreter that cannot import us reads the model and scores."""
    place, record = retrained
    source = client.get_model_version("payments", record["model_version"]).source
    model = mlflow.artifacts.download_artifacts(source, dst_path=tmp_path, tracking_uri=client.tracking_uri)
    holdout = dataset(place.home, record["dataset_version"]) / "holdout.parquet"
    program = f"""
import sys
sys.modules["rarecall"] = None
import pandas, skops.io
file = {str(Path(model) / "model.skops")!r}
model = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
rows = pandas.read_parquet({str(holdout)!r})
flagged = model.predict(rows)
print(flagged[rows["label"] == 1].mean())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(record["sli"]["minority_recall"])


def test_any_feast_user_can_retrieve_the_dataset_version(retrained):
    place, record = retrained
    program = f"""
import warnings; warnings.simplefilter("ignore")
from feast import FeatureStore
dataset = FeatureStore({str(place.home / "feast")!r}).get_saved_dataset("payments_{record["dataset_version"]}")
rows = dataset.to_df()
print(len(rows), int(rows["is_synthetic"].sum()), dataset.tags["sampler"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    train = pd.read_parquet(dataset(place.home, record["dataset_version"]) / "train.parquet")
    assert done.stdout.split() == [str(len(train)), str(train["is_synthetic"].sum()), "adasyn"]


def test_pages_are_written(retrained):
    place, record = retrained
    page = Path(record["report"]).read_text()
    assert record["dataset_version"] in page
    drift = Warehouse(place.home / "warehouse").versions("references")[0].file("drift.html")
    assert drift.stat().st_size > 100_000


@pytest.mark.thorough
def test_a_later_delivery_meets_the_champion(prefect, tmp_path, payments):
    """The second candidate is compared on its holdout and becomes the challenger; the champion stays."""
    place = placed(tmp_path, payments[payments["paid_at"] < payments["paid_at"].max() - pd.Timedelta("8d")])
    first = place.retrain()
    place.table(payments)
    second = place.retrain()
    assert (first["aliases"], second["aliases"]) == (["champion"], ["challenger"])
    assert second["snapshot"] != first["snapshot"]
    status = json.loads(place.run("status", "--json").stdout)
    assert [model["aliases"] for model in status["models"]] == [["champion"], ["challenger"]]
    assert [one["version"] for one in status["datasets"]] == [first["dataset_version"], second["dataset_version"]]
    champion = json.loads((Path(second["report"]).parent / "record.json").read_text())["decision"]["champion"]
    assert champion["version"] == "1"


@pytest.mark.thorough
def test_a_champion_whose_columns_are_gone_is_named_and_nothing_is_registered(prefect, tmp_path, payments):
    place = placed(tmp_path, payments)
    place.retrain()
    place.table(payments.drop(columns="terminal_risk"))
    place.settings(expectations={"columns": {"terminal_risk": {"severity": "off"}}})  # let go on purpose
    with pytest.raises(DataError, match="champion version 1 reads terminal_risk"):
        place.retrain()
    status = json.loads(place.run("status", "--json").stdout)
    assert [model["version"] for model in status["models"]] == ["1"]
