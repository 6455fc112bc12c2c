"""`rarecall watch`: the recall of each cohort in traffic, how much of the truth is known, and which alarms sound."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare


def watch(
    project: ProjectFile = Path(),
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Of the model; by default the champion of that moment.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="What was known then: 2026-03-03T12:00Z, or a day: its end."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show the recall of each cohort by the labels that are known, what it is held against, and which alarms sound."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.history import moment
        from tasks.watch import watch as look

        now = datetime.now(UTC)
        at = None if as_of is None else moment(as_of, now=now, option="--as-of")[0]
        return look(loaded, version=version, as_of=at)

    answer(work, _show, as_json=as_json)


def _show(found: dict[str, Any]) -> None:
    cells = {(cell["cohort"], cell["value"]): cell for cell in found["cells"]}
    rows = [_row(one, cells[one["cohort"], one["value"]]) for one in found["findings"]]
    names = ["cohort", "recall", "interval", "held against", "state", "positives", "known", "precision", "evidence", ""]
    title = f"{found['project']}: version {found['version']} as of {found['as_of'][:16]}Z, {found['answered']} answers"
    console.table(title, names, rows)
    for kind, one in found["maturity"]["by_kind"].items():
        if one["is_known"]:
            half, most = one["days_to_50%"], one["days_to_90%"]
            console.say(f"{kind}: half of the labels come within {half:g} days, 90% within {most:g}")
        else:
            console.say(f"{kind}: how late labels come is not known yet ({one['labels']} labels)")
    if not found["references"]:
        console.say("what the version was registered with is not known, so it is held against the objective alone")
    said = dict.fromkeys(reason for one in found["findings"] if one["breach"] for reason in one["reasons"][:1])
    for reason in said:
        console.say(f"[bold red]•[/] {escape(reason)}")
    if not said:
        console.say("no alarm sounds")


def _row(one: dict[str, Any], cell: dict[str, Any]) -> list[Any]:
    recall, precision = cell["recall"], cell["precision"]
    low, high = one["interval"]
    return [
        "all rows" if not one["value"] and one["cohort"] == "overall" else f"{one['cohort']} {one['value']}",
        one["recall"],
        None if one["recall"] is None else f"{low:.3f} to {high:.3f}",
        f"{one['against']} {one['limit']:.2f}",
        one["state"],
        one["positives"],
        None if recall["known"] is None else f"{recall['known']:.0%}",
        precision["value"],
        _evidence(one["log_evidence"]),
        "ALARM" if one["breach"] else "",
    ]


def _evidence(log: float) -> str:
    return "over 1000000" if log > 13.8 else f"{2.718281828459045**log:.1f}"
