"""Strategies compared on a home as a run leaves it: each cell once, kept as it is done, and a page of all."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from rarecall.warehouse import Warehouse
from tasks.compare import PAGE, compare, names, said, seconds

KINDS = {"amount": "numeric", "job": "categorical"}
ASKED = ["threshold", "smote_nc", "smote_n", "random_under"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A home with what a comparison reads of a run: its record, the rows, their verdict and their parts."""
    home = tmp_path_factory.mktemp("home")
    project = Project.model_validate(
        {
            "name": "payments",
            "source": {"path": "a.csv"},
            "label": {"column": "y", "positive": 1},
            "training": {"learner": "logistic_regression"},
            "augmentation": {"synthetic_share": 0.2},
            "ablation": {"folds": 2},
            "stores": {"home": str(home)},
        }
    )
    rng = np.random.default_rng(0)
    label = (np.arange(500) % 8 == 0).astype("int8")
    rows = pd.DataFrame(
        {
            "row_id": np.arange(500),
            "event_timestamp": pd.Timestamp("2026-01-01", tz="UTC"),
            "label": label,
            "amount": rng.normal(size=500) + 1.5 * label,
            "job": rng.choice(np.array(["cook", "nurse"], dtype=object), 500),
        }
    )
    part = np.where(np.arange(500) < 400, "train", "holdout")
    verdict = pd.DataFrame({"row_id": rows["row_id"], "score": 1.0, "action": "keep", "weight": 1.0})
    shelf, inputs = Warehouse(home / "warehouse"), []
    for kind, file, frame in (
        ("training_sets", "rows.parquet", rows),
        ("label_verdicts", "labels.parquet", verdict),
        ("splits", "parts.parquet", rows[["row_id"]].assign(part=part)),
    ):
        with shelf.write(kind, "k1", recipe={"inputs": []}) as draft:
            frame.to_parquet(draft.folder / file, index=False)
        inputs.append(f"{kind}/k1")
    with shelf.write("datasets", "d1", recipe={"inputs": inputs, "recipe": {}, "engine": "x"}) as draft:
        rows.to_parquet(draft.folder / "train.parquet", index=False)
        draft.facts.update(features=KINDS)
    run = home / "runs" / "payments" / "2026"
    run.mkdir(parents=True)
    (run / "record.json").write_text(json.dumps({"dataset_version": "d1"}))
    return project


@pytest.fixture(scope="module")
def compared(project, tmp_path_factory):
    output = tmp_path_factory.mktemp("page")
    return compare(project, ASKED, output), output


def test_every_strategy_has_its_figures_and_the_others_their_reason(compared):
    found, _ = compared
    assert {one["name"] for one in found["strategies"]} == {"threshold", "smote_nc", "random_under"}
    assert list(found["refused"]) == ["smote_n"]
    assert "expected categorical features" in found["refused"]["smote_n"]
    assert (found["rows"], found["folds"], found["left"], found["by"]) == (400, 2, 0, "class")
    for one in found["strategies"]:
        assert 0.13 < one["auc_pr"] < 1
        assert one["auc_roc"] > 0.5
        assert one["auc_pr"] == pytest.approx(np.mean(one["by_fold"]))
        assert (one["risk"] is None) == (one["name"] != "smote_nc")
        assert one["seconds"] > 0
        assert 0.9 < one["distinct"] <= 1
        assert 0.5 < one["entropy"] < 1.5


def test_the_page_shows_every_strategy_and_its_picture(compared):
    found, output = compared
    page = (output / PAGE).read_text(encoding="utf-8")
    assert page.count("<svg") == 1
    assert all(one["spoken"] in page for one in found["strategies"])
    assert "Not for this table" in page
    assert (output / "compare.png").read_bytes()[:4] == b"\x89PNG"


def test_a_cell_that_is_done_is_never_done_again(project, compared, tmp_path):
    files = sorted((project_cells(project)).rglob("*.json"))
    before = [file.stat().st_mtime_ns for file in files]
    again = compare(project, ASKED, tmp_path, budget=0.0)
    assert again["strategies"] == compared[0]["strategies"]
    assert [file.stat().st_mtime_ns for file in files] == before
    assert len(files) == 8


def project_cells(project):
    from pathlib import Path

    return Path(project.stores.home) / "comparisons" / "payments"


def test_at_the_end_of_the_budget_what_is_left_is_said(project, compared, tmp_path):
    found = compare(project, [*ASKED, "adasyn"], tmp_path, budget=0.0)
    assert found["left"] == 2
    assert said(found)[-1] == "2 cells are left for the next call."
    assert "adasyn" not in {one["name"] for one in found["strategies"]}


def test_without_a_run_there_is_nothing_to_compare_on(project, tmp_path):
    elsewhere = project.model_copy(update={"stores": project.stores.model_copy(update={"home": str(tmp_path)})})
    with pytest.raises(StoreError, match="make one with: rarecall retrain"):
        compare(elsewhere, ASKED, tmp_path)


def test_names_that_nobody_knows_are_refused():
    assert names("near_miss") == ["threshold", "near_miss"]
    assert "adasyn_nc" not in names("all")
    assert "adasyn" in names("all")
    with pytest.raises(DataError, match=r"^--strategies: expected one of .*, got 'smite'; did you mean 'smote'"):
        names("smite")


def test_a_budget_has_a_unit():
    assert seconds("90m") == 5400.0
    with pytest.raises(DataError, match=r"^--budget: expected a duration such as 30m or 2h, got 'long'$"):
        seconds("long")
