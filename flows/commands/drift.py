"""`rarecall drift` and `rarecall estimate`: how today's rows differ, and what to expect of them before labels come."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare
from rarecall.errors import RarecallError

Table = Annotated[
    str | None,
    typer.Argument(
        metavar="[DELIVERY or TABLE]",
        help="The number of a delivery, or a file; by default what the source has that the champion has not seen.",
    ),
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="MOMENT", help="Only rows from then on, such as 2026-03-01.")
]
_SHOWN = 20


def drift(
    project: ProjectFile = Path(),
    table: Table = None,
    since: Since = None,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Whether Evidently draws a page.")] = True,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say which columns have shifted from the rows that taught the champion: all rows, the rare class, each cohort."""
    begin = _moment(since)

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.drift import drift as compare

        return compare(loaded, table, since=begin, page=page)

    answer(work, _show_drift, as_json=as_json)


def estimate(
    project: ProjectFile = Path(), table: Table = None, since: Since = None, home: Home = None, as_json: AsJson = False
) -> None:
    """Say which recall and precision the champion's scores lead one to expect, before any label is known."""
    begin = _moment(since)

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.estimate import estimate as expect

        return expect(loaded, table, since=begin)

    answer(work, _show_estimate, as_json=as_json)


def _moment(said: str | None) -> datetime | None:
    if said is None:
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise RarecallError(
            f"--since: expected a moment such as 2026-03-01 or 2026-03-01T12:00:00Z, got {said!r}"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _show_drift(found: dict[str, Any]) -> None:
    _show_recent(found)
    shifted = [one for one in found["columns"] if one["state"] == "shifted"]
    if shifted:
        rows = [
            [one["column"], _group(one), one["psi"], one["distance"], one["wasserstein"], f"{one['adjusted_p']:.1e}",
             one["why"]]
            for one in shifted[:_SHOWN]
        ]  # fmt: skip
        names = ["column", "among", "PSI", "distance", "Wasserstein", "p, adjusted", "what"]
        console.table(f"{found['project']}: shifted from what taught version {found['champion']}", names, rows)
        if len(shifted) > _SHOWN:
            console.say(f"and {len(shifted) - _SHOWN} more: --json gives all")
    few = sum(one["state"] == "too few rows" for one in found["groups"])
    console.say(
        f"{len(shifted)} of {found['tests']} comparisons are shifted: a PSI of {found['psi']:g} or more, and not by "
        f"chance ({found['alpha']:.0%} at most for any of them)"
    )
    if few:
        console.say(f"{few} of {len(found['groups'])} groups have too few rows to be compared")
    if found["absent"]:
        console.say(f"! the table lacks {', '.join(map(escape, found['absent']))}")
    console.say(f"page: {found['page']}" if found["page"] else f"figures: {found['folder']}")


def _show_estimate(found: dict[str, Any]) -> None:
    _show_recent(found)
    rows = [
        [_group(one), one["rows"], one["flagged"], f"{one['positives']:.0f}", one["recall"], _interval(one, "recall"),
         one["precision"], _interval(one, "precision"), "ALARM" if one["alarm"] else "-"]
        for one in found["groups"]
    ]  # fmt: skip
    names = ["among", "rows", "flagged", "positives", "recall", "interval", "precision", "interval", "below the gate"]
    console.table(f"{found['project']}: expected of version {found['champion']}, without labels", names, rows)
    shift = found["shift"]
    told = "weighted to be like these" if shift["weighted"] else "which these cannot be told from"
    console.say(f"scores mean what they meant on {found['reference']['rows']:,} rows, {told} (AUC {shift['auc']:.2f})")
    console.say("a new pattern that the model does not know is not seen here; that takes labels")


def _show_recent(found: dict[str, Any]) -> None:
    seen = found["recent"]
    span = f", {seen['first'][:16]} to {seen['last'][:16]}" if seen["first"] else ""
    console.say(f"{seen['rows']:,} rows of {escape(seen['table'])}{span}")
    if seen["note"]:
        console.say(f"! {escape(seen['note'])}")


def _group(one: dict[str, Any]) -> str:
    whole = "all rows" if not one["value"] else f"{one['cohort']} = {one['value']}"
    return f"{whole}, rare class" if one.get("minority") else whole


def _interval(one: dict[str, Any], name: str) -> str | None:
    found = one[f"{name}_interval"]
    return None if found is None else f"{found[0]:.3f} to {found[1]:.3f}"
