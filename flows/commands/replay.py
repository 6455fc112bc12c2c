"""`rarecall replay`: whether a retrain on a breach would have been worth it, on the project's own history."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare


def replay(
    project: ProjectFile = Path(),
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the page and its picture.")] = Path(
        "replay"
    ),
    rounds: Annotated[int, typer.Option(min=4, max=500, help="How often a policy may retrain.")] = 24,
    begin: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="Share of the rows that the first model learns from.")
    ] = 0.3,
    rows: Annotated[int, typer.Option(min=1000, help="Most rows that teach one model, the newest.")] = 60_000,
    seed: Annotated[int | None, typer.Option(min=0, help="By default the project's.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Live the last run's rows through again: retrain by the calendar, on any drift, or when a cohort's recall fell."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.replay import replay as again

        return again(loaded, output, rounds=rounds, begin=begin, rows=rows, seed=seed)

    answer(work, _show, as_json=as_json)


def _show(found: dict[str, Any]) -> None:
    from tasks.replay import said

    names = ["policy", "retrains", "regret", "recall", "precision"]
    console.table(
        f"{found['project']}: {found['rounds']} rounds from {found['begins']} to {found['ends']}",
        names,
        [[one["name" if name == "policy" else name] for name in names] for one in found["policies"]],
    )
    for sentence in said(found):
        console.say(sentence)
    console.people.print(found["page"], soft_wrap=True)
