"""`rarecall canary`: judge the version that meets a share of the traffic, or put one there."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user
from rarecall.errors import RarecallError


def canary(
    project: ProjectFile = Path(),
    start: Annotated[bool, typer.Option("--start", help="Put a version on canary instead of judging one.")] = False,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="With --start: which; by default the challenger.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="With --start: why; it stands in the ledger.")] = "",
    force: Annotated[
        bool, typer.Option("--force", help="With --start: also where the decision on it was not to promote.")
    ] = False,
    every: Annotated[
        str | None, typer.Option("--every", metavar="TIME", help="Judge again and again, such as every 60s or 5m.")
    ] = None,
    who: Annotated[str | None, typer.Option(help="Who answers for it; by default this machine's user.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Judge the canary by what the prediction log knows, and promote, roll back, ramp or hold as the evidence says."""
    pause = None if every is None else seconds(every)
    if start and pause is not None:
        raise RarecallError("--every: expected it without --start; put the version on canary first")
    if not start and (version is not None or force):
        raise RarecallError("--version and --force: expected --start beside them, for a judged canary stands already")

    def begin() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.start_canary import start_canary

        named = None if version is None else str(version)
        return start_canary(loaded, named, who=who or user(), why=reason.strip() or "put on canary", force=force)

    def judge() -> dict[str, Any]:
        loaded = prepare(project, home)
        from flows.canary import tick

        return tick(loaded, who=who or user())

    if start:
        answer(begin, _show_start, as_json=as_json)
        return
    while True:
        try:
            answer(judge, _show, as_json=as_json)
        except RarecallError as error:
            if pause is None:
                raise
            # A log that is away now may be there the next time; nothing was moved.
            console.progress.print(f"rarecall: {error}", highlight=False, soft_wrap=True, markup=False)
        if pause is None:
            return
        time.sleep(pause)


def seconds(said: str) -> float:
    """Return the seconds of a time such as 60s, 5m or 1h."""
    number, unit = said.strip()[:-1], said.strip()[-1:]
    scale = {"s": 1, "m": 60, "h": 3600}.get(unit)
    if scale is None or not number.replace(".", "", 1).isdigit() or float(number) <= 0:
        raise RarecallError(f"--every: expected a time with its unit such as 60s or 5m, got {said!r}")
    return float(number) * scale


def _show_start(found: dict[str, Any]) -> None:
    console.mended(found)
    if found["already"]:
        console.say(f"version {found['canary']} is on canary already, at {found['share']:.0%} of the traffic")
        return
    console.say(
        f"version {found['canary']} meets {found['share']:.0%} of the traffic beside champion version "
        f"{found['champion']}; ledger entry {found['entry']}\nnext: rarecall canary"
    )


def _show(found: dict[str, Any]) -> None:
    console.mended(found)
    if found["canary"] is None:
        console.say("no version is on canary; put one there with: rarecall canary --start")
        return
    versions = {"champion": found["champion"], "canary": found["canary"]}
    rows = [
        [name, versions[name], arm["answered"], arm["flagged"], arm["positives"], arm["recall"], _interval(arm)]
        for name, arm in found["arms"].items()
    ]
    names = ["arm", "version", "answered", "flagged", "labelled positives", "recall", "interval"]
    console.table(f"{found['project']}: canary at {found['at_share']:.0%} since {found['since'][:16]}Z", names, rows)
    rows = [
        [name.replace("_", " "), one["state"], one["value"], _interval(one), one["limit"], one["rows"],
         f"{_many(one['worse'])} of {one['worse_from']:.0f}", f"{_many(one['fine'])} of {one['fine_from']:.0f}"]
        for name, one in found["measures"].items()
    ]  # fmt: skip
    names = ["measure", "state", "canary", "interval", "limit", "rows", "that it is worse", "that it is fine"]
    console.table("evidence", names, rows)
    share = "" if found["share"] is None else f" at {found['share']:.0%}"
    console.say(f"[bold]{found['verdict']}{share}[/]")
    for reason in found["reasons"]:
        console.say(f"• {escape(reason)}")
    if found["verdict"] in {"hold", "ramp"} and found["needed"]:
        console.say(f"about {found['needed']} labelled positives more would show enough for a promotion")
    if found["entry"]:
        console.say(f"ledger entry {found['entry']}")


def _interval(one: dict[str, Any]) -> str | None:
    return None if one["low"] is None else f"{one['low']:.3f} to {one['high']:.3f}"


def _many(evidence: float) -> str:
    return "over 1000000" if evidence > 1e6 else f"{evidence:.1f}"
