"""A game day: one scenario on a stack of its own, in a temporary home that is kept where the chain did not hold."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.environment import configure
from rarecall.errors import DataError


def gameday(
    name: str, *, output: Path, home: Path | None = None, say: Callable[[str], None], with_prefect: bool = True
) -> dict[str, Any]:
    """Play a scenario and return what was seen, with its page.

    Parameters
    ----------
    name : str
        Of the scenario.
    output : Path
        The folder of the page.
    home : Path, optional
        Where the stack keeps everything, an empty folder or none yet; by default a temporary one.
    say : callable
        Told a sentence for each thing that happens.
    with_prefect : bool
        Whether a Prefect server and a worker are part of the stack; else the monitor runs its retrain itself.

    Returns
    -------
    dict
        As of `tasks.gameday.play.play`; `home`, where it was kept, or None.

    Raises
    ------
    DataError
        There is no such scenario, or the home holds something.
    StoreError
        The stack did not come up.
    """
    from tasks.gameday.scenarios import scenario

    chosen = scenario(name)
    if home and home.exists() and any(home.iterdir()):
        raise DataError(f"--home: expected an empty folder, or none yet, got {home}; a game day begins with nothing")
    folder = Path(tempfile.mkdtemp(prefix="rarecall-gameday-")) if home is None else home.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    configure(os.environ, folder)
    from tasks.gameday.play import play

    held = False
    try:
        found = play(chosen, folder, output, say=say, with_prefect=with_prefect)
        held = found["held"]
    finally:
        is_kept = home is not None or not held
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)
    return found | {"home": str(folder) if is_kept else None}


def replace(folder: Path) -> None:
    """Remove a stack's folder that a game day has left; another one's is refused.

    Raises
    ------
    DataError
        The folder holds what is no game day's.
    """
    from tasks.gameday.stage import is_own
    from tasks.take_down import take_down

    if not folder.exists() or not any(folder.iterdir()):
        return
    if not is_own(folder):
        raise DataError(f"--home: expected a demo's folder, or none yet, got {folder}, which holds something else")
    take_down(folder)
    shutil.rmtree(folder)


def listed() -> dict[str, Any]:
    """Return the scenarios there are, with a line on each."""
    from tasks.gameday.scenarios import SCENARIOS

    return {"scenarios": [{"scenario": one.name, "says": one.says} for one in SCENARIOS.values()]}
