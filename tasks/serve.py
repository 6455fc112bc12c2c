"""Serve: the models that the aliases name, over HTTP, until told to stop."""

from __future__ import annotations

import ipaddress
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from tasks.ledger import ledger_url

if TYPE_CHECKING:
    from serving.features import FeatureReader
    from serving.keys import Keys
    from serving.server import Limits, Server

_SWITCH = 0.0005  # seconds until a thread lets another run: the log's writer and the shadows share with requests


def serve(
    project: Project, host: str, port: int, *, with_keys: bool = False, begun: Callable[[], None] | None = None
) -> None:
    """Answer requests until SIGINT or SIGTERM; what was begun is ended first.

    Parameters
    ----------
    project : Project
    host, port : str and int
    with_keys : bool
        Ask for API keys on a loopback address too.
    begun : callable, optional
        Called once the address is taken, before the first request is answered.

    Raises
    ------
    DataError
        The address can be reached from elsewhere, and there is no key yet.
    StoreError
        The prediction log cannot be opened, or the address cannot be taken.
    """
    import uvicorn

    from serving.app import create_app

    access = keys_of(project)
    if not is_loopback(host) and not access.all():
        raise DataError(
            f"--host {host} can be reached from elsewhere, so requests have to show a key and there is none yet; add "
            "one with: rarecall keys add NAME --scope predict"
        )
    needs_keys = with_keys or not is_loopback(host)
    taken = _taken(host, port)
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn ends what was begun, and raises the signal once more
        signal.signal(number, signal.SIG_IGN)
    sys.setswitchinterval(_SWITCH)
    config = uvicorn.Config(
        create_app(server_of(project, access if needs_keys else None)),
        access_log=False,  # what was answered stands in the prediction log, without headers
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=20,
        timeout_keep_alive=30,
    )
    if begun:
        begun()
    uvicorn.Server(config).run(sockets=[taken])


def _taken(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise StoreError(f"{host}:{port} cannot be taken: {error.strerror or error}; give another --port") from error


def server_of(project: Project, access: Keys | None = None, limits: Limits | None = None) -> Server:
    """Return the parts of a server, not started yet."""
    from monitoring.predictions import Log, url
    from serving.lookup import Lookup
    from serving.models import Models
    from serving.server import Limits, Server
    from tasks.metrics import families_of
    from tasks.weigh_canary import account_of, sentences

    def reader(service: str) -> FeatureReader:
        from serving.features import FeatureReader
        from tasks.feature_store import open_store

        store = open_store(project)
        return FeatureReader(store, store.get_feature_service(service))

    return Server(
        project=project,
        models=Models(project),
        log=Log(url(project)),
        ledger=ledger_url(project),
        lookup=Lookup(reader) if _has_features(project) else None,
        access=access,
        limits=limits or Limits(),
        evidence=lambda: sentences(account_of(project)),
        figures=lambda: families_of(project),
    )


def keys_of(project: Project) -> Keys:
    """Return the API keys of a project's home."""
    from serving.keys import Keys

    return Keys(Path(project.stores.home) / "serving")


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _has_features(project: Project) -> bool:
    """Return whether anything is online; opening Feast takes seconds and memory that nobody may want."""
    return project.stores.online is not None or (Path(project.stores.home) / "feast" / "online.sqlite").exists()
