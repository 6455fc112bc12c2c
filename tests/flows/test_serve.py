"""`rarecall serve` and `rarecall keys` through the console script."""

import json
import signal
import socket
import subprocess
import time

import httpx
import pytest
from places import RARECALL, Place, placed
from served import features, fitted, register, stand

from rarecall.project import load


@pytest.fixture(scope="module")
def place(tmp_path_factory, payments) -> Place:
    """A home whose champion takes three features."""
    place = placed(tmp_path_factory.mktemp("serve"), payments.head(10))
    project = load(place.file, {})
    register(project, fitted())
    stand(project, champion="1")
    return place


def test_a_server_answers_until_it_is_told_to_stop_and_then_ends_well(place):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    command = [RARECALL, "serve", "--port", str(port), "--json"]
    process = subprocess.Popen(command, cwd=place.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        told = json.loads(process.stdout.readline())
        assert told == {"project": "payments", "url": f"http://127.0.0.1:{port}"}
        end = time.monotonic() + 60
        while not answers(f"{told['url']}/readyz"):
            assert time.monotonic() < end
            time.sleep(0.1)
        answer = httpx.post(f"{told['url']}/predict", json={"entity": "p1", "features": features()})
        assert answer.json()["version"] == 1
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "", "")


def answers(url) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_keys_are_added_listed_and_revoked(place):
    added = json.loads(place.run("keys", "add", "shop", "--scope", "predict", "--scope", "labels", "--json").stdout)
    assert (added["name"], added["scopes"], added["key"][:4]) == ("shop", ["predict", "labels"], "rck_")
    listed = place.run("keys", "list", "--json").stdout
    assert [(one["name"], one["scopes"]) for one in json.loads(listed)["keys"]] == [("shop", ["predict", "labels"])]
    assert added["key"] not in listed
    assert json.loads(place.run("keys", "revoke", "shop", "--json").stdout) == {"revoked": "shop"}
    again = place.run("keys", "revoke", "shop")
    assert (again.returncode, again.stderr.strip()) == (1, "rarecall: there is no key 'shop'")


def test_an_address_that_others_reach_is_refused_without_a_key(place):
    done = place.run("serve", "--host", "0.0.0.0")  # noqa: S104 - it is refused
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "rarecall keys add NAME --scope predict" in done.stderr
