"""The temporary server is begun early, and only where there is none of one's own."""

import os
import subprocess
import sys

import psutil
import pytest

from flows import server

EARLY = """
import os, sys, urllib.request
from pathlib import Path
from flows.environment import configure
configure(os.environ, Path(sys.argv[1]))
from flows import server
wait = server.begin()
wait()
from prefect.server.api.server import SubprocessASGIServer
begun = SubprocessASGIServer()
pid = begun.server_process.pid
print(urllib.request.urlopen(begun.api_url + "/health").status)
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    assert str(client.api_url).startswith(begun.api_url), client.api_url
print(SubprocessASGIServer().server_process.pid == pid)
"""


def test_a_server_of_ones_own_is_taken():
    from prefect.settings import PREFECT_API_URL, temporary_settings

    before = psutil.Process().children()
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        server.begin()()
    assert psutil.Process().children() == before


@pytest.mark.thorough
def test_the_one_that_is_begun_is_the_one_that_a_flow_uses(tmp_path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    done = subprocess.run(
        [sys.executable, "-c", EARLY, str(tmp_path)], env=environ, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["200", "True"], done.stderr
