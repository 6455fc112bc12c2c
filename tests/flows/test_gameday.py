"""`rarecall gameday`: what it lists and refuses, a link broken on purpose, and the whole chain of one scenario."""

import json
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
from places import RARECALL, Place
from served import running

from rarecall.project import load
from rarecall.simulator.simulate import Payments, simulate
from serving.app import create_app
from tasks.gameday import chain
from tasks.gameday.outside import Outside
from tasks.gameday.stream import Stream
from tasks.gameday.timeline import Timeline
from tasks.serve import server_of

LINKS = [
    "no false alarm", "noticed", "the trigger's retrain", "one retrain", "registered once", "its cause stands on it",
    "rows for the cohort", "gates", "canary", "promotion", "the watch says so", "recall restored", "budget of all",
    "budget of north", "traffic", "ledgers",
]  # fmt: skip


def test_the_scenarios_are_listed(place):
    told = json.loads(place.run("gameday", "--list", "--json").stdout)["scenarios"]
    assert [one["scenario"] for one in told] == ["new-fraud", "bad-canary", "prevalence-collapse"]
    shown = place.run("gameday", "--list").stdout
    assert all(one["says"] in shown for one in told)


def test_what_cannot_be_played_is_refused_before_anything_begins(place):
    done = place.run("gameday", "bad-canry")
    assert (done.returncode, done.stderr) == (
        1, "rarecall: expected a scenario, got 'bad-canry'; did you mean 'bad-canary'?\n"
    )  # fmt: skip
    done = place.run("gameday", "--home", str(place.folder))
    assert done.returncode == 1
    assert "--home: expected an empty folder, or none yet" in done.stderr
    assert sorted(one.name for one in place.folder.iterdir()) == ["payments.csv.gz", "rarecall.yaml"]


def test_a_demo_replaces_what_a_demo_left_and_nothing_else(tmp_path):
    from flows.gameday import replace
    from rarecall.errors import DataError

    theirs = tmp_path / "stack"
    theirs.mkdir()
    replace(theirs)
    (theirs / "rarecall.yaml").write_text("name: ours\n")
    with pytest.raises(DataError, match="which holds something else"):
        replace(theirs)
    assert (theirs / "rarecall.yaml").exists()
    (theirs / "rarecall.yaml").write_text("# Written by a game day, whose next one may replace this folder.\nname: a\n")
    replace(theirs)
    assert not theirs.exists()


def test_a_budget_that_lacks_one_label_breaks_the_chain_and_says_so(retrained, tmp_path):
    """A real router: rows asked about, labels told, and the budget holds; one more told behind its back, and not."""
    shutil.copytree(retrained[0].folder, tmp_path / "copy")
    project = load(Place(tmp_path / "copy").file, {})
    server = server_of(project)
    said = []
    with running(create_app(server), server) as here:
        stream = Stream(simulate(Payments(rows=12_000, days=40, fraud_share=0.04)), here.url)
        outside = Outside(project, {"router": here.url})
        course = SimpleNamespace(stream=stream, outside=outside, timeline=Timeline(said.append))
        stream.ask(12)
        stream.tell(40)
        of_the_day = (stream.paid >= 12) & (stream.paid < 13)
        assert (stream.asked.tolist(), stream.unanswered) == (of_the_day.tolist(), 0)
        assert set(stream.version[stream.asked]) == {1}
        chain.accounted(course)
        chain.answered(course)
        assert course.timeline.held, said
        stream.told[np.flatnonzero(stream.labelled())[0]] = np.nan
        chain.accounted(course)
        stream.close()
        outside.close()
    positives = int(stream.labelled().sum()) + 1
    assert not course.timeline.held
    assert any(line.startswith("NOT HELD  budget of all: expected ") and f"of {positives}" in line for line in said)


@pytest.mark.thorough
def test_a_new_fraud_is_noticed_retrained_once_promoted_and_mended(tmp_path):
    """The whole chain on a real stack: Prefect's server and worker, MLflow's server, the router, monitor and canary."""
    command = [RARECALL, "gameday", "new-fraud", "--json", "--output", tmp_path / "pages", "--home", tmp_path / "home"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1500)
    found = json.loads(done.stdout)
    broken = [one for one in found["expectations"] if not one["held"]]
    assert (done.returncode, broken) == (0, []), done.stderr
    assert [one["link"] for one in found["expectations"]] == LINKS
    assert [one["mark"] for one in found["events"] if one["mark"]] == [
        "trouble", "alarm", "retrain", "canary", "promotion", "restored"
    ]  # fmt: skip
    assert (tmp_path / "pages" / "new-fraud.html").read_text().count("✓") == len(LINKS) + 1
    assert not (tmp_path / "home" / "up.json").exists(), "the stack is down"
