"""Take down what is up in a home, also where the supervisor that watched it was killed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

STATE = "up.json"
"""Of a home: who runs, by number and time of birth."""

_GRACE = 20.0  # seconds from the wish to the order to stop, for each


def take_down(home: Path) -> list[str]:
    """Stop what is up in a home, and return the names of what was stopped; empty where nothing was.

    The supervisor is asked and stops its children; where it is gone, what it left is stopped.
    """
    try:
        known = json.loads((home / STATE).read_text())
    except (FileNotFoundError, ValueError):
        return []
    supervisor, stopped = _process(known["supervisor"]), []
    left = {name: found for name, who in known["children"].items() if (found := _process(who))}
    if supervisor:
        supervisor.terminate()
        with suppress(psutil.TimeoutExpired):
            supervisor.wait(timeout=_GRACE * (len(left) + 1))
        stopped = ["supervisor", *left]
    for name, process in left.items():
        if process.is_running():
            _stop_tree(process)
            stopped += [] if name in stopped else [name]
    (home / STATE).unlink(missing_ok=True)
    return stopped


def who_is(pid: int) -> dict[str, Any]:
    """Return what tells a process from a later one of the same number, JSON-ready."""
    try:
        return {"pid": pid, "created": psutil.Process(pid).create_time()}
    except psutil.Error:
        return {"pid": pid, "created": None}


def _process(who: Mapping[str, Any]) -> psutil.Process | None:
    """Return the process that was meant, if it still runs: not another one that has its number now."""
    with suppress(psutil.Error):
        found = psutil.Process(int(who["pid"]))
        if who["created"] is not None and abs(found.create_time() - float(who["created"])) < 1:
            return found
    return None


def _stop_tree(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        tree = [process, *process.children(recursive=True)]
        for one in tree:
            with suppress(psutil.Error):
                one.terminate()
        for one in psutil.wait_procs(tree, timeout=_GRACE)[1]:
            with suppress(psutil.Error):
                one.kill()
