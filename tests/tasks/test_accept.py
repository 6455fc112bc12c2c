"""A snapshot is compared with what was accepted before it was itself, however often it is judged again."""

import pytest
from places import placed

from rarecall.project import load
from tasks.accept import accept, reference_of
from tasks.ledger import open_project_ledger
from tasks.shelf import warehouse
from tasks.stage import Done


@pytest.fixture
def project(tmp_path, payments):
    return load(placed(tmp_path, payments.head(50)).file, {})


def done(project, kind, key, file=None):
    with warehouse(project).write(kind, key, recipe={}) as draft:
        if file:
            (draft.folder / file).write_text("{}")
    return Done(name=kind, state="completed", seconds=0.0, version=warehouse(project).find(kind, key))


def accepted(project, number, file="profile.json"):
    taken = done(project, "snapshots", f"s{number}")
    accept(project, taken, done(project, "verdicts", f"v{number}", file))
    return taken.version


def test_the_reference_is_the_newest_accepted_before_and_stays_it(project):
    first = accepted(project, 1)
    assert reference_of(project, first) is None
    second = done(project, "snapshots", "s2").version
    assert reference_of(project, second).key == "v1"
    accepted(project, 2)
    third = accepted(project, 3)
    assert reference_of(project, third).key == "v2"
    assert reference_of(project, second).key == "v1"
    assert reference_of(project, first) is None


def test_an_acceptance_is_written_down_once(project):
    accepted(project, 1)
    accepted(project, 1)
    [entry] = open_project_ledger(project).entries("snapshot.accepted", project.name)
    assert entry.payload == {"snapshot": "s1", "verdict": "v1"}


def test_a_verdict_without_a_profile_is_passed_over(project):
    accepted(project, 1)
    accepted(project, 2, file=None)
    assert reference_of(project, done(project, "snapshots", "s3").version).key == "v1"
