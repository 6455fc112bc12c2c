"""`rarecall drift` and `rarecall estimate` through the console script, beside a champion that a run has made."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rarecall import drift
from rarecall.project import load
from rarecall.simulator.simulate import Payments, simulate
from rarecall.warehouse import Warehouse


@pytest.fixture(scope="module")
def place(retrained):
    """The place of one run, with 3,000 payments of later days; in the north every amount is doubled."""
    rows = simulate(Payments(rows=3000, days=10, start="2026-04-01", fraud_share=0.04, seed=7))
    rows = rows.assign(amount=np.where(rows["region"] == "north", 2, 1) * rows["amount"])
    rows.to_parquet(retrained[0].folder / "later.parquet", index=False)
    return retrained[0]


@pytest.fixture(scope="module")
def told(place):
    done = {"drift": place.run("drift", ".", "later.parquet", "--json"), "people": place.run("drift", "--no-page")}
    done |= {"estimate": place.run("estimate", ".", "later.parquet", "--json"), "words": place.run("estimate")}
    assert all(one.returncode == 0 for one in done.values()), [one.stderr for one in done.values()]
    return done


def test_the_sketch_is_kept_with_the_model_version_and_holds_real_rows_only(place, retrained, tmp_path):
    from serving import registry

    project = load(place.file, {})
    client = registry.connect(project)
    version = client.get_model_version(project.name, retrained[1]["model_version"])
    shelf = Warehouse(place.home / "warehouse")
    kept = shelf.find("sketches", version.tags["rarecall.sketch"])
    logged = client.download_artifacts(version.run_id, "sketch.npz", str(tmp_path))
    assert Path(logged).read_bytes() == kept.file("sketch.npz").read_bytes()
    train = pd.read_parquet(shelf.find("datasets", retrained[1]["dataset_version"]).file("train.parquet"))
    assert drift.load(Path(logged)).rows == int((~train["is_synthetic"]).sum()) < len(train)


def test_a_shift_in_one_region_is_found_there_and_nowhere_else(told):
    found = json.loads(told["drift"].stdout)
    shifted = [one for one in found["columns"] if one["state"] == "shifted"]
    assert (shifted[0]["column"], shifted[0]["cohort"], shifted[0]["value"]) == ("amount", "region", "north")
    assert shifted[0]["psi"] > 0.5
    # A cohort made of amounts has more of the north's in its middle band; no other region has moved.
    assert {one["value"] for one in shifted if one["cohort"] == "region"} == {"north"}
    assert (found["champion"], found["recent"]["rows"], found["absent"]) == ("1", 3000, [])


def test_the_page_and_the_figures_are_kept_and_evidently_lists_the_look(told, place):
    found = json.loads(told["drift"].stdout)
    page = Path(found["page"])
    assert page.read_text().startswith("<!DOCTYPE html>") or "<html" in page.read_text()[:2000]
    assert json.loads((page.parent / "drift.json").read_text())["columns"] == found["columns"]

    from evidently.ui.workspace import Workspace

    workspace = Workspace(str(place.home / "evidently"))
    [project] = workspace.list_projects()
    assert (project.name, len(workspace.list_runs(project.id))) == ("payments", 1)


def test_people_read_what_was_looked_at_and_what_it_came_to(told):
    for said in ("rows of payments.csv.gz", "comparisons are shifted", "figures: "):
        assert said in told["people"].stdout
    for said in ("expected of version 1, without labels", "region = north", "that takes labels"):
        assert said in told["words"].stdout


def test_the_expected_recall_of_every_group_stands_within_its_interval(told):
    found = json.loads(told["estimate"].stdout)
    assert [one["cohort"] for one in found["groups"]] == ["overall"] + ["region"] * 5 + ["amount"] * 3
    whole = found["groups"][0]
    assert whole["recall_interval"][0] <= whole["recall"] <= whole["recall_interval"][1]
    assert whole["rows"] == sum(one["rows"] for one in found["groups"] if one["cohort"] == "region") == 3000
    assert found["floor"] == 0.5
    assert not any(one["alarm"] for one in found["groups"])


def test_by_default_only_rows_that_the_champion_has_not_seen_are_looked_at(told, place):
    from tasks.drift import drift as look

    project = load(place.file, {})
    found = look(project, page=False)
    assert found["recent"]["table"] == "payments.csv.gz"
    [kept] = Warehouse(place.home / "warehouse").versions("sketches")
    assert found["recent"]["first"] > kept.facts["last_judged"]
    assert 0 < found["recent"]["rows"] < 12_000


def test_a_sketch_that_was_collected_comes_back_from_mlflow(told, place):
    from tasks.champion import champion, sketch_of

    project = load(place.file, {})
    [kept] = Warehouse(place.home / "warehouse").versions("sketches")
    before = sketch_of(project, champion(project))
    aside = place.folder / "aside"
    shutil.move(kept.path, aside)
    try:
        assert sketch_of(project, champion(project)).groups == before.groups
    finally:
        shutil.move(aside, kept.path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["drift", ".", "nowhere.parquet"], "nowhere.parquet"),
        (["drift", "--since", "yesterday"], "--since: expected a moment such as 2026-03-01 or"),
        (["drift", ".", "later.parquet", "--since", "2027-01-01"], "expected rows since 2027-01-01T00:00Z, got none"),
        (["estimate", ".", "narrow.parquet"], "narrow.parquet: the table has no column"),
    ],
)
def test_a_refusal_is_one_sentence(place, told, arguments, said):
    pd.read_parquet(place.folder / "later.parquet").drop(columns="hour").to_parquet(place.folder / "narrow.parquet")
    done = place.run(*arguments, "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert said in done.stderr
