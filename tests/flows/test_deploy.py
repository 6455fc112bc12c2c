"""`rarecall deploy` on a real server: the same set however often, and a breach that becomes a retrain there."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest
from places import Place, placed
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL
from prefect_server import TOOL, prefect_server

from monitoring import predictions
from monitoring.predictions import Log, Prediction
from rarecall.project import load
from tasks.announce import BREACH, announce
from tasks.triggers import listed


def deployed(place: Place, *arguments: str) -> dict:
    done = place.run("deploy", "--json", *arguments, PREFECT_API_URL=str(PREFECT_API_URL.value()))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def server_has() -> tuple[dict, list[str]]:
    """Return each deployment's cron and parameters, and the names of the automations."""
    with get_client(sync_client=True) as client:
        there = {
            one.name + "/" + one.entrypoint: ([s.schedule.cron for s in one.schedules], one.parameters)
            for one in client.read_deployments()
            if "rarecall" in one.tags
        }
    automations = asyncio.run(_automations())
    return there, automations


async def _automations() -> list[str]:
    async with get_client() as client:
        return sorted(one.name for one in await client.read_automations() if one.name.startswith("rarecall"))


def test_deploying_twice_is_one_set_and_a_changed_cron_is_changed(prefect, tmp_path, payments):
    place = placed(tmp_path, payments.head(10), name="twice")
    first = deployed(place)
    assert [(one["deployment"], one["cron"]) for one in first["deployments"]] == [
        ("retrain/twice", "0 3 * * *"), ("monitor/twice", "*/10 * * * *"), ("canary/twice", "*/5 * * * *")
    ]  # fmt: skip
    before = server_has()
    given = {"project_file": str(place.file), "home": None, "only": None}
    assert before[0] == {
        "twice/flows.retrain.retrain": (["0 3 * * *"], given),
        "twice/flows.monitor.monitor": (["*/10 * * * *"], given),
        "twice/flows.canary.canary": (["*/5 * * * *"], given),
    }
    assert before[1] == ["rarecall: a breach retrains twice", "rarecall: nobody looks at twice"]
    again = deployed(place)
    assert [one["id"] for one in again["deployments"]] == [one["id"] for one in first["deployments"]]
    assert server_has() == before

    place.settings(name="twice", schedule={"retrain": "30 4 * * 1", "canary": None})
    deployed(place)
    now = server_has()[0]
    assert [crons for crons, _ in now.values()] == [
        {"retrain": ["30 4 * * 1"], "monitor": ["*/10 * * * *"], "canary": []}[name.split(".")[1]] for name in now
    ]


def breach(project, *, rows: int = 600) -> None:
    """Log answers of version 1 over 20 days: in the north it finds one fraud of ten, elsewhere nine."""
    now, written, truths = datetime.now(UTC), [], []
    for number in range(rows):
        region = ("north", "south")[number % 2]
        flagged = (number // 2 % 10 == 0) == (region == "north")
        at = now - timedelta(days=23) + timedelta(days=20) * number / rows
        cohorts = {"region": region, "amount": "<50"}
        written.append(Prediction(f"b{number}", at, "ann", "champion", 1, "1f", 0.7, flagged, cohorts))
        truths.append((f"b{number}", 1, at))

    async def story(log: Log) -> None:
        await log.write(written)
        await log.label(truths)

    with Log(predictions.url(project)) as log:
        asyncio.run(story(log))


def runs() -> list:
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs()
    return [run for run in found if (run.parameters or {}).get("trigger")]


def until(many: int) -> None:
    """Wait until the automation has started so many retrains."""
    deadline = time.monotonic() + 120
    while len(runs()) < many and time.monotonic() < deadline:
        time.sleep(0.5)
    assert len(runs()) == many


def work_once(environ: dict[str, str]) -> str:
    command = [*TOOL, "worker", "start", "--pool", "local", "--run-once"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=500)
    return done.stdout + done.stderr


@pytest.mark.thorough
def test_a_breach_becomes_one_retrain_on_a_server(retrained, tmp_path):
    """Log → alarm → ledger → event → automation → worker → claim; the event once more, and nothing is retrained."""
    shutil.copytree(retrained[0].folder, tmp_path / "copy")
    (tmp_path / "prefect").mkdir()
    place = Place(tmp_path / "copy")
    schedule = dict.fromkeys(("retrain", "monitor", "canary"))
    place.settings(schedule=schedule)
    project = load(place.file, {})
    breach(project)
    with prefect_server(tmp_path / "prefect"):
        url = str(PREFECT_API_URL.value())
        environ = os.environ | {"PREFECT_API_URL": url, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
        deployed(place)
        looked = place.run("monitor", "--json", PREFECT_API_URL=url)
        assert looked.returncode == 0, looked.stderr
        found = json.loads(looked.stdout)
        assert (found["sent"], found["retrains"]) == (True, [])
        assert (found["fired"]["finding"]["cohort"], found["fired"]["finding"]["value"]) == ("region", "north")
        trigger = found["fired"]["trigger"]
        until(1)
        said = work_once(environ)
        told = listed(project)["triggers"][0]
        assert (told["state"], told["outcome"]["target"]) == ("done", {"region": "north"}), said

        time.sleep(61)  # the automation itself hears a trigger once a minute
        announce(project, BREACH, f"rarecall.trigger.{trigger}", {"trigger": trigger})
        until(2)
        work_once(environ)
        with get_client(sync_client=True) as client:
            states = [client.read_flow_run(run.id).state.name for run in runs()]
        assert states == ["Completed", "Completed"]
        assert [one["state"] for one in listed(project)["triggers"]] == ["done"]
        records = list(place.home.glob("runs/payments/*/record.json"))
        assert len(records) == 2, "the champion's, and one retrain"
