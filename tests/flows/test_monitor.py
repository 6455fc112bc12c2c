"""The monitor: a look that finds a breach starts one retrain, embedded and on a server; what does not come is told."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from findings import finding, good
from places import RARECALL, Place
from traffic import send

from flows.monitor import look
from rarecall.errors import StoreError
from rarecall.project import load
from tasks.metrics import metrics
from tasks.triggers import listed, open_project_triggers

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(retrained, tmp_path) -> Place:
    """A copy of a home with a champion, version 1."""
    shutil.copytree(retrained[0].folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


@pytest.fixture
def project(place):
    return load(place.file, {})


def seeing(*findings):
    return lambda _project, _now: findings


def looked(project, *findings, now=None):
    return look(project, who="monitor", now=now, see=seeing(*findings))


def test_a_breach_is_told_and_due_and_a_second_look_raises_nothing(project):
    found = looked(project, finding())
    assert (found["fired"]["state"], found["due"], found["sent"]) == ("due", [found["fired"]["trigger"]], False)
    again = looked(project, finding())
    assert (again["fired"], again["due"]) == (None, found["due"])
    assert "has not been good since" in again["held"][0]["reason"]


def test_a_retrain_of_a_trigger_aims_at_its_cohort_once(prefect, place, project):
    from flows.retrain import retrain

    trigger = looked(project, finding())["due"][0]
    record = retrain(str(place.file), None, None, trigger)
    assert record["cause"]["trigger"] == record["decision"]["cause"] == trigger
    assert record["cause"]["target"] == {"region": "north"}
    assert record["augmentation"]["target"]["of"] == {"region": "north"}
    assert record["augmentation"]["synthetic_share"] < 0.05 < record["augmentation"]["target"]["synthetic_share"]
    assert any("synthetic share of region north 0.10" in gate["reason"] for gate in record["decision"]["gates"])
    assert "Started by trigger" in Path(record["report"]).read_text()
    told = open_project_triggers(project).get(trigger)
    assert (told.state, told.outcome["version"], told.outcome["verdict"]) == (
        "done", record["model_version"], record["decision"]["verdict"]
    )  # fmt: skip
    version = model_version(place, record["model_version"])
    assert (version.tags["rarecall.trigger"], version.tags["rarecall.sampler.target"]) == (trigger, "region north")
    assert version.tags["rarecall.trigger.cause"] == "recall in region north is 0.50 where the objective is 0.80"

    twice = retrain(str(place.file), None, None, trigger)
    assert twice["skipped"].startswith(f"trigger {trigger} is done already: version 2")
    assert looked(project, good(finding()))["recovered"] == [trigger]


def model_version(place, number):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{place.home / 'mlflow' / 'mlflow.db'}").get_model_version(
        "payments", number
    )


def test_a_retrain_that_fails_is_due_again(prefect, place, project):
    from flows.retrain import retrain

    trigger = looked(project, finding())["due"][0]
    (place.folder / "payments.csv.gz").unlink()
    with pytest.raises(Exception, match=r"payments\.csv\.gz"):
        retrain(str(place.file), None, None, trigger)
    told = open_project_triggers(project).get(trigger)
    assert (told.state, told.begun) == ("due", 1)
    assert told.why.startswith("its retrain failed: ")


def test_a_retrain_that_was_killed_is_due_again_when_nothing_holds_the_home(project):
    trigger = looked(project, finding())["due"][0]
    open_project_triggers(project).claim(trigger, run="killed", who="retrain")
    assert looked(project, finding())["due"] == [trigger]


def test_what_does_not_come_is_an_alarm_until_it_comes(place, project):
    send(project, rows=20, recall=0.8, labelled=False)
    now = datetime.now(UTC)
    late = looked(project, now=now + timedelta(days=12))
    assert set(late["changed"]) == {"labels.missing", "traffic.missing", "source.late"}
    said = {alarm["alarm"]: alarm["said"] for alarm in late["alarms"]}
    assert said["labels.missing"] == "20 answers are old enough for a label and have none; none ever came"
    assert said["traffic.missing"].startswith("no question was answered since ")
    assert said["source.late"].startswith("the source's newest rows were delivered at ")
    assert looked(project, now=now + timedelta(days=12))["changed"] == {}, "an alarm that stands is not raised again"
    os.utime(place.folder / "payments.csv.gz")
    send(project, rows=5, recall=0.8)
    assert looked(project, now=now)["alarms"] == []


def test_a_look_that_fails_is_an_alarm_and_the_error_goes_on(project):
    def broken(_project, _now):
        raise StoreError("the prediction log is away")

    with pytest.raises(StoreError, match="is away"):
        look(project, who="monitor", see=broken)
    assert [(one["alarm"], one["said"]) for one in listed(project)["alarms"]] == [
        ("monitor.failed", "the look failed: the prediction log is away")
    ]
    after = looked(project)
    assert after["alarms"][0]["said"].startswith("the look failed"), "the look before did not come to its end"
    assert looked(project)["alarms"] == []


def test_metrics_tell_what_the_last_whole_look_saw(project):
    breach = 'rarecall_watch_breach{against="objective",cohort="region",project="payments",value="north"}'
    assert "rarecall_watch" not in metrics(project)["text"], "nobody looked"

    def broken(_project, _now):
        raise StoreError("the prediction log is away")

    looked(project, finding())
    looked_at = [line for line in metrics(project)["text"].splitlines() if "looked_timestamp" in line]
    with pytest.raises(StoreError, match="is away"):
        look(project, who="monitor", see=broken)
    told = metrics(project)["text"].splitlines()
    assert f"{breach} 1.0" in told
    assert [line for line in told if "looked_timestamp" in line] == looked_at
    looked(project, good(finding()))
    told = metrics(project)["text"].splitlines()
    assert f"{breach} 0.0" in told
    assert 'rarecall_watch_alarm{alarm="monitor.failed",project="payments"} 1.0' in told


def test_a_monitor_that_was_away_says_so(project):
    looked(project)
    file = Path(project.stores.home) / "monitor" / "payments.json"
    file.write_text(json.dumps({"began": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T00:00:01+00:00"}))
    assert looked(project)["alarms"][0]["said"].startswith("nobody looked from 2026-01-01T00:00Z to ")


def test_people_and_programs_see_the_triggers(place, project):
    place.settings(triggers={"approval": "required", "source_late": None})
    asked = looked(load(place.file, {}), finding())["fired"]
    assert asked["state"] == "asked"
    told = json.loads(place.run("triggers", "--json").stdout)
    assert [(one["trigger"], one["state"], one["reason"]) for one in told["triggers"]] == [
        (asked["trigger"], "asked", "recall fell")
    ]
    refused = place.run("triggers", "--approve", asked["trigger"])
    assert (refused.returncode, refused.stderr) == (1, "rarecall: --reason: expected why, for the ledger\n")
    done = place.run("triggers", "--approve", asked["trigger"], "--reason", "seen with the desk", "--who", "ann")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"trigger {asked['trigger']} is due"), done.stderr
    shown = place.run("triggers").stdout
    assert all(said in shown for said in ("region north", "due", "seen with the desk", "last look: 20"))


def test_the_monitor_looks_through_the_door(place):
    send(load(place.file, {}), rows=50, recall=0.8)
    done = place.run("monitor", "--json", "--no-retrain")
    found = json.loads(done.stdout)
    assert (found["fired"], found["due"], found["retrains"], found["alarms"]) == (None, [], [], [])
    assert {"overall", "region"} <= {one["cohort"] for one in found["findings"]}
    assert "nothing to look at" not in place.run("monitor", "--no-retrain").stdout


def test_without_a_server_nothing_is_deployed(place):
    done = place.run("deploy", PREFECT_API_URL="")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("rarecall: PREFECT_API_URL is not set: expected the address of a Prefect server")
    # In a process of its own: in this one another server is up.
    environ = os.environ | {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_CLIENT_MAX_RETRIES": "0"}
    away = subprocess.run([RARECALL, "deploy", place.folder], env=environ, capture_output=True, text=True, check=False)
    assert away.returncode == 1
    assert "could not be used" in away.stderr
