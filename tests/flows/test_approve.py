"""An approval, embedded by the console script, and by a run that is suspended and goes on in another worker."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient
from places import PROJECT, Place
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.flow_runs import resume_flow_run
from prefect.settings import PREFECT_API_URL
from prefect_server import prefect_server

ROOT = Path(__file__).parents[2]
TOOL = [Path(sys.executable).with_name("prefect"), "--no-prompt"]


@pytest.fixture
def place(retrained, tmp_path) -> Place:
    """A copy of a home with a champion, whose next decision needs approval; all that it learned from is there."""
    shutil.copytree(retrained[0].folder, tmp_path / "copy")
    place = Place(tmp_path / "copy")
    place.settings(gates=PROJECT["gates"] | {"approval": "required"})
    return place


def aliases(place: Place) -> dict[str, str]:
    uri = f"sqlite:///{place.home / 'mlflow' / 'mlflow.db'}"
    found = MlflowClient(tracking_uri=uri).get_registered_model("payments").aliases
    return {alias: str(version) for alias, version in found.items()}


def test_an_embedded_run_ends_and_says_how_to_answer(prefect, place):
    record = place.retrain()
    assert (record["decision"]["verdict"], record["decision"]["said"]) == ("needs_approval", "needs approval")
    assert (record["aliases"], record["approval"]["state"], record["model_version"]) == ([], "asked", "2")
    assert aliases(place) == {"champion": "1"}
    assert "rarecall approve --version 2 --reason TEXT" in Path(record["report"]).read_text()

    shown = place.run("status").stdout
    assert "version 2 waits for an answer until" in shown
    told = place.run("approve", "--version", "2", "--reason", "seen with the desk", "--who", "ann", "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert (found["answer"], found["moves"]) == ("approved", {"challenger": {"from": None, "to": "2"}})
    assert aliases(place) == {"champion": "1", "challenger": "2"}


def deployed() -> dict[str, str]:
    """Deploy the flow as `infra/prefect.yaml` says; return the environment of whoever works for that server."""
    environ = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}
    for arguments in (
        ["work-pool", "create", "local", "--type", "process", "--overwrite"],
        ["deploy", "--prefect-file", "infra/prefect.yaml", "--all"],
    ):
        done = subprocess.run(
            [*TOOL, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return environ


def work_once(environ: dict[str, str], name: str) -> str:
    """Let a worker of this name take what is due, and end when that has ended; return what it said."""
    command = [*TOOL, "worker", "start", "--pool", "local", "--name", name, "--run-once"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def state_of(run) -> tuple[str, str]:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run).state
    return str(state.name), str(state.message)


@pytest.mark.thorough
def test_a_suspended_run_goes_on_in_another_worker_when_it_is_answered(prefect, place):
    environ = deployed()
    run = run_deployment("retrain/nightly", parameters={"project_file": str(place.file)}, timeout=0).id
    first = work_once(environ, "first")
    assert state_of(run)[0] == "Suspended", first
    assert aliases(place) == {"champion": "1"}
    with pytest.raises(RuntimeError, match="reason"):
        resume_flow_run(run, run_input={"approve": True, "reason": "", "who": "ann"})
    assert state_of(run)[0] == "Suspended", "a form that is not filled in resumes nothing"

    resume_flow_run(run, run_input={"approve": True, "reason": "seen", "who": "ann"})
    second = work_once(environ, "second")
    assert state_of(run)[0] == "Completed", second
    assert aliases(place) == {"champion": "1", "challenger": "2"}
    records = [json.loads(file.read_text()) for file in sorted(place.home.glob("runs/payments/*/record.json"))][-2:]
    assert [one["approval"]["state"] for one in records] == ["asked", "approved"]
    assert {one["run_id"] for one in records} == {str(run)}
    assert {stage["state"] for stage in records[1]["stages"]} == {"cached"}
    moved = json.loads(place.run("history", "--json").stdout)["moves"]
    assert [(one["who"], one["action"]) for one in moved][-2:] == [("ann", "approved: version 2"), ("ann", "approve")]


@pytest.mark.thorough
def test_an_answer_by_the_command_line_lets_the_suspended_run_go_on(prefect, place):
    environ = deployed()
    run = run_deployment("retrain/nightly", parameters={"project_file": str(place.file)}, timeout=0).id
    work_once(environ, "first")
    told = place.run("reject", "--version", "2", "--reason", "not now", "--json", **environ)
    assert (told.returncode, json.loads(told.stdout)["warnings"]) == (0, []), told.stderr
    work_once(environ, "second")
    assert state_of(run)[0] == "Completed"
    assert aliases(place) == {"champion": "1"}
    assert "Rejected: by" in Path(json.loads(place.run("report", "--json").stdout)["report"]).read_text()


@pytest.mark.thorough
def test_a_run_that_nobody_answers_is_failed_and_its_candidate_rejected(place, tmp_path):
    place.settings(gates=PROJECT["gates"] | {"approval": "required", "approval_timeout": "0.05m"})
    (tmp_path / "prefect").mkdir()
    with prefect_server(tmp_path / "prefect"):
        environ = deployed()
        run = run_deployment("retrain/nightly", parameters={"project_file": str(place.file)}, timeout=0).id
        said = work_once(environ, "first")
        deadline = time.monotonic() + 60
        while state_of(run)[0] in {"Running", "Suspended"} and time.monotonic() < deadline:
            time.sleep(0.5)
        assert state_of(run) == ("Failed", "The flow was paused and never resumed."), said
    told = place.run("approve", "--version", "2", "--reason", "late")
    assert told.returncode == 1
    assert "waited for an answer from" in told.stderr
    assert aliases(place) == {"champion": "1"}
    assert "timed out: version 2" in place.run("history").stdout
