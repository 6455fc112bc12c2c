"""`rarecall history`: who moved which alias when and why, and what served at a moment."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user


def history(
    project: ProjectFile = Path(),
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="What stood then: 2026-03-03T12:00Z, or a day, which means its end."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Verify the ledger's chain and show every move of an alias, newest last; with --at what served at that time."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.history import history as read

        return read(loaded, at, who=user())

    answer(work, _show, as_json=as_json)


def _show(found: dict[str, Any]) -> None:
    console.mended(found)
    if found["at"]:
        _show_moment(found["at"])
    else:
        rows = [
            [one["entry"], _brief(one["at"]), one["who"], one["action"] + (" --force" if one["forced"] else ""),
             ", ".join(f"{alias} {console.figure(pair['from'])} → {console.figure(pair['to'])}"
                       for alias, pair in one["moves"].items())
             + (f" at {one['share']:.0%}" if one["share"] is not None and one["action"] in {"canary", "ramp"} else ""),
             one["why"]]
            for one in found["moves"]
        ]  # fmt: skip
        console.table(f"{found['project']}: aliases", ["entry", "at", "who", "what", "from → to", "why"], rows)
    ledger = found["ledger"]
    console.say(f"the ledger is as it was written: {ledger['entries']} entries, the last one's hash {ledger['head']}")


def _show_moment(stood: dict[str, Any]) -> None:
    names = ["version", "since", "entry", "decision", "dataset_version", "snapshot"]
    rows = [
        [alias, *(_brief(one[name]) if name == "since" else one[name] for name in names)]
        for alias, one in stood["aliases"].items()
    ]
    console.table(f"what stood at {stood['moment']}", ["alias", *names], rows)
    if stood["that_day"]:
        console.say(
            f"on that day something moved, by entries {', '.join(map(str, stood['that_day']))}: rarecall history"
        )
    champion = stood["aliases"].get("champion")
    if champion:
        console.say(f"which rows version {champion['version']} learned from: rarecall lineage {champion['version']}")
    elif stood["begins"] and stood["begins"] > stood["moment"]:
        console.say(f"the ledger's first move is of {_brief(stood['begins'])}; what stood before it is not known")
    else:
        console.say(escape("no version was champion then"))


def _brief(at: str) -> str:
    return at[:19] + "Z"
