"""Forgetting and exporting through the console script: one sentence or one JSON object, and nobody's id in either."""

import json

import pytest
from places import Place, placed
from prefect import flow

from rarecall.project import load
from tasks.ingest import ingest


@pytest.fixture(scope="module")
def place(prefect, tmp_path_factory, payments) -> Place:
    """A place that has taken a snapshot of 500 payments."""
    place = placed(tmp_path_factory.mktemp("deletion"), payments.head(500))
    project = load(place.file, {})
    flow(lambda: ingest(project).version, name="ingested")()
    return place


def test_forget_lists_marks_and_tells_what_remains(place, payments):
    person = str(payments["payment_id"].iloc[3])
    found = json.loads(place.run("forget", "--entity", person, "--who", "ann", "--json").stdout)
    assert [one["rows"] for one in found["holdings"]] == [1]
    assert (found["already"], found["entry"], found["datasets"], found["models"]) == (False, 1, [], [])
    again = place.run("forget", "--entity", person)
    assert "the ledger holds all of this already" in again.stdout, again.stderr


def test_forgetting_nobody_is_one_sentence_without_the_id(place):
    done = place.run("forget", "--entity", "ann@example.org", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("rarecall: no version in ")
    assert done.stderr.count("\n") == 1
    assert "ann@" not in done.stderr


def test_export_is_refused_by_default_in_one_sentence_that_names_the_key(place):
    done = place.run("export", "--output", "rows.csv", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("rarecall: privacy.export: expected true")
    assert done.stderr.count("\n") == 1
