"""`rarecall dashboard`: the executive's, the on-call's and the debugger's page."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare


def dashboard(
    project: ProjectFile = Path(),
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="The folder; by default under the home.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write three pages that need no server: is the promise kept, what fires, and where is the recall lost."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.dashboard import dashboard as write

        return write(loaded, out)

    def show(found: dict[str, Any]) -> None:
        for page in found["pages"].values():
            console.say(page)

    answer(work, show, as_json=as_json)
