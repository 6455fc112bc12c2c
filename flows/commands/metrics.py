"""`rarecall metrics`: what batch jobs know, as Prometheus reads it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare


def metrics(
    project: ProjectFile = Path(),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here, such as into node exporter's textfile folder.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Tell the figures that no request counts: budgets of recall, the champion's and the last retrain's figures."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.metrics import metrics as tell

        return tell(loaded, output)

    def show(found: dict[str, Any]) -> None:
        for part in found["unread"]:
            console.progress.print(f"! the {part} cannot be read", highlight=False)
        if found["file"]:
            console.say(f"wrote {found['series']} series to {found['file']}")
        else:
            sys.stdout.write(found["text"])

    answer(work, show, as_json=as_json)
