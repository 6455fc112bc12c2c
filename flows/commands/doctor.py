"""`rarecall doctor`: what a project stands on, and with --deep whether its home holds what is promised of it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare

_MARKS = {"well": "[green]●[/]", "warning": "[yellow]![/]", "fault": "[red]✗[/]"}


def doctor(
    project: ProjectFile = Path(),
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every file, row, alias and answer too: minutes on a large home.")
    ] = False,
    port: Annotated[list[int] | None, typer.Option(min=1, max=65535, help="Look at this port; repeat it.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Look over versions, source, disk, clock, stores and ports; exit code 2 where something is at fault."""
    ended: list[str] = []

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.doctor import examine

        found = examine(loaded, deep=deep, ports=port)
        ended.append(found["state"])
        return found

    answer(work, _show, as_json=as_json)
    if ended == ["fault"]:
        raise typer.Exit(2)


def _show(found: dict[str, Any]) -> None:
    width = max(len(one["name"]) for one in found["checks"])
    for one in found["checks"]:
        mend = f"; {escape(one['mend'])}" if one["mend"] else ""
        line = f"{_MARKS[one['state']]} {one['name']:<{width}}  {escape(one['said'])}{mend}"
        console.people.print(line, highlight=False, soft_wrap=True)
