"""What every command shares: its arguments, the project made ready, and the answer for people or programs."""

import getpass
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console

ProjectFile = Annotated[Path, typer.Argument(metavar="[PROJECT]", help="rarecall.yaml, or the folder that holds it.")]
Home = Annotated[str | None, typer.Option("--home", help="Where everything is kept; by default what the project says.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def prepare(project: Path, home: str | None) -> Any:
    """Read the project file and hand its home to the libraries before they are imported."""
    from flows.environment import configure
    from rarecall.project import load

    loaded = load(project, os.environ, home=home)
    configure(os.environ, Path(loaded.stores.home))
    return loaded


def prepare_run(project: Path, home: str | None) -> int:
    """Make ready for a run of the flow, the source too, and return for how many rare classes it runs."""
    from flows.environment import configure
    from rarecall.project import load_each
    from tasks.preflight import preflight

    projects = load_each(project, os.environ, home=home)
    for one in projects:
        preflight(one)
    configure(os.environ, Path(projects[0].stores.home))
    return len(projects)


def answer(
    work: Callable[[], dict[str, Any]],
    show: Callable[[dict[str, Any]], None],
    *,
    as_json: bool,
    stages: int = 0,
    pick: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> None:
    """Do the work and show what was found: to people, or as one JSON object; `stages` draws a line for each."""
    logging.getLogger("py.warnings").addHandler(logging.NullHandler())
    if as_json:
        with console.only_json() as write:
            write(pick(work()))
    elif stages:
        with console.stage_lines(stages):
            found = work()
        show(found)
    else:
        show(work())


def user() -> str:
    """Return who runs this; a container may give its user a number and no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
