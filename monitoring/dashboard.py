"""Dashboards: the executive's, the on-call's and the debugger's page, each one file that asks no server for anything.

A panel shows what is really kept: the prediction log by when labels came, the records of the runs, the ledger. Where
there is nothing to show it says so, and how to get it. `docs/dashboards.md` lists them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitoring import plots
from monitoring.figures import Home
from monitoring.label_time import Cell, Counts, Known
from monitoring.report import moment, tone
from rarecall.project import Project

PAGES = ("executive", "on-call", "debug")


@dataclass(frozen=True)
class Told:
    """What the pages are made of.

    Attributes
    ----------
    project : Project
    known : Known
        The windows of the project's rules.
    days : dict of str to dict of (cohort, value) to Counts
        As `monitoring.label_time.by_day` returned it, of the period.
    home : Home
    now : datetime
    """

    project: Project
    known: Known
    days: Mapping[str, Mapping[Cell, Counts]]
    home: Home
    now: datetime


@dataclass(frozen=True)
class Panel:
    """One panel of a page.

    Attributes
    ----------
    title, says : str
        What it is called, and which question it answers.
    lede : str
        A sentence of what it shows now.
    figures : sequence of (name, value, note)
    picture : str
        An `<svg>`, or nothing.
    legend : sequence of (name, colour)
    columns, rows : sequences
        Of a table; a cell that is a `State` is drawn as one.
    missing : str
        Why there is nothing to show, and how to get it.
    wide : bool
    texts : int
        How many columns, from the left, hold words and not figures.
    """

    title: str
    says: str
    lede: str = ""
    figures: Sequence[tuple[str, str, str]] = ()
    picture: str = ""
    legend: Sequence[tuple[str, str]] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    missing: str = ""
    wide: bool = False
    texts: int = 1


@dataclass(frozen=True)
class Mark:
    """A state as a table shows it."""

    said: str
    tone: str = field(default="unknown")

    @classmethod
    def of(cls, state: str) -> "Mark":
        """Return the mark of good, bad or not enough evidence."""
        return cls(state, tone(state))


def render(name: str, told: Told) -> str:
    """Return one of the pages.

    Parameters
    ----------
    name : {"executive", "on-call", "debug"}
    told : Told

    Returns
    -------
    str
        HTML in UTF-8 with styles and pictures inside; everything that came from people and rows is escaped.
    """
    from monitoring.panels import debug, executive, on_call

    panels: Iterator[Panel] = {"executive": executive, "on-call": on_call, "debug": debug}[name].panels(told)
    return _template().render(
        name=name,
        pages=PAGES,
        project=told.project.name,
        now=moment(told.now.isoformat(timespec="seconds")),
        champion=told.home.champion,
        panels=[(one, Markup(one.picture)) for one in panels],  # noqa: S704 - matplotlib has escaped their text
        palette=plots.PALETTE,
        is_mark=lambda cell: isinstance(cell, Mark),
    )


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("monitoring", package_path=""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("dashboard.html.jinja")
