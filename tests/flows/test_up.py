"""The whole stack on one machine: up by one command, whole again after a death, down by another."""

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack

import httpx
import psutil
import pytest
from places import RARECALL


def free_ports(count):
    with ExitStack() as held:
        return [held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


def answers(url):
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def until(asked, seconds):
    end = time.monotonic() + seconds
    while not asked():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.5)


@pytest.mark.thorough
def test_the_stack_is_up_mends_itself_and_goes_down(retrained):
    place, _ = retrained
    prefect, mlflow, router = free_ports(3)
    ports = ["--prefect-port", str(prefect), "--mlflow-port", str(mlflow), "--router-port", str(router)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    up = subprocess.Popen(
        [RARECALL, "up", place.folder, "--json", *ports], env=environ, stdout=subprocess.PIPE, text=True
    )
    try:
        said = json.loads(up.stdout.readline())
        assert said["router"] == f"http://127.0.0.1:{router}"
        assert answers(f"{said['prefect']}/api/health")
        assert answers(f"{said['mlflow']}/health")
        known = json.loads((place.home / "up.json").read_text())["children"]
        assert list(known) == ["prefect", "worker", "mlflow", "router"]
        for name in ("router", "mlflow"):
            os.kill(known[name]["pid"], signal.SIGKILL)
        until(lambda: answers(f"{said['router']}/readyz"), 90)
        until(lambda: answers(f"{said['mlflow']}/health"), 90)
        children = psutil.Process(up.pid).children(recursive=True)
        down = subprocess.run(
            [RARECALL, "down", place.folder, "--json"], env=environ, capture_output=True, text=True, check=True
        )
        assert json.loads(down.stdout)["stopped"] == ["supervisor", "prefect", "worker", "mlflow", "router"]
        assert up.wait(60) == 0
        assert psutil.wait_procs(children, timeout=10)[1] == []
    finally:
        up.kill()
        up.wait()
        up.stdout.close()
