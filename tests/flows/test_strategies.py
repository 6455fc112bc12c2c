"""A project file that names other strategies: from the source to a model, its rows' lineage, and the comparison."""

import json

import pandas as pd
import pytest
from places import placed

from rarecall.project import load
from rarecall.warehouse import Warehouse

CHANGES = {
    "augmentation": {"sampler": "prowsyn", "synthetic_share": 0.2, "parameters": {"n_levels": 3}},
    "training": {"learner": "logistic_regression", "under": "tomek_links"},
    "ablation": {"folds": 2, "seeds": 1, "ship": "configured", "strategies": ["smote_n", "near_miss", "rusboost"]},
}


@pytest.mark.thorough
def test_a_retrain_with_other_strategies_is_traceable_and_comparable(tmp_path, payments):
    place = placed(tmp_path, payments, **CHANGES)
    done = place.run("retrain", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["augmentation"]["sampler"] == "prowsyn"
    assert record["augmentation"]["parameters"]["n_levels"] == 3
    assert {one["strategy"] for one in record["arms"]["arms"]} >= {"ProWSyn", "NearMiss", "Tomek links"}
    assert any("smote_n: expected categorical features" in one for one in record["arms"]["reasons"])

    dataset = Warehouse(place.home / "warehouse").find("datasets", record["dataset_version"])
    train = pd.read_parquet(dataset.file("train.parquet"))
    made = train[train["is_synthetic"]]
    assert len(made) == pytest.approx(0.2 * len(train), abs=1)
    tree = json.loads(place.run("lineage", f"row:{made['row_id'].iloc[0]}", "--json").stdout)
    assert tree["facts"]["made again bit for bit"]
    assert tree["children"][0]["name"] == f"row:{made['parent_id'].iloc[0]}"
    whole = json.loads(place.run("lineage", "champion", "--json").stdout)
    assert json.dumps(whole).count('"made again bit for bit": true') == len(made)

    command = ("compare", "--strategies", "prowsyn,random_under", "--output", str(tmp_path / "page"), "--json")
    found = json.loads(place.run(*command).stdout)
    assert {one["name"] for one in found["strategies"]} == {"threshold", "prowsyn", "random_under"}
    assert (found["left"], found["by"]) == (0, "time")
    assert load(place.file, {}).training.under == "tomek_links"
    people = place.run(
        "compare", "--strategies", "prowsyn,random_under", "--budget", "1m", "-o", str(tmp_path / "page")
    )
    assert people.returncode == 0, people.stderr
    assert "AUC-PR" in people.stdout
