"""Prefect's temporary server, on its way up while everything else is imported."""

from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.server.api.server import SubprocessASGIServer


def begin() -> Callable[[], None]:
    """Start the server that Prefect would start at a flow's beginning, and return what waits until it is up.

    With a server of one's own (`PREFECT_API_URL`) nothing is started. Where the start fails, the flow tries itself, and
    says why.
    """
    from prefect.settings import PREFECT_API_URL

    if PREFECT_API_URL.value() is not None:
        return lambda: None
    from prefect.server.api.server import SubprocessASGIServer

    starting = Thread(target=_start, args=[SubprocessASGIServer()], daemon=True)
    starting.start()
    return starting.join


def _start(server: "SubprocessASGIServer") -> None:
    with suppress(Exception):
        server.start()
