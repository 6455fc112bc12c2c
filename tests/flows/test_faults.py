"""SIGKILL in every stage: the next run finishes, reads nothing half-written, and registers one version."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient
from places import RARECALL, Place

from rarecall.warehouse import Warehouse

KINDS = [
    "snapshots",
    "verdicts",
    "feature_views",
    "training_sets",
    "label_verdicts",
    "splits",
    "datasets",
    "inspections",
    "feast_datasets",
    "sketches",
    "models",
    "evaluations",
    "explanations",
    "decisions",
    "registrations",
    "references",
]


def kill_in_stage(place: Place, kind: str, *, after: float) -> bool:
    """Start a retrain, wait until the stage writes its draft, let it go on a little, and kill it; was it in time?"""
    shelf = place.home / "warehouse" / kind
    with (place.folder / "killed.log").open("w") as log:
        run = subprocess.Popen([RARECALL, "retrain", "--json"], cwd=place.folder, stdout=log, stderr=log)
        wait_for_draft(run, shelf)
        time.sleep(after)
        os.kill(run.pid, signal.SIGKILL)
        return run.wait() == -signal.SIGKILL


def wait_for_draft(run: subprocess.Popen, shelf: Path) -> None:
    """Wait until a stage writes its draft, or the run has ended."""
    deadline = time.monotonic() + 180
    while run.poll() is None and time.monotonic() < deadline and not any(shelf.glob(".partial-*")):
        time.sleep(0.002)


def one_whole_run(place: Place) -> None:
    done = place.run("retrain", "--json", apart=True)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    shelf = Warehouse(place.home / "warehouse")
    for kind in KINDS:
        versions = shelf.versions(kind)
        assert len(versions) == 1, kind
        shelf.verify(versions[0])
    assert not list((place.home / "warehouse").glob("*/.partial-*"))
    client = MlflowClient(tracking_uri=f"sqlite:///{place.home / 'mlflow' / 'mlflow.db'}")
    assert [str(version.version) for version in client.search_model_versions("name = 'payments'")] == ["1"]
    assert len(client.search_runs([client.get_experiment_by_name("payments").experiment_id])) == 1
    assert record["aliases"] == ["champion"]
    assert client.get_model_version_by_alias("payments", "champion").tags["rarecall.decision"] == "promote"


@pytest.mark.faults
def test_killed_while_it_registers(place):
    """Where it hurts most: between a model version's parts."""
    assert kill_in_stage(place, "registrations", after=0.1)
    one_whole_run(place)


@pytest.mark.faults
@pytest.mark.parametrize("after", [0.0, 0.05, 0.3])
def test_killed_in_every_stage_one_after_another(place, after):
    killed = [kill_in_stage(place, kind, after=after) for kind in KINDS]
    assert sum(killed) >= len(KINDS) - 4, "most stages last long enough to be killed in"
    one_whole_run(place)


@pytest.mark.faults
def test_interrupted_it_stops_at_once_says_so_and_leaves_no_process(place):
    """A terminal's Ctrl-C: the whole process group gets it, Prefect's temporary server too."""
    with (place.folder / "said.log").open("w") as log:
        run = subprocess.Popen([RARECALL, "retrain"], cwd=place.folder, stdout=log, stderr=log, start_new_session=True)
        wait_for_draft(run, place.home / "warehouse" / "label_verdicts")
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(timeout=20) == 130
    said = (place.folder / "said.log").read_text()
    assert "the next run goes on where this one stopped" in said
    assert "Traceback" not in said
    for _ in range(100):  # the server takes a moment to end
        if not psutil.pid_exists(int((place.home / "prefect" / "server.pid").read_text().split()[0])):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the temporary Prefect server is still there")
