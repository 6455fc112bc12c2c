"""The quarantine through the console script: seen, shown, released, and in the ledger."""

import json

import pandas as pd
import pytest
from places import Place, placed
from prefect import flow

from rarecall.project import load
from tasks.ingest import ingest
from tasks.ledger import open_project_ledger
from tasks.shelf import warehouse


@pytest.fixture(scope="module")
def place(prefect, tmp_path_factory, payments) -> Place:
    """A place in whose last snapshot rows 3 and 5 are in quarantine."""
    place = placed(tmp_path_factory.mktemp("quarantine"), payments.head(500))
    project = load(place.file, {})
    taken = flow(lambda: ingest(project).version, name="ingested")()
    rows = pd.read_parquet(taken.file("rows.parquet")).query("row_id in (3, 5)")
    with warehouse(project).write("verdicts", "v1", recipe={}) as draft:
        rows.assign(failed_expectations="expect_late: amount", snapshot_key=taken.key).to_parquet(
            draft.folder / "quarantine.parquet", index=False
        )
        draft.facts.update(read=500, quarantined=2, accepted=498)
    return place


def test_list_and_show_are_tables_for_people(place):
    seen = place.run("quarantine", "list")
    assert "expect_late: amount (2)" in seen.stdout, seen.stderr
    shown = place.run("quarantine", "show", "--rows", "1", "--output", "rows.csv")
    assert "1 of 2 rows" in shown.stdout, shown.stderr
    assert "payment_id=" in shown.stdout
    assert pd.read_csv(place.folder / "rows.csv")["row_id"].tolist() == [3, 5]


def test_release_is_one_json_object_and_an_entry_with_who_and_why(place):
    asked = ("--all", "--expectation", "expect_late: amount", "--who", "ann", "--why", "seen", "--json")
    done = place.run("quarantine", "release", "latest", *asked)
    found = json.loads(done.stdout)
    assert (found["released"], found["already"], found["held"], found["refused"]) == (2, 0, 0, {})
    ledger = open_project_ledger(load(place.file, {}))
    (entry,) = ledger.entries("quarantine.released", "payments")
    assert (entry.number, entry.who, entry.why) == (found["entry"], "ann", "seen")
    listed = json.loads(place.run("quarantine", "list", "--json").stdout)
    assert listed["quarantines"][0]["released"] == 2


def test_release_without_saying_what_is_one_sentence(place):
    done = place.run("quarantine", "release", "latest", "--why", "seen", "--all")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("rarecall: expected either --row ID")
    assert done.stderr.count("\n") == 1
