"""`rarecall slo`: what is promised, how much of it is left, and the rules that tell somebody."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare

_SHOWN = 20  # cohort values for people; all stand in --json


def slo(
    project: ProjectFile = Path(),
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="Write the rules that Prometheus reads.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show each objective, its rules, and how much of the recall's budget is left, by when labels came."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.slo import slo as tell

        return tell(loaded, rules=rules)

    answer(work, _show, as_json=as_json)


def _show(found: dict[str, Any]) -> None:
    rows = [
        [one["slo"], f"{one['objective']:g}", rule["severity"], f"{rule['factor']:.3g} x", rule["window"],
         rule["short"], f"{rule['budget_spent']:.1%}"]
        for one in found["objectives"]
        for rule in one["rules"]
    ]  # fmt: skip
    names = ["objective", "share", "tells by", "burn above", "over", "and over", f"of {found['period']}'s budget"]
    console.table(f"{found['project']}: objectives", names, rows)
    for one in found["objectives"]:
        for said in one["changed"]:
            console.say(f"! {one['slo']}: {escape(said)}")
    rows = [
        [_named(one), one["positives"], one["missed"], _percent(one["budget_left"]), one["recall"], _interval(one),
         one["state"], _told(one)]
        for one in found["recall"][:_SHOWN]
    ]  # fmt: skip
    names = ["recall of", "positives", "missed", "budget left", "of 7d", "interval", "state", "rules"]
    console.table(f"labels of {found['period']}, up to {found['as_of'][:16]}Z", names, rows)
    if len(found["recall"]) > _SHOWN:
        console.say(f"and {len(found['recall']) - _SHOWN} more cohort values: --json has them")
    if found["label_age"] is None:
        console.say("nothing has been answered yet, so no budget has burned: rarecall serve")
    else:
        console.say(f"the newest label is {found['label_age'] / 86_400:.1f} days old")
    if found["file"]:
        console.say(f"wrote {found['file']}; check it with: promtool check rules {found['file']}")


def _named(one: dict[str, Any]) -> str:
    return "all" if one["cohort"] == "all" else f"{one['cohort']} {one['value']}"


def _told(one: dict[str, Any]) -> str:
    firing = [rule for rule in one["rules"] if rule["state"] == "firing"]
    return ", ".join(f"{rule['severity']}: {rule['burn']:.1f} x over {rule['window']}" for rule in firing) or "silent"


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.0%}"


def _interval(one: dict[str, Any]) -> str | None:
    return one["interval"] and f"{one['interval'][0]:.3f} to {one['interval'][1]:.3f}"
