"""Rows come first and their labels later, some of them wrong: each run learns from what was known when it began."""

import json
import shutil
import warnings
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from places import Place, placed
from prefect import flow

from rarecall.project import load
from rarecall.warehouse import Warehouse
from tasks import late_labels

LABEL = {"column": "is_fraud", "positive": 1, "delay": "2d", "table": True}
TURNED = 12
"""Frauds that the first delivery calls honest, and as many the other way round."""


class Run:
    """What a run as far as the dataset version leaves: its snapshot, its training set."""

    def __init__(self, place, record):
        self.record = record
        shelf = Warehouse(place.home / "warehouse")
        self.snapshot = shelf.find("snapshots", self.record["snapshot"])
        [self.made] = [one for one in shelf.versions("training_sets") if self.verdict(shelf) in self.inputs(one)]
        self.rows = pd.read_parquet(self.made.file("rows.parquet")).set_index("payment_id")
        self.corrected = pd.read_parquet(self.made.file("corrected.parquet"))

    def inputs(self, version):
        return json.loads(version.file("manifest.json").read_text())["recipe"]["inputs"]

    def verdict(self, shelf):
        wanted = f"snapshots/{self.record['snapshot']}"
        [verdict] = [one for one in shelf.versions("verdicts") if wanted in self.inputs(one)]
        return f"verdicts/{verdict.key}"


def to_dataset(place):
    """Run the stages of a retrain as far as the dataset version, which is what labels make; return their record."""
    from tasks.accept import accept
    from tasks.augment import augment
    from tasks.compare_arms import compare_arms
    from tasks.ingest import ingest
    from tasks.judge_labels import judge_labels
    from tasks.publish_features import publish_features
    from tasks.retrieve import retrieve
    from tasks.split import split
    from tasks.validate import validate

    project = load(place.file, {})

    @flow
    def stages():
        snapshot = ingest(project)
        verdict = validate(project, snapshot)
        accept(project, snapshot, verdict)
        training_set = retrieve(project, snapshot, verdict, publish_features(project, verdict))
        labels, parts = judge_labels(project, snapshot, training_set), split(project, training_set)
        inputs = snapshot, training_set, labels, parts
        dataset = augment(project, *inputs, compare_arms(project, *inputs))
        return [snapshot, verdict, training_set, labels, parts, dataset]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own, as the command line does
        done = {one.name: one for one in stages()}
    return {
        "snapshot": done["ingest"].version.key,
        "dataset_version": done["augment"].version.key,
        "validation": done["validate"].version.facts,
        "split": done["split"].version.facts,
        "stages": [one.summary() for one in done.values()],
    }


@pytest.fixture(scope="module")
def story(prefect, tmp_path_factory, payments):
    """Tell of a table without labels, two deliveries of them, and a run after each."""
    rows = payments.head(4000)
    truth = rows.set_index("payment_id")["is_fraud"]
    place = placed(
        tmp_path_factory.mktemp("late"),
        rows.drop(columns=["is_fraud", "labelled_at"]),
        **settings(),
    )
    project = load(place.file, {})
    first = rows[rows["paid_at"] < rows["paid_at"].quantile(0.7)]
    turned = [row for label in (0, 1) for row in first.loc[first["is_fraud"] == label, "payment_id"][3::7][:TURNED]]
    said = first.assign(is_fraud=first["is_fraud"].mask(first["payment_id"].isin(turned), 1 - first["is_fraud"]))
    named = ["payment_id", "paid_at", "is_fraud"]
    said[named].to_csv(place.folder / "monday.csv", index=False)
    added = [late_labels.add(project, str(place.folder / "monday.csv"))]
    before = Run(place, to_dataset(place))
    # A full export: what is known already, what was wrong, and what is new but for a few.
    rows[rows.index % 50 > 0][named].to_parquet(place.folder / "tuesday.parquet")
    added.append(late_labels.add(project, str(place.folder / "tuesday.parquet"), label_source="bank"))
    return SimpleNamespace(
        place=place, project=project, payments=rows, truth=truth, first=first, turned=set(turned), added=added,
        before=before, after=Run(place, to_dataset(place)),
    )  # fmt: skip


@pytest.mark.thorough
def test_the_first_run_learns_what_it_was_told(story):
    rows = story.before.rows
    assert set(rows.index) == set(story.first["payment_id"])
    wrong = rows.index[rows["label"] != story.truth[rows.index]]
    assert set(wrong) == story.turned
    assert story.before.made.facts["corrected"] == 0


