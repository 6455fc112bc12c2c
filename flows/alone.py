"""One run at a time in a home, and nothing left behind by runs that were killed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from rarecall.errors import StoreError
from rarecall.project import Project
from tasks.shelf import warehouse

_SERVER = "prefect.server.api.server:create_app"


@contextmanager
def alone(project: Project) -> Iterator[None]:
    """Hold the home for one run: sweep what killed runs left, and let no second run begin.

    Raises
    ------
    StoreError
        Another run holds the home, or the home cannot be written.
    """
    home = Path(project.stores.home)
    lock = FileLock(home / "run.lock", timeout=0)
    try:
        home.mkdir(parents=True, exist_ok=True)  # a deployment's run comes here without the command line
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"another run holds {home}; wait until it has ended, or give this one another --home"
        ) from None
    except OSError as error:
        raise StoreError(f"{home} cannot be written: {error.strerror}; give another folder with --home") from error
    try:
        record = home / "prefect" / "server.pid"
        _end_orphan(record)
        warehouse(project).sweep()
        _record_server(record)
        yield
    finally:
        lock.release()


def _record_server(record: Path) -> None:
    for child in psutil.Process(os.getpid()).children():
        with suppress(psutil.Error):
            if _SERVER in child.cmdline():
                record.parent.mkdir(parents=True, exist_ok=True)
                record.write_text(f"{child.pid} {os.getpid()}")


def _end_orphan(record: Path) -> None:
    """End the temporary Prefect server of a run that was killed.

    The number alone is no proof, its command is. A program that goes on after its run keeps its server: whose parent
    died has another one.
    """
    with suppress(FileNotFoundError, ValueError, psutil.Error):
        number, owner = map(int, record.read_text().split())
        server = psutil.Process(number)
        if _SERVER in server.cmdline() and server.ppid() != owner:
            server.terminate()
    record.unlink(missing_ok=True)
