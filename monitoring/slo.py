"""Objectives held against what is known: budgets, burns, and which rules say that somebody should be told.

Recall is judged here from the prediction log, over label time. Availability and latency are counted by each server and
kept by Prometheus, whose rules (`monitoring.rules`) say the same of all three.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from monitoring.label_time import ALL, Cell, Counts, Known, windows
from rarecall import burn
from rarecall.intervals import Interval, State, at_least
from rarecall.project import Project
from rarecall.sections.slo import RECALL, REQUESTS, BurnRule, recall_objective, rules_for

BREACH = timedelta(days=7)
"""The window whose recall is held against the objective itself."""

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Objective:
    """What is promised, and the rules over its budget.

    Attributes
    ----------
    name : {"recall", "availability", "latency"}
    objective : float
        The share of the events that must be good, between 0 and 1.
    rules : tuple of BurnRule
        Each of them can fire.
    changed : tuple of str
        Why a usual rule was made another one.
    """

    name: Literal["recall", "availability", "latency"]
    objective: float
    rules: tuple[BurnRule, ...]
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Burn:
    """A rule over the budget of one cohort value, at one moment.

    Attributes
    ----------
    rule : BurnRule
    positives, missed : int
        Of the rule's window.
    rate, short_rate : float or None
        None without a positive; the second None where the rule has no short window.
    state : {"firing", "silent", "not enough evidence"}
        With fewer positives than `gates.min_positives` there is not enough evidence.
    """

    rule: BurnRule
    positives: int
    missed: int
    rate: float | None
    short_rate: float | None
    state: Literal["firing", "silent", "not enough evidence"]


@dataclass(frozen=True)
class Status:
    """The recall of one cohort value against its objective.

    Attributes
    ----------
    cohort, value : str
    positives, missed : int
        Of the period.
    left : float or None
        Share of the period's budget; below 0 where more was missed than may be.
    week : Counts
        Of the window of the breach.
    interval : Interval
        Of that window's recall.
    state : {"good", "bad", "not enough evidence"}
        That interval against the objective; bad is a breach.
    burns : tuple of Burn
    """

    cohort: str
    value: str
    positives: int
    missed: int
    left: float | None
    week: Counts
    interval: Interval
    state: State
    burns: tuple[Burn, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            "cohort": self.cohort,
            "value": self.value,
            "positives": self.positives,
            "missed": self.missed,
            "budget_left": self.left,
            "recall": self.week.recall,
            "interval": list(self.interval) if self.week.positives else None,
            "week": asdict(self.week),
            "state": self.state,
            "rules": [
                {
                    "severity": one.rule.severity,
                    "factor": one.rule.factor,
                    "window": burn.written(one.rule.window),
                    "short": one.rule.short and burn.written(one.rule.short),
                    "positives": one.positives,
                    "missed": one.missed,
                    "burn": one.rate,
                    "short_burn": one.short_rate,
                    "state": one.state,
                }
                for one in self.burns
            ],
        }


def objectives(project: Project) -> tuple[Objective, ...]:
    """Return what a project promises; recall is left out where its gate allows everything or nothing."""
    slo = project.slo
    asked = (
        ("recall", recall_objective(slo, project.gates), slo.recall_rules, RECALL),
        ("availability", slo.availability, slo.availability_rules, REQUESTS),
        ("latency", slo.latency, slo.latency_rules, REQUESTS),
    )
    found = []
    for name, objective, configured, usual in asked:
        if objective is None:
            continue
        said = () if configured else (burn.refusal(one.factor, one.window, objective) for one in usual)
        rules = tuple(rules_for(configured, usual, objective))
        found.append(Objective(name, objective, rules, tuple(one for one in said if one)))  # type: ignore[arg-type]
    return tuple(found)


def lengths(project: Project) -> tuple[timedelta, ...]:
    """Return the windows of label time that the project's rules and pages read, ascending."""
    recall = next((one for one in objectives(project) if one.name == "recall"), None)
    asked = {DAY, BREACH, project.slo.period}
    for rule in recall.rules if recall else ():
        asked |= {rule.window} | ({rule.short} if rule.short else set())
    return tuple(sorted(asked))


def known(project: Project, url: str, as_of: datetime) -> Known:
    """Return what a project's prediction log says by now of the windows that its rules read."""
    return windows(url, lengths(project), as_of)


def statuses(project: Project, found: Known) -> list[Status]:
    """Return how the recall stands, of all rows first and then of each cohort value with a labelled positive.

    Parameters
    ----------
    project : Project
    found : Known
        As `known` returned it.

    Returns
    -------
    list of Status
        Empty where the project promises no recall.
    """
    recall = next((one for one in objectives(project) if one.name == "recall"), None)
    if recall is None:
        return []
    period = found.cells[project.slo.period]
    cells = [ALL, *sorted(cell for cell in period if cell != ALL and period[cell].positives)]
    return [_status(project, recall, found.cells, cell) for cell in cells]


def _status(
    project: Project, recall: Objective, cells: Mapping[timedelta, Mapping[Cell, Counts]], cell: Cell
) -> Status:
    def of(window: timedelta) -> Counts:
        return cells[window].get(cell, Counts())

    gates, whole, week = project.gates, of(project.slo.period), of(BREACH)
    interval = week.recall_interval(gates.confidence)
    state: State = (
        at_least(interval, recall.objective) if week.positives >= gates.min_positives else "not enough evidence"
    )
    burns = []
    for rule in recall.rules:
        seen = of(rule.window)
        rate = burn.rate(seen.missed, seen.positives, recall.objective)
        short = of(rule.short) if rule.short else None
        short_rate = burn.rate(short.missed, short.positives, recall.objective) if short else None
        high = all(one is not None and one > rule.factor for one in (rate, *((short_rate,) if short else ())))
        told = "not enough evidence" if seen.positives < gates.min_positives else "firing" if high else "silent"
        burns.append(Burn(rule, seen.positives, seen.missed, rate, short_rate, told))
    left = burn.left(whole.missed, whole.positives, recall.objective)
    return Status(*cell, whole.positives, whole.missed, left, week, interval, state, tuple(burns))
