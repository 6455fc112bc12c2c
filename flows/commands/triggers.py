"""`rarecall triggers`: which breach started which retrain, which started none, and why; and a person's answer."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user
from rarecall.errors import RarecallError


def triggers(
    project: ProjectFile = Path(),
    approve: Annotated[str | None, typer.Option(metavar="ID", help="Let this trigger start its retrain.")] = None,
    refuse: Annotated[str | None, typer.Option(metavar="ID", help="Let it start none.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="With either: why; it stands in the ledger.")] = "",
    who: Annotated[str | None, typer.Option(help="Who answers for it; by default this machine's user.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List what the monitor has raised, with its state and reason; or answer for one that waits for a person."""
    if (approve is None) == (refuse is None) and approve is not None:
        raise RarecallError("--approve and --refuse: expected one of them")
    asked = approve or refuse
    if asked and not reason.strip():
        raise RarecallError("--reason: expected why, for the ledger")

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks import triggers as tasks

        if asked:
            return tasks.answer(loaded, asked, approve=approve is not None, who=who or user(), why=reason.strip())
        return tasks.listed(loaded)

    answer(work, _show_answer if asked else _show, as_json=as_json)


def _show_answer(found: dict[str, Any]) -> None:
    console.say(f"trigger {found['trigger']} is {found['state']}")
    if found["state"] == "due":
        console.say("next: rarecall monitor starts its retrain, or tells the Prefect server to")


def _show(found: dict[str, Any]) -> None:
    rows = [
        [one["trigger"], one["fired"][:16], _where(one["finding"]), one["finding"]["version"], one["state"],
         "yes" if one["standing"] else "no", one["reason"]]
        for one in found["triggers"]
    ]  # fmt: skip
    names = ["trigger", "fired", "cohort", "model version", "state", "stands", "reason"]
    console.table(f"{found['project']}: triggers", names, rows)
    for one in found["held"]:
        console.say(f"{escape(_where(one['finding']))} at {one['at'][:16]}Z: no retrain, for {escape(one['reason'])}")
    for alarm in found["alarms"]:
        console.say(f"! {escape(alarm['alarm'])} since {alarm['since'][:16]}Z: {escape(alarm['said'])}")
    looked = found["looked"]
    console.say(
        f"last look: {looked['ended'] or 'never ended, begun ' + looked['began']}" if looked else "never looked"
    )
    for fault in found["ledger"]["faults"]:
        console.say(f"! {escape(fault)}")


def _where(finding: dict[str, Any]) -> str:
    return f"{finding['cohort']} {finding['value']}".strip()
