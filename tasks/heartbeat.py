"""The monitor's heartbeat: when it looked last, and whether it came to its end. One that stops is an alarm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from monitoring.figures import Seen
from rarecall.errors import StoreError
from rarecall.project import Project


@dataclass
class Beat:
    """A look that goes on.

    Attributes
    ----------
    fault : str or None
        What was wrong with the look before: it did not end, or is too long ago.
    seen : dict
        What this look holds, once it holds it: `findings` and `alarms`, for the metrics.
    """

    fault: str | None
    seen: dict[str, Any]


@contextmanager
def beating(project: Project) -> Iterator[Beat]:
    """Write down that a look began, and when the block is left without an error that it ended and what it saw.

    While a look goes on, or after one that failed, what the last whole one saw stands.

    Raises
    ------
    StoreError
        Another monitor looks right now, or the home cannot be written.
    """
    file = _file(project)
    lock = FileLock(file.with_suffix(".lock"), timeout=0)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise StoreError(f"another monitor of {project.name} is looking right now; wait until it has ended") from None
    except OSError as error:
        raise StoreError(f"{file.parent} cannot be written: {error.strerror}; give another home with --home") from error
    try:
        before, now = last_look(project), datetime.now(UTC)
        beat = Beat(fault=_fault(project, before, now), seen={})
        _write(file, {"began": now.isoformat(), "ended": None, "whole": (before or {}).get("whole")})
        yield beat
        ended = datetime.now(UTC).isoformat()
        _write(file, {"began": now.isoformat(), "ended": ended, "whole": {"ended": ended, **beat.seen}})
    finally:
        lock.release()


def last_look(project: Project) -> dict[str, Any] | None:
    """Return when the monitor's last look `began` and `ended`, in ISO 8601, and what the last `whole` one saw.

    None where there was none.
    """
    with suppress(FileNotFoundError, ValueError):
        found: dict[str, Any] = json.loads(_file(project).read_text(encoding="utf-8"))
        return found
    return None


def seen(project: Project) -> Seen | None:
    """Return what the last look that came to its end saw, for the metrics; None where there was none."""
    whole = (last_look(project) or {}).get("whole")
    if not whole:
        return None
    return Seen(
        ended=datetime.fromisoformat(whole["ended"]),
        breaches={(one["cohort"], one["value"], one["against"]): one["breach"] for one in whole["findings"]},
        alarms=tuple(whole["alarms"]),
    )


def _fault(project: Project, before: dict[str, Any] | None, now: datetime) -> str | None:
    if before is None:
        return None
    if before["ended"] is None:
        return f"the look that began at {before['began'][:16]}Z did not come to its end"
    late = now - datetime.fromisoformat(before["ended"])
    if late > project.triggers.monitor_late:
        return f"nobody looked from {before['ended'][:16]}Z to {now:%Y-%m-%dT%H:%M}Z"
    return None


def _write(file: Path, said: dict[str, Any]) -> None:
    aside = file.with_suffix(".partial")
    try:
        aside.write_text(json.dumps(said), encoding="utf-8")
        aside.replace(file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}; mend that and look again") from error


def _file(project: Project) -> Path:
    return Path(project.stores.home) / "monitor" / f"{project.name}.json"
