"""A real Redis server of a test's own: on a free loopback port, in a temporary folder, with nothing kept."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotThere

PROGRAM = shutil.which("redis-server")
STARTS_WITHIN = 20.0  # seconds; it takes 0.1 on an idle machine


@contextmanager
def redis_server(folder: Path, *, password: str | None = None) -> Iterator[str]:
    """Yield the URL of a server that is ended with the block; without the program the test is skipped."""
    if PROGRAM is None:
        pytest.skip("redis-server is not installed: `make services` installs it")
    port = _free_port()
    options = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "appendonly": "no"}
    if password:
        options["requirepass"] = password
    command = [PROGRAM, *(str(part) for name, value in options.items() for part in (f"--{name}", value))]
    with (folder / "redis.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        user = f":{password}@" if password else ""
        url = f"redis://{user}127.0.0.1:{port}/0"
        _wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=STARTS_WITHIN)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_WITHIN
    with Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
            except NotThere:
                if server.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
