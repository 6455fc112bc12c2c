"""What people and programs see: progress and tables on a terminal, or one JSON object on stdout."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

people = Console(width=None if sys.stdout.isatty() else 160)  # a file has no edge to wrap at
progress = Console(stderr=True)
_MARKS = {"completed": "[green]●[/]", "cached": "[cyan]○[/]"}


class StageLines(logging.Handler):
    """A line for each stage that ends, below them a bar that says how far the run is."""

    def __init__(self, stages: int) -> None:
        super().__init__()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(
            *columns, TimeElapsedColumn(), console=progress, transient=True, redirect_stdout=sys.stdout.isatty()
        )
        self._run = self._bar.add_task("starting", total=stages)
        if progress.is_terminal:
            self._bar.start()  # elsewhere a bar is only noise between the lines

    def emit(self, record: logging.LogRecord) -> None:
        """Show a `stage.started` or `stage.finished` event."""
        name = str(getattr(record, "stage", "")).replace("_", " ")
        if record.getMessage() == "stage.started":
            self._bar.update(self._run, description=name)
        elif record.getMessage() == "stage.finished":
            state, seconds = getattr(record, "state", ""), getattr(record, "seconds", 0.0)
            progress.print(f"{_MARKS.get(state, '●')} {name:<17} {state:<9} {seconds:7.2f} s", highlight=False)
            self._bar.advance(self._run)
        elif record.getMessage() == "aliases.mended":
            progress.print(f"! {getattr(record, 'said', '')}", highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the bar away, also when a stage failed."""
        if self._bar.live.is_started:
            self._bar.stop()
        super().close()


@contextmanager
def stage_lines(stages: int) -> Iterator[None]:
    """Show each of so many stages on stderr while the block runs."""
    logger, handler = logging.getLogger("rarecall.stage"), StageLines(stages)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


@contextmanager
def only_json() -> Iterator[Any]:
    """Yield a function that prints one JSON object; everything else meant for stdout goes to stderr meanwhile.

    The file descriptor itself is turned, because libraries and child processes write to it too.
    """
    sys.stdout.flush()
    real = os.dup(1)
    os.dup2(2, 1)
    results: list[dict[str, Any]] = []
    try:
        yield results.append
    finally:
        sys.stdout.flush()
        os.dup2(real, 1)
        os.close(real)
    for result in results:
        print(json.dumps(result, allow_nan=False))


def say(line: str) -> None:
    """Print a sentence for people, broken where their terminal breaks it and nowhere else."""
    people.print(line, highlight=False, soft_wrap=True)


def note(line: str) -> None:
    """Print a line of progress, as it stands."""
    progress.print(line, highlight=False, soft_wrap=True, markup=False)


def mended(found: dict[str, Any]) -> None:
    """Say what of the aliases was set right, and what is still not as the ledger says."""
    for line in (*found["mended"], *found.get("differing", ())):
        say(f"! {line}")


def waits(approval: dict[str, Any]) -> None:
    """Say which version waits for a person, until when, and how to answer."""
    version = approval["version"]
    say(
        f"version {version} waits for an answer until {approval['until'][:16]}Z: "
        f"rarecall approve --version {version} --reason TEXT, or rarecall reject"
    )


def table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Print a table for people."""
    shown = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        shown.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        # What stands in a cell is a table's own: `timestamp[us]` is a type, not a style.
        shown.add_row(*(escape(figure(value)) for value in row))
    people.print(shown)


def figure(value: Any) -> str:
    """Return a value as a person reads it: three digits, a dash for what is not known."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
