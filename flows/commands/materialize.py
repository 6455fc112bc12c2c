"""`rarecall materialize`: the current rows of every entity, where a model that serves finds them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare
from rarecall.errors import RarecallError


def materialize(
    project: ProjectFile = Path(),
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Rows of later wait, such as 2026-03-01T12:00Z; by default now.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Write every entity again, and compare all that is there.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Put each entity's latest real row online; only what is new since the last time, unless --full."""

    def work() -> dict[str, Any]:
        moment = _moment(until)
        loaded = prepare(project, home)
        from tasks.materialize import materialize as write

        with _bar(shown=not as_json) as progress:
            return write(loaded, until=moment, full=full, progress=progress)

    answer(work, _show, as_json=as_json)


def _moment(said: str | None) -> datetime | None:
    if said is None:
        return None
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise RarecallError(f"--until: expected a moment such as 2026-03-01T12:00Z, got {said!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def _bar(*, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield what draws how many rows of how many are online, on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console.progress, transient=True, disable=not (shown and console.progress.is_terminal)
    ) as bar:
        line = bar.add_task("materializing", total=None)
        yield lambda done, total: bar.update(line, completed=done, total=total)


def _show(found: dict[str, Any]) -> None:
    for view in found["views"]:
        _show_view(view)
    console.say(f"{found['written']} entities written in {found['seconds']:.1f} s")


def _show_view(found: dict[str, Any]) -> None:
    if found["how"] == "nothing":
        console.say(f"nothing new: {found['view']} is online up to {found['until']}")
        return
    console.say(f"{found['view']}: {found['written']} entities written, online up to {found['until']}")
    if found["older"]:
        console.say(f"  {found['older']} rows were skipped as older than what is online")
    if found["withdrawn"]:
        console.say(f"  {found['withdrawn']} entities withdrawn: their rows are no longer accepted, or were forgotten")
    if found["last"]:
        console.say(f"  events of {found['first']} to {found['last']}")
