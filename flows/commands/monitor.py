"""`rarecall monitor`: look at every cohort's recall, and start the one retrain that follows."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.canary import seconds
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user
from rarecall.errors import RarecallError


def monitor(
    project: ProjectFile = Path(),
    every: Annotated[
        str | None, typer.Option("--every", metavar="TIME", help="Look again and again, such as every 10m.")
    ] = None,
    retrain: Annotated[bool, typer.Option(help="Without a Prefect server: run the retrain that follows.")] = True,
    who: Annotated[str | None, typer.Option(help="Who answers for it; by default this machine's user.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Look at the recall of every cohort as labels arrive; a breach that can be believed starts one retrain."""
    pause = None if every is None else seconds(every)

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from flows.monitor import look

        found = look(loaded, who=who or user())
        found["retrains"] = _begin(project, home, found) if retrain and not found["sent"] else []
        return found

    while True:
        try:
            answer(work, _show, as_json=as_json)
        except RarecallError as error:
            if pause is None:
                raise
            # A store that is away now may be there the next time; the alarm stands meanwhile.
            console.progress.print(f"rarecall: {error}", highlight=False, soft_wrap=True, markup=False)
        if pause is None:
            return
        time.sleep(pause)


def _begin(project: Path, home: str | None, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the retrains that are due here and now; there is one at most."""
    from os import environ

    from flows.retrain import retrain
    from rarecall.classes import VARIABLE

    return [_short(retrain(str(project), home, environ.get(VARIABLE), trigger)) for trigger in found["due"]]


def _short(record: dict[str, Any]) -> dict[str, Any]:
    if "skipped" in record:
        return record
    return {
        "trigger": record["cause"]["trigger"],
        "version": record["model_version"],
        "verdict": record["decision"]["verdict"],
        "said": record["decision"]["said"],
        "target": record["cause"]["target"],
        "trained": record["arms"]["name"],
        "report": record["report"],
    }


def _show(found: dict[str, Any]) -> None:
    rows = [
        [_where(one), one["against"], one["limit"], one["recall"], _interval(one), one["positives"],
         "breach" if one["breach"] else one["state"]]
        for one in found["findings"]
    ]  # fmt: skip
    if rows:
        names = ["cohort", "against", "limit", "recall", "interval", "positives", "state"]
        console.table(f"{found['project']} at {found['at'][:16]}Z", names, rows)
    else:
        console.say("nothing to look at yet: no champion, or none of its answers has a label")
    for alarm in found["alarms"]:
        console.say(f"! {escape(alarm['alarm'])} since {alarm['since'][:16]}Z: {escape(alarm['said'])}")
    for one in found["held"]:
        console.say(f"{escape(_where(one['finding']))}: no retrain, for {escape(one['reason'])}")
    for trigger in found["recovered"]:
        console.say(f"trigger {trigger}: its cohort is good again")
    if fired := found["fired"]:
        console.say(
            f"trigger {fired['trigger']} {_next(fired, sent=found['sent'])}: {escape(_where(fired['finding']))}"
        )
    if found["explained"]:
        _show_why(found["explained"])
    for one in found["retrains"]:
        console.say(f"retrained: {escape(one.get('skipped') or one['said'] + ', version ' + one['version'])}")


def _show_why(explained: dict[str, Any]) -> None:
    drift, estimate = explained["drift"], explained["estimate"]
    if "unknown" in drift:
        console.say(f"drift: not known, for {escape(drift['unknown'])}")
    else:
        most = ", ".join(f"{one['column']} of {one['where']} (PSI {one['psi']:.2f})" for one in drift["most"])
        page = f"; {drift['page']}" if drift["page"] else ""
        console.say(f"drift: {drift['shifted']} shifts{': ' if most else ''}{escape(most)}{escape(page)}")
    if "unknown" in estimate:
        console.say(f"expected recall: not known, for {escape(estimate['unknown'])}")
    elif estimate["recall"] is not None:
        low = f"; too low of {', '.join(estimate['alarms'])}" if estimate["alarms"] else ""
        console.say(f"expected recall, without labels: {estimate['recall']:.3f}{escape(low)}")


def _next(fired: dict[str, Any], *, sent: bool) -> str:
    if fired["state"] == "asked":
        return f"waits for an answer until {fired['until'][:16]}Z (rarecall triggers --approve {fired['trigger']})"
    return "was sent to the Prefect server" if sent else "is raised"


def _where(finding: dict[str, Any]) -> str:
    return f"{finding['cohort']} {finding['value']}".strip()


def _interval(finding: dict[str, Any]) -> str:
    low, high = finding["interval"]
    return f"{low:.3f} to {high:.3f}"
