"""`rarecall forget`: what descends from a person, marked and kept out from now on."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user


def forget(
    entity: Annotated[
        list[str], typer.Option("--entity", help="Whose rows: an id, or column=value for each entity column.")
    ],
    project: ProjectFile = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what descends, and write nothing.")] = False,
    who: Annotated[str | None, typer.Option(help="Who answers for it; by default this machine's user.")] = None,
    why: Annotated[str, typer.Option(help="What it rests on; name no person in it.")] = "asked to be forgotten",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List what descends from a person's rows, mark it in the ledger, and keep the rows out of the next snapshot."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from flows.alone import alone
        from tasks.forget import forget as mark

        # A run that has read the person's rows already would make another version of them when all is listed.
        with nullcontext() if dry_run else alone(loaded):
            return mark(loaded, entity, who=who or user(), why=why, dry_run=dry_run)

    answer(work, _show_forgotten, as_json=as_json)


def _show_forgotten(found: dict[str, Any]) -> None:
    names = ["version", "train", "validation", "holdout", "synthetic"]
    console.table("dataset versions, rows in each part", names, [[one[n] for n in names] for one in found["datasets"]])
    names = ["name", "version", "aliases", "dataset_version"]
    console.table("model versions", names, [[one[n] for n in names] for one in found["models"]])
    names = ["kind", "version", "rows"]
    held = [[one[n] for n in names] for one in found["holdings"]]
    console.table("versions that hold the rows until they are removed", names, held)
    for one in found["models"]:
        if one["aliases"]:
            aliases = ", ".join(one["aliases"])
            console.say(f"! {one['name']} version {one['version']} is {aliases} now; the next retrain makes another")
    if found["untraceable"]:
        console.say(f"! whose rows these datasets hold cannot be said any more: {', '.join(found['untraceable'])}")
    if found["answers"]:
        verb = "are" if found["dry_run"] else "were"
        console.say(f"{found['answers']} answers of the prediction log {verb} about them by name")
    if found["dry_run"]:
        console.say("nothing was written; without --dry-run the rows are kept out of the next snapshot")
    elif found["entry"]:
        console.say(f"marked in the ledger, entry {found['entry']}; nothing was removed; next: rarecall retrain")
    else:
        console.say("the ledger holds all of this already; nothing was written")