@pytest.mark.thorough
def test_the_second_run_differs_by_what_was_corrected_and_what_came(story):
    before, after = story.before.rows, story.after.rows
    corrected = {one for one in story.turned if (one - 1) % 50}
    both = before.index.intersection(after.index)
    assert len(both) == len(before)
    changed = both[before.loc[both, "label"] != after.loc[both, "label"]]
    assert set(changed) == corrected
    features = list(story.after.made.facts["features"])
    assert before.loc[both, features].equals(after.loc[both, features])
    told = story.payments[story.payments.index % 50 > 0]
    old_enough = story.payments["paid_at"].max() - pd.Timedelta("2d")
    came = set(told.loc[told["paid_at"] <= old_enough, "payment_id"]) - set(before.index)
    assert set(after.index.difference(before.index)) == came
    assert len(came) > 100


@pytest.mark.thorough
def test_what_changed_is_counted_and_listed(story):
    facts, listed = story.after.made.facts, story.after.corrected
    corrected = {one for one in story.turned if (one - 1) % 50}
    ids = story.after.rows.reset_index().set_index("row_id")["payment_id"]
    assert facts["corrected"] == len(corrected) == story.added[1]["corrected"]
    assert set(ids[listed["row_id"]]) == corrected
    assert (listed["label"] == 1 - listed["before"]).all()
    assert story.added[1]["to_positive"] == int((listed["label"] == 1).sum())
    assert story.added[1]["to_negative"] == int((listed["label"] == 0).sum())
    assert story.added[0]["new"] == len(story.first)
    assert story.added[1]["known"] + story.added[1]["corrected"] + story.added[1]["new"] == story.added[1]["labels"]


@pytest.mark.thorough
def test_rows_that_wait_are_left_for_a_later_run_not_quarantined(story):
    for run in (story.before, story.after):
        facts = run.made.facts
        assert run.record["validation"]["quarantined"] == 0
        assert facts["rows"] + facts["immature"] == len(story.payments)
        assert run.record["split"]["immature"] == facts["immature"] > facts["unlabelled"] > 0
        known = run.snapshot.facts["labels"]
        assert known["known"] + known["waiting"] == len(story.payments)
    assert story.before.snapshot.facts["labels"]["known"] == len(story.first)


@pytest.mark.thorough
def test_the_snapshot_names_the_version_of_the_table(story):
    versions = [run.snapshot.facts["labels"]["version"] for run in (story.before, story.after)]
    assert versions == [added["version"] for added in story.added]
    assert versions == [one.key for one in late_labels.open_table(story.project).versions()]


@pytest.mark.thorough
def test_the_same_labels_again_are_no_cause_to_retrain(story):
    again = late_labels.add(story.project, str(story.place.folder / "tuesday.parquet"))
    assert (again["known"], again["recorded"]) == (again["labels"], None)
    assert {stage["state"] for stage in to_dataset(story.place)["stages"]} == {"cached"}


@pytest.mark.thorough
def test_as_of_a_day_is_the_run_of_that_day(story):
    story.place.settings(**settings(as_of=story.added[0]["recorded"]))
    record = to_dataset(story.place)
    story.place.settings(**settings())
    assert {stage["state"] for stage in record["stages"]} == {"cached"}
    for name in ("snapshot", "dataset_version"):
        assert record[name] == story.before.record[name]
    assert record["dataset_version"] != story.after.record["dataset_version"]


@pytest.mark.thorough
def test_an_auditor_with_nothing_but_the_label_table_gets_the_same_bytes(story, tmp_path):
    """In another home, from the newest version of the table."""
    table = late_labels.open_table(story.project)
    shutil.copytree(table.shelf.root / table.kind, tmp_path / "home" / "warehouse" / table.kind)
    shutil.copy(story.place.folder / "payments.csv.gz", tmp_path)
    auditor = Place(tmp_path)
    auditor.settings(**settings(as_of=story.added[0]["recorded"]))
    project = load(auditor.file, {}, home=str(tmp_path / "home"))

    @flow
    def snapshot():
        from tasks.ingest import ingest

        return ingest(project).version

    again = snapshot()
    assert again.key == story.before.snapshot.key
    rows = [Path(one.file("rows.parquet")).read_bytes() for one in (again, story.before.snapshot)]
    assert rows[0] == rows[1]


def test_the_command_line_tells_of_a_delivery_and_of_an_entity(tmp_path):
    place = Place(tmp_path)
    place.settings(entity="id", timestamp="at", label={"column": "fraud", "positive": 1, "table": True})
    (tmp_path / "labels.csv").write_text("id,at,fraud\n7,2020-01-01,1\n8,2020-01-01,0\n")
    done = place.run("labels", "add", "labels.csv", "--source", "bank")
    assert done.stdout.splitlines()[0] == "2 labels: 2 new, 0 corrected (0 to the rare class, 0 from it)"
    [event] = json.loads(place.run("labels", "history", "--entity", "7", "--json").stdout)["events"]
    assert [(one["label"], one["source"]) for one in event["revisions"]] == [("1", "bank")]


def settings(**label):
    return {
        "label": LABEL | label,
        "features": {"exclude": ["customer_id", "terminal_id", "fraud_kind"]},
        "split": {"train": 0.5, "validation": 0.25, "holdout": 0.25},
    }
