"""`rarecall compare`: what each strategy comes to on the project's own rows, one table for all."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare


def compare(
    project: ProjectFile = Path(),
    strategies: Annotated[
        str, typer.Option("--strategies", help="Names between commas, or all; see docs/strategies.")
    ] = "all",
    budget: Annotated[
        str | None, typer.Option("--budget", help="Such as 30m: then it stops, and the next call goes on.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the page and its picture.")] = Path(
        "compare"
    ),
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Try strategies beside one another by cross-validation on the rows that taught the last model."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.compare import compare as tried
        from tasks.compare import names, seconds

        return tried(loaded, names(strategies), output, budget=seconds(budget))

    answer(work, _show, as_json=as_json)


def _show(found: dict[str, Any]) -> None:
    from tasks.compare import FIGURES, said

    columns = [name.replace("_", "-").replace("auc", "AUC") for name in FIGURES]
    console.table(
        f"{found['project']}: {found['rows']:,} rows, {found['positives']:,} of them rare, folds by {found['by']}",
        ["strategy", "folds", *columns],
        [[one["spoken"], one["folds"], *(one[name] for name in FIGURES)] for one in found["strategies"]],
    )
    for sentence in said(found):
        console.say(sentence)
    console.people.print(found["page"], soft_wrap=True)
