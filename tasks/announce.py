"""Announce: tell the Prefect server what happened, as an event that its automations can start something for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from rarecall.errors import StoreError, redacted
from rarecall.project import Project

BREACH = "rarecall.recall.breach"
LOOKED = "rarecall.monitor.looked"
EXPLAINED = "rarecall.breach.explained"


def has_server(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a Prefect server of the user's own is named."""
    return bool(environ.get("PREFECT_API_URL"))


def announce(project: Project, event: str, about: str, payload: dict[str, Any]) -> None:
    """Send one event, and return when the server has it.

    The library's own way hands an event to a thread that may die with the process before it has sent it.

    Parameters
    ----------
    project : Project
    event : str
        Such as `rarecall.recall.breach`.
    about : str
        The resource's id, such as `rarecall.trigger.1f0c`.
    payload : dict
        JSON-ready.

    Raises
    ------
    StoreError
        The server did not take it.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    told = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": event,
        "resource": {"prefect.resource.id": about, "rarecall.model": project.name},
        "payload": payload,
    }
    try:
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=[told]).raise_for_status()
    except (httpx.HTTPError, PrefectHTTPStatusError, RuntimeError) as error:
        said = redacted(str(error).strip().split("\n")[0])
        raise StoreError(
            f"the Prefect server of PREFECT_API_URL did not take the event {event}: {said}; it is sent again at the "
            "next look"
        ) from error
