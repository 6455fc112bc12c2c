"""What served when: at a moment, at the very moment of a move, on a day, and before the ledger began."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from registered import project_in, register_versions

from rarecall.errors import DataError
from serving import registry
from tasks.history import history, moment
from tasks.ledger import open_project_ledger
from tasks.promote import promote, roll_back
from tasks.verify import DamagedError

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A home in which 1 was promoted, then 2, then rolled back; and its history."""
    project = project_in(tmp_path_factory.mktemp("told"))
    register_versions(project)
    promote(project, "1", who="ann", why="the first")
    promote(project, "2", who="bob", why="better in the north")
    roll_back(project, who="eve", why="alarm")
    return project, history(project, who="ann")["moves"]


def at(project, said):
    return history(project, said, who="ann")["at"]


def test_every_move_has_who_when_why_and_from_where_to_where(told):
    first, second, third = told[1]
    assert (second["who"], second["why"], second["action"]) == ("bob", "better in the north", "promote")
    assert second["moves"] == {"champion": {"from": "1", "to": "2"}, "previous": {"from": None, "to": "1"}}
    assert third["moves"] == {"champion": {"from": "2", "to": "1"}, "previous": {"from": "1", "to": None}}
    assert first["at"] < second["at"] < third["at"]


def test_at_the_very_moment_of_a_move_it_has_been_made(told):
    project, (_, second, _) = told
    moved = datetime.fromisoformat(second["at"])
    before = at(project, (moved - timedelta(microseconds=1)).isoformat())["aliases"]
    then = at(project, moved.isoformat())["aliases"]
    assert ({"champion"}, {"champion", "previous"}) == (set(before), set(then))
    assert (before["champion"]["version"], then["champion"]["version"]) == ("1", "2")
    assert then["champion"] == {
        "version": "2", "since": second["at"], "entry": second["entry"],
        "dataset_version": "d2", "snapshot": "s2", "decision": "promote",
    }  # fmt: skip


def test_a_moment_in_another_zone_is_the_same_moment(told):
    project, (_, second, _) = told
    from datetime import timezone

    there = datetime.fromisoformat(second["at"]).astimezone(timezone(timedelta(hours=9)))
    assert at(project, there.isoformat())["aliases"]["champion"]["version"] == "2"


def test_a_day_says_what_stood_at_its_end_and_what_moved_on_it(told):
    project, moves = told
    found = at(project, moves[-1]["at"][:10])
    assert found["aliases"]["champion"]["version"] == "1"
    assert found["that_day"] == [one["entry"] for one in moves if one["at"][:10] == moves[-1]["at"][:10]]


def test_before_the_first_move_nothing_is_known_and_that_is_said(told):
    project, moves = told
    found = at(project, "2020-01-01")
    assert (found["aliases"], found["begins"]) == ({}, moves[0]["at"])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-03-03T12:00Z", "2026-03-03T12:00:00+00:00"),
        ("2026-03-03T12:00", "2026-03-03T12:00:00+00:00"),
        ("2026-03-03T12:00+05:30", "2026-03-03T06:30:00+00:00"),
        ("2026-03-03", "2026-03-03T23:59:59.999999+00:00"),
        ("2026-03-05", "2026-03-05T09:30:00+00:00"),
    ],
)
def test_a_moment_has_a_zone_and_a_day_means_its_end_or_now(said, expected):
    assert moment(said, now=NOW)[0].isoformat() == expected


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("3 March", "expected a moment or a day"),
        ("2026-02-30", "expected a moment or a day"),
        ("0001-01-01T00:00+14:00", "expected a moment or a day"),
        ("2026-03-05T09:31Z", "expected a moment that has passed"),
        ("2026-03-06", "it is 2026-03-05T09:30Z now"),
    ],
)
def test_what_is_no_moment_or_has_not_come_is_one_sentence(said, refused):
    with pytest.raises(DataError, match=refused):
        moment(said, now=NOW)


def test_what_served_is_known_though_mlflow_has_the_version_no_more(told, tmp_path):
    shutil.copytree(told[0].stores.home, tmp_path / "home")
    project = project_in(tmp_path / "home")
    registry.connect(project).delete_model_version("payments", "2")
    assert at(project, told[1][1]["at"])["aliases"]["champion"]["snapshot"] == "s2"


def test_a_changed_entry_is_named_and_is_exit_code_2(told, tmp_path):
    shutil.copytree(told[0].stores.home, tmp_path / "home")
    project = project_in(tmp_path / "home")
    engine = open_project_ledger(project).engine
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TRIGGER entries_no_UPDATE"))
        connection.execute(sa.text("UPDATE entries SET who = 'nobody' WHERE number = 2"))
    with pytest.raises(DamagedError, match="entry 2 was changed after it was written") as refused:
        history(project, who="ann")
    assert refused.value.exit_code == 2


def test_an_empty_home_has_an_empty_history(tmp_path):
    found = history(project_in(tmp_path), who="ann")
    assert (found["moves"], found["ledger"]["entries"], found["mended"], found["differing"]) == ([], 0, [], [])
