"""`rarecall promote`, `rollback`, `demote` and `history` through the console script."""

import json

import pytest
from places import Place, placed
from registered import register_versions

from rarecall.project import load


@pytest.fixture(scope="module")
def place(tmp_path_factory, payments) -> Place:
    """A home whose registry holds five versions, and nothing else."""
    place = placed(tmp_path_factory.mktemp("promote"), payments.head(10))
    register_versions(load(place.file, {}))
    return place


@pytest.fixture(scope="module")
def told(place):
    """The story, command after command: what each printed for programs."""
    commands = {
        "first": ["promote", "--version", "1", "--reason", "the first", "--who", "ann"],
        "second": ["promote", "--version", "3", "--reason", "the floor is too high", "--force"],
        "back": ["rollback", "--reason", "alarm", "--from", "3"],
        "gone": ["demote", "champion", "--reason", "its columns are gone"],
        "history": ["history"],
        "status": ["status"],
    }
    done = {name: place.run(*command, "--json") for name, command in commands.items()}
    assert all(one.returncode == 0 and one.stdout.count("\n") == 1 for one in done.values()), done
    return {name: json.loads(one.stdout) for name, one in done.items()}


def test_programs_get_one_object_a_command(told):
    shared = {"project", "version", "moves", "already", "entry", "warnings", "mended"}
    assert set(told["first"]) == shared | {"decision", "forced"}
    assert (set(told["back"]), set(told["gone"])) == (shared, shared | {"alias"})
    assert (told["second"]["version"], told["second"]["decision"], told["second"]["forced"]) == ("3", "reject", True)
    assert (told["back"]["version"], told["gone"]["version"]) == ("1", None)
    assert set(told["history"]) == {"project", "moves", "at", "ledger", "mended", "differing"}
    assert [one["action"] for one in told["history"]["moves"]] == ["promote", "promote", "rollback", "demote"]
    assert [model["aliases"] for model in told["status"]["models"]] == [[]] * 5


def test_people_see_who_moved_what_and_that_the_chain_holds(place, told):
    shown = place.run("history").stdout
    for said in ("ann", "the first", "promote --force", "champion 1 → 3", "the ledger is as it was written: 4 entries"):
        assert said in shown


def test_people_see_what_served_and_the_command_that_says_what_it_learned_from(place, told):
    done = place.run("history", "--at", told["history"]["moves"][1]["at"])
    assert "s3" in done.stdout
    assert "rarecall lineage 3" in done.stdout


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["promote", "--version", "9", "--reason", "x"], "got 9; its newest are 1, 2, 3, 4, 5"),
        (["promote", "--version", "4", "--reason", "x"], "the decision on version 4 of payments was not_enough"),
        (["rollback", "--reason", "x"], "there is nothing to roll back to"),
        (["promote", "--version", "1", "--reason", " "], "--reason: expected why, got nothing"),
        (["history", "--at", "3 March"], "--at: expected a moment or a day such as 2026-03-03T12:00Z or 2026-03-03"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence(place, told, command, said):
    done = place.run(*command, "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert said in done.stderr
