"""The tree from a model to the source through the console script, held against the stores themselves."""

import json
from pathlib import Path

import pandas as pd
import pytest

from rarecall.project import load
from rarecall.warehouse import Warehouse
from tasks.lineage import lineage


@pytest.fixture(scope="module")
def project(retrained):
    return load(retrained[0].file, {})


@pytest.fixture(scope="module")
def train(retrained):
    place, record = retrained
    dataset = Warehouse(place.home / "warehouse").find("datasets", record["dataset_version"])
    return pd.read_parquet(dataset.file("train.parquet"))


def walk(node):
    yield node
    for child in node["children"]:
        yield from walk(child)


def test_the_whole_tree_of_the_champion_is_json(retrained, train):
    place, record = retrained
    tree = json.loads(place.run("lineage", "champion", "--json").stdout)
    assert (tree["kind"], tree["name"]) == ("model", f"payments/{record['model_version']}")
    kinds = {kind: [node for node in walk(tree) if node["kind"] == kind] for kind in ("synthetic", "parent", "source")}
    made = train[train["is_synthetic"]]
    assert [f"row:{row}" for row in made["row_id"]] == [node["name"] for node in kinds["synthetic"]]
    assert [f"row:{row}" for row in made["parent_id"]] == [node["name"] for node in kinds["parent"]]
    assert all(node["facts"]["made again bit for bit"] for node in kinds["synthetic"])
    [source] = kinds["source"]
    assert (source["name"], source["facts"]["holds these rows still"]) == ("payments.csv.gz", True)


def test_people_see_a_tree_that_ends(retrained):
    place, record = retrained
    done = place.run("lineage")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"model payments/{record['model_version']}")
    assert "more" in done.stdout
    assert len(done.stdout.splitlines()) < 60


def test_a_parent_stands_on_its_line_of_the_delivered_file(retrained, project, train, payments):
    place = retrained[0]
    row = int(train.loc[train["is_synthetic"], "row_id"].iloc[3])
    tree = lineage(project, f"row:{row}")
    [parent] = [child for child in tree.children if child.kind == "parent"]
    frame = pd.read_csv(place.folder / "payments.csv.gz", skiprows=range(1, parent.facts["line"] - 1), nrows=1)
    number = int(parent.name.removeprefix("row:"))
    assert parent.facts["file"] == "payments.csv.gz"
    assert frame["payment_id"].iloc[0] == payments["payment_id"].iloc[number]


def test_a_real_row_says_what_was_made_of_it_and_who_learned_from_it(retrained, project, train):
    record = retrained[1]
    made = train[train["is_synthetic"]]
    parent = int(made["parent_id"].iloc[0])
    tree = lineage(project, f"row:{parent}")
    [dataset] = [child for child in tree.children if child.kind == "dataset version"]
    assert (dataset.name, dataset.facts["part"]) == (record["dataset_version"], "train")
    assert dataset.facts["parent of"] == int((made["parent_id"] == parent).sum())
    [model] = [child for child in dataset.children if child.kind == "model"]
    assert (model.name, model.facts["learned from it"]) == (f"payments/{record['model_version']}", True)


def test_the_page_draws_the_tree_by_keys_and_counts(retrained, train):
    record = retrained[1]
    page = Path(record["report"]).read_text(encoding="utf-8")
    section = page[page.index("<h2>Lineage</h2>") :].partition("</section>")[0]
    assert [name in section for name in (record["dataset_version"], record["snapshot"], "payments.csv.gz")] == [
        True
    ] * 3
    assert f"{int(train['is_synthetic'].sum()):,}" in section
    assert "row:" not in section, "no row is named"


def test_an_unknown_name_is_one_sentence(retrained):
    done = retrained[0].run("lineage", "champoin", "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "did you mean 'champion'?" in done.stderr
