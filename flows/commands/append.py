"""`rarecall append`: new rows go behind all that was delivered before."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare


def append(
    file: Annotated[str, typer.Argument(help="CSV, CSV.gz, Parquet, a folder of Parquet, or any fsspec URI.")],
    project: ProjectFile = Path(),
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Deliver new rows into the project's table; the next run reads them behind all others."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.append import append as deliver

        return deliver(loaded, file)

    answer(work, _show_delivered, as_json=as_json)


def _show_delivered(found: dict[str, Any]) -> None:
    if found["is_restored"]:
        console.say(f"version {found['delivered_as']} had been damaged; these are its rows, and it is whole again")
    elif not found["is_new"]:
        console.say(f"already delivered as version {found['delivered_as']}: nothing was changed")
    for name in found["added"]:
        console.say(f"! new column {name}: the rows before version {found['version']} miss it")
    new, partitions = found["rows"] if found["is_new"] else 0, found["partitions"]
    console.say(
        f"version {found['version']}: {new} new rows, {found['total']} in all, "
        f"in {partitions} partition{'s' if partitions > 1 else ''}"
    )
