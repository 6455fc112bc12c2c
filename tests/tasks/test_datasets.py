"""Dataset versions of a real home: seen, compared and checked, pinned, and handed to any Feast user."""

import json
import warnings
from types import SimpleNamespace

import pandas as pd
import pytest
from places import placed
from prefect import flow

from rarecall.errors import DataError
from rarecall.project import load
from rarecall.warehouse import Warehouse
from tasks import datasets, pins
from tasks.augment import augment
from tasks.compare_arms import compare_arms
from tasks.ingest import ingest
from tasks.judge_labels import judge_labels
from tasks.publish_dataset import publish_dataset
from tasks.publish_features import publish_features
from tasks.retrieve import retrieve
from tasks.split import split
from tasks.validate import validate
from tasks.verify import DamagedError, verify
from tasks.versions import resolve


@flow
def made(project, other):
    """Make a dataset version for each of two projects out of one delivery, and publish both."""
    snapshot = ingest(project)
    verdict = validate(project, snapshot)
    view = publish_features(project, verdict)
    training_set = retrieve(project, snapshot, verdict, view)
    labels = judge_labels(project, snapshot, training_set)
    parts = split(project, training_set)
    inputs = snapshot, training_set, labels, parts
    done = [augment(one, *inputs, compare_arms(one, *inputs)) for one in (project, other)]
    for one, dataset in zip((project, other), done, strict=True):
        publish_dataset(one, dataset)
    return [dataset.version.key for dataset in done]


@pytest.fixture(scope="module")
def story(prefect, tmp_path_factory, payments):
    """Tell of two versions of one delivery: 10% synthetic rows, then 20% of nearer neighbours."""
    place = placed(tmp_path_factory.mktemp("datasets"), payments.head(2500))
    project = load(place.file, {})
    place.settings(augmentation={"k": 3, "synthetic_share": 0.2})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own, as the command line does
        a, b = made(project, load(place.file, {}))
    return SimpleNamespace(place=place, project=project, shelf=Warehouse(place.home / "warehouse"), a=a, b=b)


def test_the_manifest_holds_what_an_auditor_asks(story):
    version = story.shelf.find("datasets", story.a)
    facts, files, recipe = version.facts, story.shelf.files(version), story.shelf.recipe(version)
    train = pd.read_parquet(version.file("train.parquet"))
    counted = facts["counts"]["train"]["by_class"]
    assert counted["1"]["synthetic"] == facts["synthetic_rows"] == int(train["is_synthetic"].sum()) > 0
    assert sum(one["real"] for one in counted.values()) == int((~train["is_synthetic"]).sum())
    by_region = facts["counts"]["train"]["by_cohort"]["region"]
    assert {name: one["real"] + one["synthetic"] for name, one in by_region.items()} == (
        train["region"].value_counts().to_dict()
    )
    assert set(facts["counts"]["holdout"]["by_cohort"]) == {"region", "amount"}
    assert ["event_timestamp", "timestamp[us, tz=UTC]"] in facts["schema"]
    assert [name for name, _ in facts["schema"]] == list(train.columns)
    assert facts["lineage"]["sha256"] == files["lineage.parquet"]["sha256"]
    assert facts["lineage"]["rows"] == facts["synthetic_rows"]
    assert [one.partition("/")[0] for one in recipe["inputs"]] == [
        *("snapshots", "training_sets", "label_verdicts", "splits"),
    ]
    assert (len(facts["digest"]), recipe["recipe"]["augmentation"]["k"]) == (16, 5)


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
def test_any_feast_user_gets_the_rows_and_is_told_what_they_are(story):
    from feast import FeatureStore

    version = story.shelf.find("datasets", story.a)
    store = FeatureStore(fs_yaml_file=story.place.home / "feast" / "feature_store.yaml")
    with pytest.warns(RuntimeWarning, match="experimental"):
        saved = store.get_saved_dataset(f"payments_{story.a}")
    train = pd.read_parquet(version.file("train.parquet"))
    rows = saved.to_df().sort_values("row_id", ignore_index=True)
    expected = train.sort_values("row_id", ignore_index=True)[rows.columns.tolist()]
    assert set(rows.columns) == set(train.columns)
    pd.testing.assert_frame_equal(rows, expected, check_dtype=False, check_datetimelike_compat=True)
    assert all(isinstance(value, str) for value in saved.tags.values())
    assert saved.tags["sampler"] == version.facts["sampler"]
    assert json.loads(saved.tags["counts"]) == version.facts["counts"]
    assert json.loads(saved.tags["schema"]) == version.facts["schema"]
    assert json.loads(saved.tags["parents"])[0].startswith("snapshots/")
    assert saved.tags["lineage_sha256"] == version.facts["lineage"]["sha256"]


def test_the_list_is_in_the_order_of_making(story):
    found = datasets.overview(story.project)["datasets"]
    assert [one["version"] for one in found] == [story.a, story.b]
    assert [(one["models"], one["pinned"]) for one in found] == [([], None), ([], None)]
    assert found[1]["synthetic"] > found[0]["synthetic"] > 0
    assert found[0]["feast"] == [f"payments_{story.a}"]
    folder = story.shelf.root / "datasets" / story.a
    assert found[0]["bytes"] == sum(file.stat().st_size for file in folder.glob("*.parquet"))


def test_show_takes_the_beginning_of_a_key(story):
    found = datasets.show(story.project, story.b[:5])
    assert (found["version"], found["recipe"]["augmentation.k"], found["parameters"]["k"]) == (story.b, 3, 3)
    assert found["counts"]["train"]["by_class"]["1"]["synthetic"] == found["synthetic"]
    assert list(found["counts"]) == ["train", "validation", "holdout"]
    assert list(found["counts"]["train"]["by_cohort"]["amount"]) == ["<50", "50-200", ">=200"]
    assert list(found["schema"])[:3] == ["row_id", "event_timestamp", "label"]


