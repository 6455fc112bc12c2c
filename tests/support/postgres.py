"""A real PostgreSQL of a test session: in a temporary folder, on a free loopback port, ended by its own id."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

_USER = "rarecall"


@contextmanager
def postgres() -> Iterator[str]:
    """Yield the SQLAlchemy URL of a new, empty server; skip where PostgreSQL or its driver is not installed."""
    programs = {name: _program(name) for name in ("initdb", "postgres", "pg_isready")}
    if missing := [name for name, path in programs.items() if path is None]:
        pytest.skip(f"PostgreSQL's {missing[0]} is not on this machine")
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed; it comes with rarecall[postgres]")
    folder = Path(tempfile.mkdtemp(prefix="rarecall-postgres-"))
    try:
        as_user = _unprivileged(folder)
        data, port = folder / "data", _free_port()
        create = [programs["initdb"], "-D", data, "-U", _USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        subprocess.run(create, check=True, capture_output=True, **as_user)
        settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off")
        options = [part for setting in settings for part in ("-c", setting)]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen([programs["postgres"], "-D", data, *options], **silent, **as_user)
        try:
            ready = [programs["pg_isready"], "-h", "127.0.0.1", "-p", str(port), "-q"]
            _until(ready, server)
            yield f"postgresql+psycopg://{_USER}@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown: it ends the sessions that are left
            server.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str | None:
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, homes)]))


def _unprivileged(folder: Path) -> dict[str, int]:
    """Return who runs the server: PostgreSQL refuses root, and then the folder is another user's."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, user.pw_uid, user.pw_gid)
        return {"user": user.pw_uid, "group": user.pw_gid, "cwd": str(folder)}
    pytest.skip("PostgreSQL refuses root, and there is no user postgres or nobody to run it as")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(ready: list, server: subprocess.Popen) -> None:
    for _ in range(200):
        if server.poll() is not None:
            break
        if subprocess.run(ready, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not answer within 20 s; its exit code is {server.poll()}")
