"""`rarecall approve` and `reject`: a person answers for a candidate that holds every gate."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.promote import Reason, Who, said
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user

Version = Annotated[int, typer.Option("--version", min=1, help="The model version that waits for an answer.")]


def approve(
    version: Version,
    reason: Reason,
    project: ProjectFile = Path(),
    who: Who = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let a candidate that needs approval serve: champion where there is none, else challenger."""
    _answer(project, home, version, approved=True, who=who, reason=reason, as_json=as_json)


def reject(
    version: Version,
    reason: Reason,
    project: ProjectFile = Path(),
    who: Who = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Reject a candidate that needs approval; no alias moves."""
    _answer(project, home, version, approved=False, who=who, reason=reason, as_json=as_json)


def _answer(
    project: Path, home: str | None, version: int, *, approved: bool, who: str | None, reason: str, as_json: bool
) -> None:
    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.approve import answer

        name, why = who or user(), said(reason)
        found = answer(loaded, str(version), approve=approved, who=name, why=why)
        if found["run"] and os.environ.get("PREFECT_API_URL"):
            from flows.approval import Answer, go_on

            if trouble := go_on(found["run"], Answer(approve=approved, reason=why, who=name)):
                found["warnings"].append(trouble)
        return found

    answer(work, _show, as_json=as_json)


def _show(found: dict[str, Any]) -> None:
    console.mended(found)
    moved = [[alias, pair["from"], pair["to"]] for alias, pair in found["moves"].items()]
    if moved:
        console.table(f"{found['project']}: aliases", ["alias", "from", "to"], moved)
    for warning in found["warnings"]:
        console.say(f"! {escape(warning)}")
    before = "had been" if found["already"] else "is"
    console.say(f"version {found['version']} {before} {found['answer']}; ledger entry {found['entry']}")
