"""A person is forgotten: what descends from their rows is listed and marked, and the next run learns without them."""

import stat
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from places import placed

from rarecall.errors import DataError, StoreError
from rarecall.kinship.descent import trace
from rarecall.lineage import descendants
from rarecall.project import load
from rarecall.warehouse import Warehouse
from tasks.forget import forget, named, withheld
from tasks.forgotten import FORGOTTEN, KEY, forgotten
from tasks.ledger import open_project_ledger

pytestmark = pytest.mark.thorough  # tests/flows/test_deletion.py asks the same of the command, every time


def asked(project, person, **options):
    return forget(project, [str(person)], who="ann", why="asked to be forgotten", **options)


def written(project):
    return open_project_ledger(project).entries(FORGOTTEN, project.name)


@pytest.fixture(scope="module")
def story(prefect, tmp_path_factory, payments):
    """Tell of a place that forgot the customer with the most frauds between two runs of the same delivery."""
    delivered = payments.head(2500)
    place = placed(tmp_path_factory.mktemp("forgotten"), delivered, **SETTINGS)
    project, shelf = load(place.file, {}), Warehouse(place.home / "warehouse")
    first = place.retrain()
    train = pd.read_parquet(shelf.find("datasets", first["dataset_version"]).file("train.parquet"))
    parents = delivered["customer_id"].iloc[train["parent_id"].dropna().astype(int)]
    person = int(parents.value_counts().index[0])
    dry, before = asked(project, person, dry_run=True), (written(project), (place.home / KEY).exists())
    done = asked(project, person)
    second = place.retrain()
    return SimpleNamespace(
        place=place, project=project, shelf=shelf, person=person, first=first, second=second, dry=dry, before=before,
        done=done, ids=np.flatnonzero(delivered["customer_id"] == person),
    )  # fmt: skip


SETTINGS = {
    "entity": "customer_id",
    "features": {"exclude": ["payment_id", "terminal_id", "fraud_kind", "labelled_at"]},
    "fidelity": {"rows": 200, "folds": 2},
    "training": {"parameters": {"max_iter": 30}},
}


def test_each_listed_figure_can_be_counted_in_the_version(story):
    [found] = story.done["datasets"]
    folder = story.shelf.find("datasets", found["version"])
    train = pd.read_parquet(folder.file("train.parquet"))
    real = {"train": train[~train["is_synthetic"]]}
    real |= {name: pd.read_parquet(folder.file(f"{name}.parquet")) for name in ("validation", "holdout")}
    assert {name: int(rows["row_id"].isin(story.ids).sum()) for name, rows in real.items()} == {
        name: found[name] for name in real
    }
    children = descendants(pq.read_table(folder.file("lineage.parquet")), story.ids)
    made = train[train["is_synthetic"]].reset_index(drop=True)
    assert found["synthetic_rows"] == made["row_id"].iloc[children["index"].to_numpy()].tolist()
    own = made["parent_id"].isin(story.ids) | made["neighbor_id"].isin(story.ids)
    assert 0 < own.sum() <= found["synthetic"] == len(found["synthetic_rows"])
    held = {one["kind"]: one["rows"] for one in story.done["holdings"]}
    assert held == {"snapshots": len(story.ids), "verdicts": len(story.ids), "training_sets": held["training_sets"]}
    assert 0 < held["training_sets"] <= len(story.ids)


def test_the_registered_model_is_listed_with_the_alias_it_serves_under(story):
    first = story.first
    assert story.done["models"] == [
        {
            "name": "payments",
            "version": first["model_version"],
            "aliases": first["aliases"],
            "dataset_version": first["dataset_version"],
        }
    ]
    assert [one["dataset_version"] for one in story.done["candidates"]] == [first["dataset_version"]]
    assert story.done["label_verdicts"] == [first["label_verdict"]]


def test_the_next_run_has_neither_the_rows_nor_a_descendant(story):
    second = story.second
    assert second["dataset_version"] != story.first["dataset_version"]
    found = trace(story.shelf, {"customer_id": str(story.person)})
    assert [one.version for one in found.datasets] == [story.first["dataset_version"]]
    for kind in ("snapshots", "verdicts", "training_sets"):
        assert [one.rows for one in found.holdings if one.kind == kind] == [
            one["rows"] for one in story.done["holdings"] if one["kind"] == kind
        ]


