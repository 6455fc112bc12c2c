"""`rarecall promote`, `rollback` and `demote`: a person moves an alias, and the ledger remembers who and why."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user
from rarecall.errors import RarecallError

Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the ledger.")]
Who = Annotated[str | None, typer.Option(help="Who answers for it; by default this machine's user.")]


def promote(
    version: Annotated[int, typer.Option("--version", min=1, help="The model version that is to be champion.")],
    reason: Reason,
    project: ProjectFile = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Also where the decision on it was not to promote; the ledger remembers.")
    ] = False,
    who: Who = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a model version champion; the one before becomes `previous`."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.promote import promote

        return promote(loaded, str(version), who=who or user(), why=said(reason), force=force)

    answer(work, _show, as_json=as_json)


def rollback(
    reason: Reason,
    project: ProjectFile = Path(),
    only_from: Annotated[
        int | None, typer.Option("--from", min=1, help="Only while this version is champion: two do it once.")
    ] = None,
    who: Who = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let the champion give way to `previous`; a second rollback goes one further back, never forward."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.promote import roll_back

        expected = None if only_from is None else str(only_from)
        return roll_back(loaded, who=who or user(), why=said(reason), only_from=expected)

    answer(work, _show, as_json=as_json)


def demote(
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="champion, canary, challenger or previous.")],
    reason: Reason,
    project: ProjectFile = Path(),
    who: Who = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take an alias away from the version on which it stands."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.promote import demote

        return demote(loaded, alias, who=who or user(), why=said(reason))

    answer(work, _show, as_json=as_json)


def said(reason: str) -> str:
    """Return a reason without the blanks around it; RarecallError where nothing is said."""
    if not reason.strip():
        raise RarecallError("--reason: expected why, got nothing; the ledger keeps it for whoever asks later")
    return reason.strip()


def _show(found: dict[str, Any]) -> None:
    console.mended(found)
    if found["already"]:
        console.say("nothing had to move, so nothing was written")
        return
    moved = [[alias, pair["from"], pair["to"]] for alias, pair in found["moves"].items()]
    console.table(f"{found['project']}: aliases", ["alias", "from", "to"], moved)
    for warning in found["warnings"]:
        console.say(f"! {escape(warning)}")
    serves = f"version {found['version']} is champion" if found["version"] else "no version is champion"
    forced = f", though the decision on it was {found['decision'] or 'never made'}" if found.get("forced") else ""
    console.say(f"{serves}{forced}; ledger entry {found['entry']}")
