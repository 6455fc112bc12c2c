"""A real Alertmanager takes what is alike for one, and keeps quiet about what another alert explains."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

CONFIG = Path(__file__).parents[2] / "infra" / "prometheus" / "alertmanager.yml"
PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Alertmanager is not installed: `make services` installs it")


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory):
    """Yield the address of its API; its receivers lead nowhere on this machine."""
    folder = tmp_path_factory.mktemp("alertmanager")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    asked = [PROGRAM, f"--config.file={CONFIG}", f"--storage.path={folder}", f"--web.listen-address=127.0.0.1:{port}",
             "--cluster.listen-address=", "--log.level=error"]  # fmt: skip
    process = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not ready(f"http://127.0.0.1:{port}/-/ready"):
            assert time.monotonic() < end
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/api/v2"
    finally:
        process.terminate()
        process.wait(timeout=60)


def ready(url) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def alert(project, name, severity, **labels):
    return {"labels": {"alertname": name, "severity": severity, "project": project, **labels}}


NORTH = {"slo": "recall", "cohort": "region", "value": "north"}
ALL = {"slo": "recall", "cohort": "all", "value": "all"}


def told(alertmanager, project, *alerts):
    """Send alerts and return (name, cohort) of those that are sent on, and of those that are not."""
    for one in alerts:
        assert httpx.post(f"{alertmanager}/alerts", json=[one]).status_code == 200
    end = time.monotonic() + 30
    wanted = {tuple(sorted(one["labels"].items())) for one in alerts}
    while True:
        found = httpx.get(f"{alertmanager}/alerts", params={"filter": f'project="{project}"'}).json()
        if {tuple(sorted(one["labels"].items())) for one in found} == wanted and all(
            one["status"]["state"] != "unprocessed" for one in found
        ):
            break
        assert time.monotonic() < end
        time.sleep(0.1)
    named = {(one["labels"]["alertname"], one["labels"].get("cohort"), one["labels"]["severity"]): one for one in found}
    assert len(named) == len(found), "alerts with the same labels are one"
    quiet = {name for name, one in named.items() if one["status"]["inhibitedBy"]}
    return set(named) - quiet, quiet


def test_two_servers_that_tell_the_same_are_one_alert(alertmanager):
    breach = alert("twice", "RarecallRecallBreach", "page", **NORTH, window="7d")
    assert told(alertmanager, "twice", breach, breach) == ({("RarecallRecallBreach", "region", "page")}, set())


def test_a_breach_explains_its_burn_and_the_whole_its_cohorts(alertmanager):
    sent, quiet = told(
        alertmanager, "breached",
        alert("breached", "RarecallRecallBreach", "page", **ALL, window="7d"),
        alert("breached", "RarecallRecallBreach", "page", **NORTH, window="7d"),
        alert("breached", "RarecallRecallBurn", "page", **ALL, window="2h"),
        alert("breached", "RarecallRecallBurn", "ticket", **NORTH, window="7d"),
        alert("breached", "RarecallNoisyLabels", "ticket"),
    )  # fmt: skip
    assert sent == {("RarecallRecallBreach", "all", "page"), ("RarecallNoisyLabels", None, "ticket")}
    assert len(quiet) == 3


def test_a_page_spares_the_ticket_of_its_budget_and_of_no_other(alertmanager):
    sent, quiet = told(
        alertmanager, "burning",
        alert("burning", "RarecallAvailabilityBurn", "page", slo="availability", window="1h"),
        alert("burning", "RarecallAvailabilityBurn", "ticket", slo="availability", window="3d"),
        alert("burning", "RarecallLatencyBurn", "ticket", slo="latency", window="3d"),
    )  # fmt: skip
    assert sent == {("RarecallAvailabilityBurn", None, "page"), ("RarecallLatencyBurn", None, "ticket")}
    assert quiet == {("RarecallAvailabilityBurn", None, "ticket")}


def test_a_silent_server_explains_its_requests_and_not_those_of_another_project(alertmanager):
    slow = alert("elsewhere", "RarecallLatencyBurn", "page", slo="latency", window="1h")
    sent, quiet = told(
        alertmanager, "silent",
        alert("silent", "RarecallServerSilent", "page", slo="availability"),
        alert("silent", "RarecallLatencyBurn", "page", slo="latency", window="1h"),
    )  # fmt: skip
    assert sent == {("RarecallServerSilent", None, "page")}
    assert quiet == {("RarecallLatencyBurn", None, "page")}
    assert told(alertmanager, "elsewhere", slow) == ({("RarecallLatencyBurn", None, "page")}, set())
