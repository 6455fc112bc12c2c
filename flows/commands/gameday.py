"""`rarecall gameday`: the whole loop on a stack of its own, with one trouble, held against what has to follow."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, answer


def gameday(
    scenario: Annotated[str, typer.Argument(metavar="[SCENARIO]", help="One that --list shows.")] = "new-fraud",
    listing: Annotated[bool, typer.Option("--list", help="List the scenarios.")] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the page and its picture.")] = Path(
        "gameday"
    ),
    home: Annotated[
        Path | None, typer.Option("--home", help="Keep the stack's folder here; by default a temporary one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Stream simulated payments to a whole stack, put one trouble in, and see whether the chain holds; else exit 1."""
    if listing:
        answer(_listed, _show_list, as_json=as_json)
        return
    held = False

    def work() -> dict[str, Any]:
        nonlocal held
        from flows.gameday import gameday as play

        found = play(scenario, output=output, home=home, say=console.note if as_json else _say)
        held = found["held"]
        return found

    answer(work, _show, as_json=as_json)
    if not held:
        sys.exit(1)


def _listed() -> dict[str, Any]:
    from flows.gameday import listed

    return listed()


def _show_list(found: dict[str, Any]) -> None:
    for one in found["scenarios"]:
        console.say(f"{one['scenario']:<20} {one['says']}")


def _say(line: str) -> None:
    console.say(escape(line))


def _show(found: dict[str, Any]) -> None:
    failed = [one for one in found["expectations"] if not one["held"]]
    many = len(found["expectations"])
    if found["held"]:
        console.say(f"the chain held: {many} of {many} expectations, in {found['seconds']:.0f} s")
    else:
        console.say(f"the chain did not hold: {len(failed)} of {many} expectations failed")
        for one in failed:
            console.say(escape(f"  {one['link']}: expected {one['expected']}, got {one['got']}"))
    console.say(f"read: {found['page']}")
    if found["home"]:
        console.say(f"its stack's folder, with the logs, is {found['home']}")
