"""`rarecall canary` through the console script, and as the flow that a deployment runs."""

import json
import os
import subprocess

import pytest
from places import RARECALL, Place, placed
from registered import register_versions
from traffic import send

from rarecall.project import load
from tasks.promote import promote


@pytest.fixture(scope="module")
def place(tmp_path_factory, payments) -> Place:
    place = placed(tmp_path_factory.mktemp("canary"), payments.head(10))
    register_versions(load(place.file, {}))
    promote(load(place.file, {}), "1", who="ann", why="the first")
    return place


@pytest.fixture(scope="module")
def told(place):
    """A canary that is started, looked at too early, and found worse."""
    done = {"start": place.run("canary", "--start", "--version", "2", "--reason", "it passed", "--json")}
    done["early"] = place.run("canary", "--json")
    done["away"] = judged_again(place, "stderr", RARECALL__STORES__PREDICTIONS="mysql://away/log")
    send(load(place.file, {}), rows=2500, recall=0.60)
    done["people"] = place.run("canary")
    assert all(one.returncode == 0 for name, one in done.items() if name != "away"), done
    return done


def judged_again(place, stream, **environ):
    """Return the first three lines of what is judged again and again, and end it."""
    judging = subprocess.Popen(
        [RARECALL, "canary", "--every", "0.1s", "--json"],
        cwd=place.folder, env=os.environ | environ, text=True, **{stream: subprocess.PIPE},
    )  # fmt: skip
    with getattr(judging, stream) as lines:
        said = [lines.readline() for _ in range(3)]
        judging.terminate()
    judging.wait(timeout=30)
    return said


def test_programs_get_one_object(told):
    start, early = (json.loads(told[name].stdout) for name in ("start", "early"))
    assert (start["canary"], start["share"], start["moves"]["canary"]) == ("2", 0.01, {"from": None, "to": "2"})
    assert (early["verdict"], early["state"], early["entry"]) == ("hold", "not enough evidence", None)
    assert set(early) == {
        *("project", "champion", "canary", "at_share", "since", "step_since", "arms", "pairs", "measures"),
        *("verdict", "state", "reasons", "share", "needed", "cohorts", "entry", "aliases", "mended"),
    }


def test_people_see_the_arms_the_evidence_and_the_reasons(told):
    for said in ("canary at 1%", "labelled positives", "rollback", "• recall is worse: -0.", "ledger entry 3"):
        assert said in told["people"].stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--every", "5"], "--every: expected a time with its unit such as 60s or 5m, got '5'"),
        (["--start", "--every", "5s"], "--every: expected it without --start"),
        (["--version", "2"], "--version and --force: expected --start beside them"),
        (["--start"], "has no challenger to put on canary"),
    ],
)
def test_a_refusal_is_one_sentence(place, told, options, said):
    done = place.run("canary", *options, "--json")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert said in done.stderr


def test_it_judges_again_and_again_until_it_is_ended(place, told):
    assert [json.loads(line)["canary"] for line in judged_again(place, "stdout")] == [None] * 3


def test_a_log_that_is_away_ends_no_watch_and_moves_nothing(place, told):
    assert told["away"] == ["rarecall: stores.predictions: expected a SQLite or PostgreSQL URL, got mysql\n"] * 3
    shown = place.run("history").stdout
    for said in ("canary - → 2 at 1%", "canary 2 → -", "recall is worse"):
        assert said in shown


def test_a_deployment_calls_the_same(place, told):
    from flows.canary import canary

    assert (canary.name, canary.fn(str(place.file))["verdict"]) == ("canary", None)
