"""An answer that was given is in the log, also when the server is killed under load."""

import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import httpx
import pytest
import yaml
from places import RARECALL
from served import features, project_in, register, stand

ASKING = 8


@pytest.mark.faults
def test_no_answer_that_was_given_is_lost_to_sigkill(tmp_path, small_models):
    project = project_in(tmp_path / "home")
    register(project, small_models[0])
    stand(project, champion="1")
    told = project.model_dump(mode="json", include={"name", "source", "entity", "label", "cohorts"}, exclude_none=True)
    told["label"] = {"column": "is_fraud", "positive": 1}
    told["source"] = {"path": "payments.csv.gz"}
    (tmp_path / "rarecall.yaml").write_text(yaml.safe_dump(told))
    answered: list[str] = []
    for _ in range(2):
        answered += killed_under_load(tmp_path, after=1.5)
    assert len(answered) > 100
    with sqlite3.connect(tmp_path / "home" / "predictions/payments.db") as opened:
        there = {row[0] for row in opened.execute("SELECT id FROM predictions")}
    assert set(answered) <= there


def killed_under_load(folder, *, after: float) -> list[str]:
    """Serve, ask with several clients at once, kill the server, and return the ids that came back."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    command = [RARECALL, "serve", folder, "--home", folder / "home", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    at = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if httpx.get(f"{at}/readyz").status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.1)
    ids: list[str] = []

    def ask(number: int) -> None:
        with httpx.Client() as client:
            while True:
                try:
                    answer = client.post(f"{at}/predict", json={"entity": number, "features": features()})
                except httpx.TransportError:
                    return
                assert answer.status_code == 200
                ids.append(answer.json()["id"])

    asking = [threading.Thread(target=ask, args=(number,)) for number in range(ASKING)]
    for one in asking:
        one.start()
    time.sleep(after)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for one in asking:
        one.join()
    return ids