def test_excluded_rows_are_counted_and_the_verdict_still_adds_up(story):
    taken = story.shelf.find("snapshots", story.second["snapshot"])
    assert taken.facts["forgotten"] == len(story.ids)
    assert taken.facts["rows"] == story.first["source"]["rows"] - len(story.ids)
    found = story.second["validation"]
    assert found["accepted"] + found["quarantined"] == found["read"] == taken.facts["rows"]
    assert story.second["source"]["forgotten"] == len(story.ids)


def test_a_dry_run_lists_the_same_and_writes_nothing(story):
    kept = ("datasets", "models", "holdings", "candidates", "label_verdicts")
    assert {name: story.dry[name] for name in kept} == {name: story.done[name] for name in kept}
    assert story.before == ((), False)
    assert story.dry["entry"] is None


def test_the_ledger_marks_the_versions_and_does_not_hold_the_id(story):
    (entry,) = written(story.project)
    [found] = story.done["datasets"]
    assert entry.payload["datasets"] == {found["version"]: found["synthetic_rows"]}
    assert entry.payload["models"] == [f"payments/{story.first['model_version']}"]
    assert (entry.who, entry.why, entry.number) == ("ann", "asked to be forgotten", story.done["entry"])
    assert len(entry.payload["pseudonym"]) == 64
    assert str(story.person) not in str(entry.payload["pseudonym"]) + str(entry.payload["columns"])
    assert withheld(story.project, found["version"]) == set(found["synthetic_rows"])


def test_the_key_is_for_its_owner_only(story):
    assert stat.S_IMODE((story.place.home / KEY).stat().st_mode) == 0o600


def test_forgetting_twice_is_forgetting_once(story):
    again = asked(story.project, story.person)
    assert (again["already"], again["entry"], len(written(story.project))) == (True, None, 1)


def test_a_run_after_that_finds_everything_made(story):
    assert {stage["state"] for stage in story.place.retrain()["stages"]} == {"cached"}


def test_without_the_key_nobody_comes_back_unseen(story):
    key = story.place.home / KEY
    secret = key.read_text()
    try:
        key.write_text("00" * 32)
        with pytest.raises(StoreError, match=r"expected the key .* got .*restore it"):
            story.place.retrain()
        key.unlink()
        with pytest.raises(StoreError, match="got no file; restore it"):
            asked(story.project, story.person)
    finally:
        key.write_text(secret)


def test_a_delivery_without_the_column_is_refused(story):
    with pytest.raises(DataError, match="no column 'customer_id', by which 1 entities were forgotten"):
        forgotten(story.project).left(pd.DataFrame({"customer": [1]}))


def test_an_unknown_person_is_one_sentence_that_names_nobody(story):
    with pytest.raises(DataError, match="holds a row of this customer_id; check the id") as refused:
        asked(story.project, "ann@example.org")
    assert "ann@" not in str(refused.value)
    assert len(written(story.project)) == 1


def test_a_project_without_an_entity_cannot_forget(tmp_path, payments):
    place = placed(tmp_path, payments.head(10), entity=[])
    with pytest.raises(DataError, match="entity: expected a column that says whom a row is about"):
        asked(load(place.file, {}), 7)


@pytest.mark.parametrize(
    ("columns", "said", "entity"),
    [
        (["id"], ["7"], {"id": "7"}),
        (["id"], ["id=7"], {"id": "7"}),
        (["id"], ["a=b"], {"id": "a=b"}),
        (["bank", "id"], ["id=7", "bank=x=y"], {"bank": "x=y", "id": "7"}),
    ],
)
def test_an_entity_is_named_by_its_columns(story, columns, said, entity):
    assert named(story.project.model_copy(update={"entity": columns}), said) == entity


@pytest.mark.parametrize("said", [["7"], ["id=7"], ["id=7", "id=8"], ["id=7", "bank"], ["id=7", "bank=x", "age=1"]])
def test_each_of_several_columns_is_named_once(story, said):
    with pytest.raises(DataError, match="expected --entity bank=VALUE --entity id=VALUE") as refused:
        named(story.project.model_copy(update={"entity": ["bank", "id"]}), said)
    assert "7" not in str(refused.value)
