"""Look over what a project stands on: versions, its file, disk, clock, stores, ports; nothing is made or changed."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from rarecall.checkup import Check, faulty, well, worst
from rarecall.errors import RarecallError, redacted
from rarecall.project import Project
from tasks.ledger import ledger_url, open_project_ledger
from tasks.preflight import preflight

PORTS = {"rarecall serve": 8000, "prefect server": 4200, "mlflow server": 5000}
"""The ports that are taken by default by what a project may start."""

_OLDEST = (3, 11)
_LITTLE, _NONE = 2_000_000_000, 16_000_000  # bytes: of a million rows each run leaves some hundred megabytes
_AHEAD = 5.0  # seconds by which a written moment may lie ahead of this machine's clock
_WAIT = 2.0  # seconds to knock at a port


def examine(project: Project, *, deep: bool = False, ports: Sequence[int] | None = None) -> dict[str, Any]:
    """Return what was looked at and how it is, JSON-ready.

    Parameters
    ----------
    project : Project
    deep : bool
        Read every file and row for what the architecture promises, too: minutes on a large home.
    ports : sequence of int, optional
        Others than the usual ones.

    Returns
    -------
    dict
        `project`, `home`, `state` (the worst: well, warning or fault) and `checks`.
    """
    checks = list(_shallow(project, ports))
    if deep:
        from tasks.invariants import examine as hold

        checks += hold(project)
    return {
        "project": project.name,
        "home": project.stores.home,
        "state": worst(checks),
        "checks": [one.as_dict() for one in checks],
    }


def tried(name: str, look: Callable[[], Check], mend: str) -> Check:
    """Return what a look found; that it could not look is a fault."""
    try:
        return look()
    except RarecallError as error:
        return Check(name, "fault", str(error).splitlines()[0], mend)
    except Exception as error:  # noqa: BLE001 - a store may raise anything, and the other checks are worth having
        said = redacted(str(error)).strip().splitlines()
        return Check(name, "fault", f"{type(error).__name__}: {said[0] if said else ''}", mend)


def _shallow(project: Project, ports: Sequence[int] | None) -> Iterator[Check]:
    yield _versions()
    yield tried("source", lambda: _source(project), "give the project a source that is there")
    yield _disk(Path(project.stores.home))
    yield tried("ledger", lambda: _ledger(project), "restore it from a copy: docs/runbooks/restore.md")
    yield tried("clock", lambda: _clock(project), "set this machine's clock by a time server")
    yield tried("registry", lambda: _registry(project), "start MLflow's server, or mend stores.mlflow")
    yield tried("predictions", lambda: _predictions(project), "start its database, or mend stores.predictions")
    if project.stores.online:
        yield tried("online store", lambda: _online(str(project.stores.online)), "start Redis, or mend stores.online")
    if address := os.environ.get("PREFECT_API_URL"):
        yield tried("prefect", lambda: _prefect(address), "start it with: prefect server start")
    named = PORTS if ports is None else {f"port {one}": one for one in ports}
    yield from (_port(name, number) for name, number in named.items())


def _versions() -> Check:
    """Hold what is installed against what the package asks for."""
    wrong = [] if sys.version_info >= _OLDEST else [f"Python {sys.version.split()[0]}, asked for 3.11 or later"]
    asked = [Requirement(one) for one in metadata.requires("rarecall") or []]
    needed = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    for one in needed:
        try:
            installed = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{one.name} is not installed, asked for {one.specifier}")
            continue
        if not one.specifier.contains(installed, prereleases=True):
            wrong.append(f"{one.name} {installed}, asked for {one.specifier}")
    said = (
        f"rarecall {metadata.version('rarecall')}, Python {sys.version.split()[0]}, {len(needed)} libraries as pinned"
    )
    return faulty("versions", wrong, said, "install by the lock: pip install -r requirements/base.txt")


def _source(project: Project) -> Check:
    preflight(project)
    named = project.source.path or ("a query" if project.source.query else "deliveries")
    return well("source", redacted(str(named)))


def _disk(home: Path) -> Check:
    there = next(folder for folder in (home, *home.absolute().parents) if folder.exists())
    free, may = shutil.disk_usage(there).free, os.access(there, os.W_OK | os.X_OK)
    said = f"{free / 1e9:.1f} GB free under {home}"
    if not may:
        return Check("disk", "fault", f"{there} cannot be written by this user", "give another folder with --home")
    if free < _NONE:
        return Check("disk", "fault", said, "free some space: rarecall datasets gc shows what may go")
    if free < _LITTLE:
        return Check("disk", "warning", said, "rarecall datasets gc shows what may go")
    return well("disk", said)


def _ledger(project: Project) -> Check:
    url = ledger_url(project)
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return well("ledger", "none yet: nothing has been decided")
    found = open_project_ledger(project).verify()
    mend = "restore it from a copy: docs/runbooks/restore.md"
    return faulty("ledger", found.faults, f"{found.entries} entries, the chain holds", mend)


def _clock(project: Project) -> Check:
    """Hold this machine's clock against the moments that are written, and against its own steady one."""
    before, steady = time.time(), time.monotonic()
    url = ledger_url(project)
    is_there = not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).exists()
    entries = open_project_ledger(project).entries() if is_there else ()
    drifted = abs((time.time() - before) - (time.monotonic() - steady))
    ahead = (entries[-1].at - datetime.now(UTC)).total_seconds() if entries else 0.0
    wrong = [f"the ledger's last entry lies {ahead:,.0f} s ahead of this machine's clock"] if ahead > _AHEAD else []
    wrong += [f"the clock was set by {drifted:,.0f} s while this looked at it"] if drifted > _AHEAD else []
    return faulty(
        "clock", wrong, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z", "set this machine's clock by a time server"
    )


def _registry(project: Project) -> Check:
    from serving import registry

    if not registry.exists(project):
        return well("registry", "none yet: nothing has been trained")
    found = registry.registered(registry.connect(project), project.name)
    stand = registry.governed(found) if found else {}
    said = ", ".join(f"{alias} {number}" for alias, number in sorted(stand.items())) or "no alias stands"
    return well("registry", said)


def _predictions(project: Project) -> Check:
    from monitoring.prediction_faults import count
    from monitoring.predictions import url

    address = url(project)
    if address.startswith("sqlite:///") and not Path(address.removeprefix("sqlite:///")).exists():
        return well("predictions", "none yet: nothing has been answered")
    many = count(address)
    return well("predictions", "none yet: nothing has been answered" if many is None else f"{many:,} answers")


def _online(url: str) -> Check:
    import redis

    with redis.from_url(url, socket_connect_timeout=_WAIT, socket_timeout=_WAIT) as client:
        client.ping()
    return well("online store", redacted(url))


def _prefect(address: str) -> Check:
    import httpx

    httpx.get(f"{address.rstrip('/')}/health", timeout=_WAIT).raise_for_status()
    return well("prefect", redacted(address))


def _port(name: str, number: int) -> Check:
    with socket.socket() as knocking:
        knocking.settimeout(_WAIT)
        taken = knocking.connect_ex(("127.0.0.1", number)) == 0
    if taken:
        return Check(f"port {number}", "warning", "something answers there", f"for {name} choose another, or stop it")
    return well(f"port {number}", f"free for {name}")
