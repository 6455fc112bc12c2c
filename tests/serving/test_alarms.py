"""A real Prometheus scrapes a real server: what was missed is told by an alert, and a healthy one by none."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml
from places import RARECALL, placed
from served import fitted, register, stand

from monitoring.predictions import Log, Prediction, url
from rarecall.project import load

PROMETHEUS = shutil.which("prometheus")
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed: `make services` installs it"),
]
GRAFANA = Path(__file__).parents[2] / "infra" / "grafana"


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def until(asked, seconds=120):
    """Return what is asked for once it is there."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := asked():
                return found
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.3)


@pytest.fixture
def served(tmp_path, payments):
    """A champion behind `rarecall serve`, its project and its address."""
    (tmp_path / "place").mkdir()
    place = placed(tmp_path / "place", payments.head(10), gates={"minority_recall": 0.9})
    project = load(place.file, {})
    register(project, fitted())
    stand(project, champion="1")
    port = free_port()
    process = subprocess.Popen([RARECALL, "serve", "--port", str(port), "--json"], cwd=place.folder)
    try:
        at = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{at}/readyz").status_code == 200)
        yield place, project, at
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture
def prometheus(served, tmp_path):
    """Yield the address of a Prometheus that scrapes the server and reads the project's own rules."""
    place, project, at = served
    assert place.run("slo", "--rules", str(tmp_path / "rules.yml")).returncode == 0
    rules = yaml.safe_load((tmp_path / "rules.yml").read_text())
    for group in rules["groups"]:
        group["interval"] = "1s"  # half a minute is for people
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    target = {"targets": [at.removeprefix("http://")], "labels": {"project": project.name}}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "rarecall", "static_configs": [target]}],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    asked = [
        PROMETHEUS, f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
    ]  # fmt: skip
    process = subprocess.Popen(asked)
    try:
        yield f"http://127.0.0.1:{port}/api/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)


def query(prometheus, asked):
    """Return the series that an expression has now."""
    told = httpx.get(f"{prometheus}/query", params={"query": asked}).json()
    assert told["status"] == "success", asked
    return told["data"]["result"]


def firing(prometheus):
    """Return the alerts that fire, by name, cohort value and window."""
    told = httpx.get(f"{prometheus}/alerts").json()["data"]["alerts"]
    return {
        (one["labels"]["alertname"], one["labels"].get("value"), one["labels"].get("window"))
        for one in told
        if one["state"] == "firing"
    }


def test_a_recall_that_fell_rings_for_its_cohort_and_every_panel_has_its_figure(served, prometheus):
    _, project, at = served
    until(lambda: query(prometheus, 'rarecall_slo_objective{slo="recall"}'))
    for _ in range(3):
        row = {"entity": "p1", "features": {"amount": 300.0, "hour": 3, "region": "atlantis"}}
        assert httpx.post(f"{at}/predict", json=row).status_code == 200
    until(lambda: query(prometheus, "rarecall:slo_availability_burn:ratio1h"))
    assert firing(prometheus) == set()
    now = datetime.now(UTC)
    rows = [
        Prediction(f"{region}{n}", now, "e", "champion", 1, "d", 0.9, n < hits, {"region": region})
        for region, hits in (("north", 10), ("south", 60))
        for n in range(60)
    ]
    with Log(url(project)) as log:
        asyncio.run(log.write(rows))
    sent = httpx.post(f"{at}/labels", json={"labels": [{"id": one.id, "truth": 1} for one in rows]})
    assert sent.json()["new"] == 120
    breach, burn = "RarecallRecallBreach", "RarecallRecallBurn"
    north = {(breach, "north", "7d"), (burn, "north", "1h"), (burn, "north", "7d")}
    until(lambda: north <= firing(prometheus))
    assert {value for _, value, _ in firing(prometheus)} == {"north", "all"}
    silent = []
    for file in GRAFANA.glob("*.json"):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", ()):
                asked = target["expr"].replace("$project", project.name)
                if not query(prometheus, asked):
                    silent.append(panel["title"])
    # A home without a retrain has no record of one, and this project counts no costs.
    assert sorted(set(silent)) == [
        "Business cost", "Drifted columns", "Feature shifts", "Label noise", "Last retrain", "Neighbour distances",
        "Retrains that came to their end", "Synthetic rows by region", "Synthetic share", "Train-test gap",
    ]  # fmt: skip