def test_diff_says_which_lines_of_which_recipe_differ(story):
    found = datasets.diff(story.project, story.a, story.b)
    lines = {one["key"]: (one["old"], one["new"]) for one in found["recipe"]}
    assert lines["datasets.augmentation.k"] == (5, 3)
    assert lines["datasets.augmentation.synthetic_share"] == (0.1, 0.2)
    assert {line.partition(".")[0] for line in lines} == {"datasets"}, "both were made of the same rows"
    assert found["schema"] == {"added": {}, "lost": {}, "retyped": {}}
    [rare] = [one for one in found["counts"] if (one["part"], one["of"], one["value"]) == ("train", "class", "1")]
    assert rare["real"][0] == rare["real"][1]
    assert rare["synthetic"][0] < rare["synthetic"][1]
    distances = [one["distance"] for one in found["distributions"]]
    assert distances == sorted(distances, reverse=True)
    assert 0 < distances[0] < 0.2
    assert found["gone"] == []


def test_a_version_beside_itself_differs_in_nothing(story):
    found = datasets.diff(story.project, story.a, story.a)
    assert found["recipe"] == []
    assert {one["distance"] for one in found["distributions"]} == {0.0}


def test_a_pin_stands_until_it_is_taken_back(story):
    assert pins.pin(story.project, story.a[:6], who="ann", why="shown to the auditors")["already"] is False
    assert pins.pin(story.project, story.a, who="bob", why="again")["entry"] is None
    assert datasets.overview(story.project)["datasets"][0]["pinned"]["why"] == "shown to the auditors"
    assert pins.unpin(story.project, story.a, who="bob", why="audit is over")["already"] is False
    assert pins.pins(story.project) == {}
    assert pins.unpin(story.project, story.a, who="bob", why="twice") | {"project": ""} == {
        "project": "", "version": story.a, "pinned": False, "already": True, "entry": None,
    }  # fmt: skip


def test_verify_reads_every_file_of_every_kind(story):
    found = verify(story.project)
    every = [file for file in story.shelf.root.glob("*/*/*") if file.name != "manifest.json"]
    assert (found["files"], found["bytes"]) == (len(every), sum(file.stat().st_size for file in every))
    assert found["registrations"] == 4, "two datasets, the newest view, and the view of its columns"
    assert verify(story.project, story.a[:4])["versions"] == 1
    assert verify(story.project, f"snapshots/{story.shelf.keys('snapshots')[0]}")["files"] == 1


def test_verify_finds_a_flipped_byte_and_a_missing_file_and_names_both(story):
    version = story.shelf.find("datasets", story.a)
    train, lineage = version.file("train.parquet"), version.file("lineage.parquet")
    whole, kept = train.read_bytes(), lineage.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    try:
        train.chmod(0o644)
        train.write_bytes(flipped)
        lineage.unlink()
        with pytest.raises(DamagedError) as found:
            verify(story.project)
    finally:
        train.write_bytes(whole)
        lineage.write_bytes(kept)
    gone, changed = sorted(str(found.value).splitlines())
    assert gone.startswith(f"{lineage} is missing; remove the folder")
    assert changed.startswith(f"{train} is not what was written")
    assert found.value.exit_code == 2
    assert verify(story.project)["versions"] > 0


def test_verify_reports_what_feast_names_and_nobody_has(story):
    folder = story.shelf.root / "datasets" / story.b
    aside = folder.with_name(".aside")
    folder.rename(aside)
    try:
        with pytest.raises(DamagedError, match=rf"saved dataset payments_{story.b} reads .*, which is gone") as found:
            verify(story.project)
    finally:
        aside.rename(folder)
    assert str(found.value).count("\n") == 0


@pytest.mark.parametrize(
    ("prefix", "sentence"),
    [
        ("", "expected one version of datasets, got ''; it has "),
        ("zzz", "expected one version of datasets, got 'zzz'; it has "),
    ],
)
def test_an_unknown_beginning_is_one_sentence(story, prefix, sentence):
    with pytest.raises(DataError) as refused:
        resolve(story.project, "datasets", prefix)
    assert str(refused.value).startswith(sentence)


def test_a_beginning_that_is_nearly_right_names_the_whole_key(story):
    with pytest.raises(DataError, match=f"did you mean '{story.a}'"):
        resolve(story.project, "datasets", story.a[:7] + "_")


def test_a_beginning_of_two_names_both_and_a_whole_key_is_its_own(tmp_path, payments):
    project = load(placed(tmp_path, payments.head(10)).file, {})
    with pytest.raises(DataError, match="got 'ab'; there is none yet"):
        resolve(project, "datasets", "ab")
    for key in ("ab", "abc", "abd"):
        with Warehouse(tmp_path / ".rarecall" / "warehouse").write("datasets", key, recipe={}) as draft:
            draft.facts["key"] = key
    with pytest.raises(DataError, match="got 'a', with which 3 begin: ab, abc, abd"):
        resolve(project, "datasets", "a")
    assert resolve(project, "datasets", "ab").facts == {"key": "ab"}


def test_an_empty_home_has_nothing_to_list_or_to_verify(tmp_path, payments):
    project = load(placed(tmp_path, payments.head(10)).file, {})
    assert datasets.overview(project)["datasets"] == []
    assert verify(project) | {"project": ""} == {
        "project": "", "versions": 0, "files": 0, "bytes": 0, "registrations": 0,
    }  # fmt: skip
