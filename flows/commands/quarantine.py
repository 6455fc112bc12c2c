"""`rarecall quarantine`: rows that failed an expectation, looked at and put back."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare, user
from rarecall.errors import RarecallError

app = typer.Typer(help="See the rows that failed an expectation, and put reviewed ones back.", no_args_is_help=True)

Snapshot = Annotated[str, typer.Argument(help="A snapshot's key, the beginning of it, or latest.")]


@app.command("list")
def overview(project: ProjectFile = Path(), home: Home = None, as_json: AsJson = False) -> None:
    """Show which snapshots have quarantined rows, what these failed, and how many were released."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.quarantine import overview

        return overview(loaded)

    def show(found: dict[str, Any]) -> None:
        names = ["snapshot", "read", "quarantined", "released", "expectations"]
        rows = [[one[name] for name in names[:-1]] + [_counted(one["expectations"])] for one in found["quarantines"]]
        console.table("quarantine", names, rows)

    answer(work, show, as_json=as_json)


@app.command("show")
def show(
    snapshot: Snapshot = "latest",
    project: ProjectFile = Path(),
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many rows to print at most.")] = 20,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write all to a .parquet or .csv.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show a snapshot's quarantined rows, each with the expectations it failed."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.quarantine import show as read

        return read(loaded, snapshot, most=rows, copy_to=output)

    def show(found: dict[str, Any]) -> None:
        ours = ("row_id", "released", "failed_expectations", "event_timestamp")
        shown = [
            [
                *(row["row_id"], "yes" if row["released"] else "no", "; ".join(row["failed_expectations"])),
                ", ".join(f"{name}={console.figure(value)}" for name, value in row.items() if name not in ours),
            ]
            for row in found["rows"]
        ]
        console.table(f"quarantine of {found['snapshot']}", ["row", "released", "failed", "values"], shown)
        if len(shown) < found["quarantined"]:
            console.say(f"{len(shown)} of {found['quarantined']} rows; --output FILE writes all of them")
        if found["file"]:
            console.say(f"wrote {found['file']}")

    answer(work, show, as_json=as_json)


@app.command("release")
def release(
    snapshot: Snapshot,
    why: Annotated[str, typer.Option(help="Why these rows may be learned from.")],
    project: ProjectFile = Path(),
    row: Annotated[list[int] | None, typer.Option("--row", help="A row_id that `show` prints; repeat it.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every row that failed the one --expectation.")] = False,
    expectation: Annotated[str | None, typer.Option(help="With --all: its name as `show` prints it.")] = None,
    who: Annotated[str | None, typer.Option(help="Who reviewed them; by default this machine's user.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Put reviewed rows into the next snapshot, exempt from what they failed; the ledger keeps who, when and why."""

    def work() -> dict[str, Any]:
        if bool(row) == every or every != bool(expectation):
            raise RarecallError("expected either --row ID (repeated for more rows), or --all with --expectation NAME")
        loaded = prepare(project, home)
        from tasks.quarantine import release

        return release(loaded, snapshot, rows=row or [], expectation=expectation, who=who or user(), why=why)

    def show(found: dict[str, Any]) -> None:
        again = f", {found['already']} had been released before" if found["already"] else ""
        console.say(f"released {found['released']} rows of snapshot {found['snapshot']}{again}")
        if found["held"]:
            console.say(f"{found['held']} of them stay in quarantine for other expectations that they failed")
        for number, reason in list(found["refused"].items())[:3]:
            console.say(f"not released: row {number}: {reason}")
        if found["entry"]:
            console.say("next: rarecall retrain")

    answer(work, show, as_json=as_json)


def _counted(expectations: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in expectations.items())
