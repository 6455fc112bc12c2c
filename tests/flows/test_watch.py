"""`rarecall watch` through the console script, on a model that is registered and a log that it wrote."""

import json

import mlflow
import pytest
from late_truths import day, weeks
from places import Place, placed
from registered import register_versions

from monitoring import predictions
from rarecall.project import load
from serving import registry
from tasks.promote import promote
from tasks.watch import references

SLI = {
    "minority_recall": 0.88,
    "positives": 500,
    "by_cohort": {"region": {"north": {"minority_recall": 0.9, "positives": 150},
                             "east": {"minority_recall": None, "positives": 0}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory, payments) -> Place:
    """Two versions: the second one's run keeps its figures, and its recall in the north falls on day 40."""
    watch = {"settle": "10d", "objective": 0.8}
    place = placed(tmp_path_factory.mktemp("watch"), payments.head(10), watch=watch)
    project = load(place.file, {})
    register_versions(project)
    client = registry.connect(project)
    run = client.create_run(client.create_experiment("figures", (registry.folder(project) / "artifacts").as_uri()))
    client.log_dict(run.info.run_id, SLI, "sli.json")
    made = client.create_model_version(project.name, source=registry.folder(project).as_uri(), run_id=run.info.run_id,
                                       tags={"rarecall.decision": "promote"})  # fmt: skip
    assert made.version == 6
    promote(project, "6", who="ann", why="the first")
    recall = {"north": 0.9, "south": 0.9}
    url = predictions.url(project)
    weeks(url, days=70, rows=3000, recall=recall, changed={"north": 0.4}, on=40, version=6, seed=1)
    return place


def test_a_version_is_held_against_what_its_run_kept(place):
    project = load(place.file, {})
    client = registry.connect(project)
    assert references(client, project.name, 6) == {"overall": {"": (440, 500)}, "region": {"north": (135, 150)}}
    assert references(client, project.name, 1) == {}
    assert mlflow.get_tracking_uri() == registry.uri(project)


def test_programs_get_one_object(place):
    done = place.run("watch", "--version", "6", "--as-of", day(66).isoformat(), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told) == {
        *("project", "version", "as_of", "answered", "cells", "findings", "breaches", "maturity", "references")
    }
    heard = {(one["cohort"], one["value"], one["against"]) for one in told["findings"] if one["breach"]}
    assert ("region", "north", "objective") in heard
    assert ("region", "north", "reference") in heard
    assert not any(value == "south" for _, value, _ in heard)
    north = next(one for one in told["cells"] if one["value"] == "north")
    assert north["false_negative_rate"]["value"] == pytest.approx(1 - north["recall"]["value"])
    assert (told["breaches"], told["references"]) == (len(heard), 2)
    assert all(len(one["fingerprint"]) == 16 for one in told["findings"])


def test_people_see_the_cohorts_how_late_labels_come_and_the_alarm(place):
    said = place.run("watch", "--version", "6", "--as-of", day(66).isoformat()).stdout
    for one in ("region north", "ALARM", "objective 0.80", "missed positives: half of the labels come within",
                "• region north: recall has fallen below its objective of 0.80"):  # fmt: skip
        assert one in said
    early = place.run("watch", "--version", "6", "--as-of", day(3).isoformat()).stdout
    assert "no alarm sounds" in early
    assert "how late labels come is not known yet" in early


def test_without_a_version_it_is_the_champion_of_that_moment(place):
    now = json.loads(place.run("watch", "--json").stdout)
    assert now["version"] == 6
    before = place.run("watch", "--as-of", "2026-02-01T00:00Z", "--json")
    assert (before.returncode, before.stdout) == (1, "")
    assert "had no champion at 2026-02-01T00:00Z; name a version with --version N" in before.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--as-of", "soon"], "--as-of: expected a moment or a day such as 2026-03-03T12:00Z"),
        (["--version", "9"], "MLflow has no version 9 of payments"),
    ],
)
def test_a_refusal_is_one_sentence(place, options, said):
    done = place.run("watch", *options, "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert said in done.stderr
