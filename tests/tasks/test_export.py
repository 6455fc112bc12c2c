"""Synthetic rows leave by one door: only where the project says so, with the risk named, and the ledger knows of it."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from rarecall.augmentation import augment, together
from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from rarecall.sections import Augmentation
from tasks.export import EXPORTED, export
from tasks.forgotten import FORGOTTEN
from tasks.ledger import open_project_ledger
from tasks.shelf import warehouse

KINDS = {"amount": "numeric", "hour": "numeric", "job": "categorical"}
FOUND = {
    "rows_at_risk": 9, "reconstruction_recall": 0.25, "recall_interval": [0.1, 0.4], "reconstruction_precision": 0.5,
    "precision_interval": [0.3, 0.7], "distinguishing_auc": 0.6, "real_rows": [40, 40], "synthetic_rows": [50, 50],
    "complete": True,
}  # fmt: skip


def in_home(home, **changes):
    return Project.model_validate(
        {
            "name": "payments",
            "source": {"path": "a.csv"},
            "label": {"column": "is_fraud", "positive": "yes"},
            "stores": {"home": str(home / "home")},
            "privacy": {"export": True},
            **changes,
        }
    )


def made(project, key, *, sampler="adasyn", seed=0):
    """Keep a published dataset version of 40 rare rows among 200, with 50 synthetic ones."""
    rng = np.random.default_rng(seed)
    train = pd.DataFrame({
        "row_id": np.arange(200), "event_timestamp": pd.date_range("2026-01-01", periods=200, tz="UTC", unit="us"),
        "label": np.repeat([1, 0], [40, 160]), "amount": rng.normal(size=200), "hour": rng.normal(size=200),
        "job": rng.choice(np.array(["cook", "nurse"], dtype=object), 200),
    })  # fmt: skip
    drawn = augment(
        train, KINDS, np.full(200, True), Augmentation(sampler=sampler, synthetic_share=0.2), first_id=200, seed=0
    )
    shelf = warehouse(project)
    with shelf.write("datasets", key, recipe={}) as draft:
        together(train, drawn.rows).to_parquet(draft.folder / "train.parquet", index=False)
        draft.facts.update(drawn.facts, features=KINDS)
    with shelf.write("feast_datasets", key, recipe={}) as draft:
        draft.facts["name"] = f"{project.name}_{key}"
    return pd.read_parquet(shelf.find("datasets", key).file("train.parquet")).query("is_synthetic")


def taken(project, file, **options):
    return export(project, file, who="ann", why="for a partner", **options)


@pytest.fixture
def project(tmp_path):
    project = in_home(tmp_path)
    made(project, "d1")
    with warehouse(project).write("inspections", "i1", recipe={}) as draft:
        draft.facts.update(project="payments", dataset="d1", privacy=FOUND)
    return project


def test_a_project_that_does_not_say_so_lets_nothing_out(tmp_path, project):
    shut = project.model_copy(update={"privacy": project.privacy.model_copy(update={"export": False})})
    with pytest.raises(DataError, match=r"privacy\.export: expected true .* got false; .* set it in the project file"):
        taken(shut, tmp_path / "rows.csv", dataset="d1")
    assert not (tmp_path / "rows.csv").exists()
    assert open_project_ledger(project).entries(EXPORTED) == ()


def test_nothing_is_let_out_by_default(tmp_path):
    assert in_home(tmp_path, privacy={}).privacy.export is False


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_the_file_holds_the_synthetic_rows_and_nothing_that_ties_them_to_anyone(tmp_path, project, name):
    synthetic = made(project, "d2")
    found = taken(project, tmp_path / name, dataset="d2")
    read = pd.read_csv if name.endswith("csv") else pd.read_parquet
    rows = read(tmp_path / name)
    assert list(rows.columns) == found["columns"] == ["amount", "hour", "job", "is_fraud"]
    assert (rows["is_fraud"] == "yes").all()
    pd.testing.assert_frame_equal(rows[list(KINDS)], synthetic[list(KINDS)].reset_index(drop=True))
    assert found["rows"] == len(synthetic) == 50


def test_lineage_leaves_only_when_it_is_asked_for(tmp_path, project):
    taken(project, tmp_path / "rows.parquet", dataset="d1", lineage=True)
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    assert list(rows.columns)[:5] == ["row_id", "event_timestamp", "parent_id", "neighbor_id", "step"]


def test_the_risk_is_what_the_run_found(tmp_path, project):
    assert taken(project, tmp_path / "rows.csv", dataset="d1")["risk"] == FOUND | {"inspected": True}


def test_the_attack_runs_where_none_has_run(tmp_path, project):
    made(project, "d2")
    risk = taken(project, tmp_path / "rows.csv", dataset="d2")["risk"]
    assert (risk["inspected"], risk["real_rows"], risk["complete"]) == (False, [40, 40], True)
    assert set(FOUND) <= set(risk)


def test_the_ledger_names_who_why_and_the_very_file(tmp_path, project):
    found = taken(project, tmp_path / "rows.csv", dataset="d1")
    (entry,) = open_project_ledger(project).entries(EXPORTED, "payments")
    assert (entry.who, entry.why, entry.number) == ("ann", "for a partner", found["entry"])
    assert entry.payload["sha256"] == hashlib.sha256((tmp_path / "rows.csv").read_bytes()).hexdigest()
    assert (entry.payload["file"], entry.payload["risk"]) == ("rows.csv", FOUND | {"inspected": True})


def test_descendants_of_the_forgotten_stay(tmp_path, project):
    synthetic = made(project, "d2")
    marked = synthetic["row_id"].iloc[[0, 7]].tolist()
    payload = {"columns": ["id"], "pseudonym": "p", "key": "k", "datasets": {"d2": marked}}
    open_project_ledger(project).append(FORGOTTEN, "payments", payload, who="ann", why="asked")
    found = taken(project, tmp_path / "rows.parquet", dataset="d2", lineage=True)
    assert (found["rows"], found["withheld"]) == (48, 2)
    assert not set(pd.read_parquet(tmp_path / "rows.parquet")["row_id"]) & set(marked)


def test_a_file_is_replaced_only_when_that_is_said(tmp_path, project):
    file = tmp_path / "rows.csv"
    file.write_text("mine")
    with pytest.raises(DataError, match="exists; give another --output, or --overwrite"):
        taken(project, file, dataset="d1")
    assert file.read_text() == "mine"
    taken(project, file, dataset="d1", overwrite=True)
    assert len(pd.read_csv(file)) == 50
    assert [one.name for one in tmp_path.iterdir() if "partial" in one.name] == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rows.xlsx", r"ends in \.parquet or \.csv"),
        ("none/rows.csv", "a folder that is there"),
        ("home/rows.csv", "outside the home"),
        ("folder.csv", "expected a file, got the folder"),
    ],
)
def test_a_place_that_cannot_be_is_refused_before_any_work(tmp_path, project, name, said):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=said):
        taken(project, tmp_path / name, dataset="d1", overwrite=True)


def test_the_dataset_is_that_of_the_last_run(tmp_path, project):
    folder = tmp_path / "home" / "runs" / "payments" / "2026-01-01T000000-1"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps({"dataset_version": "d1"}))
    made(project, "d2")
    assert taken(project, tmp_path / "rows.csv")["dataset_version"] == "d1"


def test_without_a_run_there_is_nothing_to_export(tmp_path, project):
    with pytest.raises(StoreError, match="has no run yet"):
        taken(project, tmp_path / "rows.csv")


@pytest.mark.parametrize(("dataset", "said"), [("d", "got 2 that begin so"), ("x9", "got none"), ("", "got none")])
def test_a_dataset_version_is_named_or_refused(tmp_path, project, dataset, said):
    made(project, "d2")
    with pytest.raises(DataError, match=said):
        taken(project, tmp_path / "rows.csv", dataset=dataset)


def test_another_projects_dataset_is_not_ours_to_export(tmp_path, project):
    other = project.model_copy(update={"name": "cards"})
    with pytest.raises(DataError, match="expected one dataset version of cards named 'd1'"):
        taken(other, tmp_path / "rows.csv", dataset="d1")


def test_real_rows_only_are_none_to_export(tmp_path, project):
    made(project, "d3", sampler="none")
    with pytest.raises(DataError, match="no synthetic row that may leave"):
        taken(project, tmp_path / "rows.csv", dataset="d3")


def test_changed_files_are_not_exported(tmp_path, project):
    train = warehouse(project).find("datasets", "d1").file("train.parquet")
    train.chmod(0o600)
    train.write_bytes(train.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match="is not what was written"):
        taken(project, tmp_path / "rows.csv", dataset="d1")
