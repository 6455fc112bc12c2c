"""The trigger ledger, on SQLite and PostgreSQL: one cause starts one retrain, whatever dies in between."""

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import sqlalchemy as sa
from findings import OVERALL, finding, good
from postgres import postgres

from monitoring.ledger import open_ledger
from monitoring.triggers import open_triggers
from rarecall.errors import DataError, StoreError
from rarecall.sections import Triggers

NORTH = finding()
databases = count()


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database, of a file or of a real server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    server, name = request.getfixturevalue("server"), f"triggers{next(databases)}"
    engine = sa.create_engine(server, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def here(tmp_path):
    """Triggers in a file, for what does not depend on the database."""
    return open_triggers(f"sqlite:///{tmp_path / 'ledger.db'}", "payments")


def look(triggers, *findings, now=None, **rules):
    return triggers.look(findings, Triggers(**{"cooldown": "0d"} | rules), now=now or datetime.now(UTC), who="monitor")


def retrained(triggers, trigger):
    assert triggers.claim(trigger, run="r1", who="retrain") is None
    triggers.done(trigger, {"version": "2"}, who="retrain", why="version 2: promote")


def test_a_breach_is_raised_once_and_survives_a_restart(url):
    raised = look(open_triggers(url, "payments"), NORTH).fired
    assert (raised.state, raised.finding["value"], raised.why) == ("due", "north", "recall fell")
    again = look(open_triggers(url, "payments"), NORTH)
    assert (again.fired, again.held[0][1]) == (
        None, f"trigger {raised.id} was raised for it and it has not been good since"
    )  # fmt: skip
    assert [one.id for one in open_triggers(url, "payments").all()] == [raised.id]
    assert open_triggers(url, "other").all() == ()


def test_of_many_monitors_at_once_one_raises_it(url):
    open_triggers(url, "payments")
    found = []

    def monitor():
        found.append(look(open_triggers(url, "payments"), NORTH).fired)

    monitors = [threading.Thread(target=monitor) for _ in range(6)]
    for one in monitors:
        one.start()
    for one in monitors:
        one.join()
    assert sum(one is not None for one in found) == 1
    assert open_triggers(url, "payments").ledger.verify().faults == ()


def test_of_two_runs_one_claims_it(url):
    triggers = open_triggers(url, "payments")
    trigger = look(triggers, NORTH).fired.id
    triggers.sent(trigger, who="monitor", how="sent")
    assert triggers.claim(trigger, run="first", who="retrain") is None
    assert triggers.claim(trigger, run="second", who="retrain") == (
        f"trigger {trigger} is running already: its retrain began"
    )
    assert triggers.claim(trigger, run="first", who="retrain") is None, "a suspended run goes on"
    triggers.done(trigger, {"version": "2"}, who="retrain", why="version 2: promote")
    assert "is done already" in triggers.claim(trigger, run="second", who="retrain")
    assert triggers.get(trigger).outcome == {"version": "2"}


def test_the_database_refuses_to_change_an_entry(url):
    triggers = open_triggers(url, "payments")
    look(triggers, NORTH)
    for statement in ("UPDATE triggers SET why = 'x'", "DELETE FROM triggers"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), triggers.ledger.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert open_ledger(url).entries() == (), "the ledger of decisions is another table"
    assert triggers.ledger.verify().entries == 1


def test_it_is_killed_right_after_the_entry_and_the_next_look_finds_it_due(tmp_path):
    """SIGKILL between the ledger's entry and the event: the entry stands, and the next look sends what is due."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    program = (
        "import os, signal, sys; sys.path.insert(0, 'tests/support')\n"
        "from datetime import UTC, datetime\n"
        "from findings import finding\n"
        "from monitoring.triggers import open_triggers\n"
        "from rarecall.sections import Triggers\n"
        f"triggers = open_triggers({url!r}, 'payments')\n"
        "triggers.look([finding()], Triggers(), now=datetime.now(UTC), who='monitor')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    triggers = open_triggers(url, "payments")
    assert [one.state for one in triggers.all()] == ["due"]
    assert look(triggers, NORTH).fired is None
    assert triggers.ledger.verify().faults == ()


def test_it_alarms_again_when_it_was_good_in_between(here):
    first = look(here, NORTH).fired
    retrained(here, first.id)
    assert look(here, NORTH).fired is None
    unsure = replace(NORTH, state="not enough evidence", breach=False)
    assert look(here, unsure).recovered == (), "not enough evidence is not good"
    assert look(here, good(NORTH)).recovered == (first.id,)
    second = look(here, NORTH).fired
    assert second.id != first.id
    assert [one.standing for one in here.all()] == [False, True]


def test_another_version_may_fall_below_what_it_held_itself(here):
    fell = replace(NORTH, against="reference")
    retrained(here, look(here, fell).fired.id)
    assert look(here, replace(fell, version=2)).fired is not None


def test_an_objective_that_a_retrain_did_not_reach_starts_no_other_until_it_was_good(here):
    first = look(here, NORTH).fired
    retrained(here, first.id)
    second = replace(NORTH, version=2)
    assert look(here, second).held[0][1].startswith(f"trigger {first.id} retrained for it, and the version that serves")
    assert look(here, good(second)).recovered == (first.id,)
    assert look(here, replace(NORTH, version=3)).fired is not None


def test_one_retrain_at_a_time(here):
    first = look(here, NORTH).fired
    south = replace(NORTH, value="south")
    assert look(here, NORTH, south).held[-1][1] == f"trigger {first.id} is under way"
    retrained(here, first.id)
    assert look(here, NORTH, south).fired.finding["value"] == "south"


def test_the_cooldown_and_the_most_of_a_day_hold_retrains_back(here):
    begun = datetime.now(UTC)
    for number in range(2):
        retrained(here, look(here, replace(NORTH, value=f"v{number}"), max_per_day=2).fired.id)
    third = replace(NORTH, value="v2")
    assert "triggers.cooldown holds until" in look(here, third, cooldown="1h").held[0][1]
    assert "triggers.max_per_day is 2" in look(here, third, max_per_day=2).held[0][1]
    assert look(here, third, max_per_day=2, now=begun + timedelta(days=1, minutes=1)).fired is not None


def test_a_breach_that_starts_nothing_is_written_once_for_each_reason(here):
    for _ in range(3):
        look(here, NORTH, retrain=False)
    assert [one["reason"] for one in here.holds()] == ["triggers.retrain is false"]
    assert here.ledger.verify().entries == 1


def test_the_likeliest_cause_is_raised(here):
    whole = finding(OVERALL, "", log_evidence=20.0)
    assert look(here, whole, NORTH).fired.finding["value"] == "north"


@pytest.mark.parametrize(("approve", "state"), [(True, "due"), (False, "refused")])
def test_a_person_is_asked_where_the_project_says_so(here, approve, state):
    asked = look(here, NORTH, approval="required").fired
    assert (asked.state, here.claim(asked.id, run="r", who="retrain")) == (
        "asked", f"trigger {asked.id} is asked already: recall fell"
    )  # fmt: skip
    told = here.answer(asked.id[:6], approve=approve, who="ann", why="seen")
    assert (told.state, told.who, told.why) == (state, "ann", "seen")
    with pytest.raises(DataError, match="waits for nobody"):
        here.answer(asked.id, approve=True, who="ann", why="again")
    assert look(here, NORTH).fired is None


def test_who_does_not_answer_has_refused(here):
    asked = look(here, NORTH, approval="required", approval_timeout="1h").fired
    assert here.settle(now=asked.fired + timedelta(minutes=59)) == []
    assert [one.state for one in here.settle(now=asked.fired + timedelta(minutes=61))] == ["refused"]


def test_a_retrain_that_dies_is_tried_again_and_not_for_ever(here):
    trigger = look(here, NORTH).fired.id
    for number in range(3):
        assert here.claim(trigger, run=f"r{number}", who="retrain") is None
        lost = here.lost(trigger, who="monitor", why="its retrain ended without a word")
    assert (lost.state, lost.why) == ("failed", "its retrain ended without a word; it was tried 3 times")
    assert "is failed already" in here.claim(trigger, run="r9", who="retrain")


def test_an_unknown_trigger_starts_nothing(here):
    with pytest.raises(DataError, match="payments has no trigger 'made up'"):
        here.claim("made up", run="r", who="retrain")
    assert here.ledger.verify().entries == 0


def test_an_alarm_is_raised_once_until_it_is_over(here):
    assert here.alarm("source.late", "no row", who="m") == "raised"
    assert here.alarm("source.late", "no row still", who="m") is None
    assert [(one.name, one.said) for one in here.alarms().values()] == [("source.late", "no row")]
    assert here.alarm("source.late", None, who="m") == "cleared"
    assert (here.alarm("source.late", None, who="m"), here.alarms()) == (None, {})


def test_a_ledger_that_is_away_is_one_sentence():
    with pytest.raises(StoreError, match="the ledger's folder /proc/none cannot be made"):
        open_triggers("sqlite:////proc/none/ledger.db", "payments")
