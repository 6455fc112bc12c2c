"""The watch: the recall of each cohort in traffic, what it is held against, and whether the alarm sounds.

Everything is worked out anew from the prediction log, so it may be asked as often as one likes, of any moment that has
passed, and be killed in between.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from monitoring import matured, predictions
from monitoring.matured import Bools, Matured
from monitoring.watched_against import Against, against_of
from monitoring.watched_reasons import reasons
from rarecall.cohorts import in_order
from rarecall.finding import OVERALL, Finding
from rarecall.intervals import Interval
from rarecall.maturity import Corrected, Curve, corrected
from rarecall.project import Project
from rarecall.sequential import alarm
from rarecall.sequential.discoveries import discoveries

CROSSED = " x "
"""Between the two cohorts of a crossing, and between their values."""

LEARNED_FROM = 30
"""Labels from which a delay curve is believed."""

References = Mapping[str, Mapping[str, tuple[int, int]]]
"""By cohort and value what a version held when it was registered: hits and positives; `OVERALL` and "" for all rows."""

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is known of one cohort value in the window.

    Attributes
    ----------
    cohort, value : str
    since, until : datetime
        The window, by the time of the answer.
    recall, precision : Corrected
        Corrected for labels that are still to come; where the delays are not known yet, of settled answers only.
    is_corrected : bool
        Whether the delays are known, so that answers which have not settled count too.
    positives, hits : int
        Labelled positives in the window by now, and those that were flagged.
    first_told : float or None
        The recall by the labels that were told first, where some have been revised since.
    revised : int
        Rows of the window whose label is another one now.
    """

    cohort: str
    value: str
    since: datetime
    until: datetime
    recall: Corrected
    precision: Corrected
    is_corrected: bool
    positives: int
    hits: int
    first_told: float | None
    revised: int

    @property
    def missed(self) -> Interval:
        """The interval of the false-negative rate."""
        return Interval(1 - self.recall.interval.high, 1 - self.recall.interval.low)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A version as it was watched at a moment: its cells, and what is found of them."""

    version: int
    as_of: datetime
    answered: int
    cells: tuple[Cell, ...]
    findings: tuple[Finding, ...]
    maturity: Mapping[str, Any]


def findings(
    project: Project, *, version: int, as_of: datetime | None = None, references: References | None = None
) -> tuple[Finding, ...]:
    """Return what is found of a version: overall, of each cohort value, and of the crossings that the project names.

    Parameters
    ----------
    project : Project
    version : int
        Of the model.
    as_of : datetime, optional
        By default now. Nothing that was written later is seen, so a moment that has passed has one answer.
    references : mapping, optional
        What the version held when it was registered. Without a sample of a cohort value it is held against the
        objective alone.

    Returns
    -------
    tuple of Finding
        Against the objective, and against the reference where there is one; all rows first.

    Raises
    ------
    StoreError
        The prediction log cannot be read.
    """
    return watch(project, version=version, as_of=as_of, references=references).findings


def watch(
    project: Project, *, version: int, as_of: datetime | None = None, references: References | None = None
) -> Watched:
    """Return the cells and the findings; see `findings`."""
    known = references or {}
    seen = matured.read(predictions.url(project), version=version, as_of=as_of)
    moment = _moment(seen.as_of)
    cells, tests = [], []
    for cohort, value, inside in _segments(project, seen, known):
        cell = _cell(project, seen, inside, cohort, value)
        cells.append(cell)
        hits, coins = _stream(project, seen, inside)
        limits = against_of(project, known.get(cohort, {}).get(value))
        tests += [(cell, against, against.evidence(hits, coins)) for against in limits]
    sounds = discoveries([log for _, _, log in tests], project.watch.alpha)
    needed = float(np.log(max(len(tests), 1) / project.watch.alpha))
    found = tuple(
        _finding(project, version, cell, against, log, needed, breach=bool(breach))
        for (cell, against, log), breach in zip(tests, sounds, strict=True)
    )
    return Watched(
        version=version,
        as_of=moment,
        answered=seen.answered,
        cells=tuple(cells),
        findings=found,
        maturity=_maturity(project, seen),
    )


def settle(project: Project) -> timedelta:
    """Return how old an answer must be before the alarm hears it."""
    return project.label.delay if project.watch.settle is None else project.watch.settle


def _segments(project: Project, seen: Matured, known: References) -> Iterator[tuple[str, str, Bools]]:
    """Yield each cohort value with its rows: those that came, and those that the version was registered with."""
    yield OVERALL, "", np.ones(seen.at.size, dtype=bool)
    columns = {cohort.column: seen.cohorts.get(cohort.column) for cohort in project.cohorts}
    for cohort, values in columns.items():
        there = {str(value) for value in np.unique(values)} if values is not None else set()
        for value in in_order(there | set(known.get(cohort, {}))):
            yield cohort, value, np.zeros(seen.at.size, dtype=bool) if values is None else values == value
    for one, other in project.watch.crossings:
        first, second = columns.get(one), columns.get(other)
        if first is None or second is None:
            continue
        pairs = sorted({(str(a), str(b)) for a, b in zip(first, second, strict=True)})
        for a, b in pairs:
            yield f"{one}{CROSSED}{other}", f"{a}{CROSSED}{b}", (first == a) & (second == b)


def _stream(project: Project, seen: Matured, inside: Bools) -> tuple[Bools, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return the positives in the order in which the alarm hears them, and their coins.

    A positive is heard when it has settled and is known: what was heard stays where it stands, whatever comes later.
    """
    chosen = inside & seen.label
    heard = np.maximum(seen.at[chosen] + settle(project) // _MICROSECOND, seen.known[chosen])
    order = np.lexsort((seen.at[chosen], heard))
    order = order[heard[order] <= seen.as_of]
    coins = alarm.coins(heard[order], seen.begun, project.watch.horizon // _MICROSECOND)
    return seen.flagged[chosen][order], coins


def _cell(project: Project, seen: Matured, inside: Bools, cohort: str, value: str) -> Cell:
    since = _since(project, seen, inside)
    rows = inside & (seen.at >= since)
    confidence = project.gates.confidence
    settled = seen.at <= seen.as_of - settle(project) // _MICROSECOND
    can_correct = all(_is_known(project, seen, kind) for kind in ((True, True), (True, False)))
    of_recall = rows & seen.label & (True if can_correct else settled)
    recall = corrected(
        _groups(seen, of_recall & seen.flagged, (True, True), correct=can_correct),
        _groups(seen, of_recall & ~seen.flagged, (True, False), correct=can_correct),
        confidence,
    )
    precise = all(_is_known(project, seen, kind) for kind in ((True, True), (False, True)))
    of_precision = rows & seen.flagged & (True if precise else settled)
    precision = corrected(
        _groups(seen, of_precision & seen.label, (True, True), correct=precise),
        _groups(seen, of_precision & ~seen.label, (False, True), correct=precise),
        confidence,
    )
    revised = rows & (seen.first != seen.label)
    first = rows & seen.first
    return Cell(
        cohort=cohort,
        value=value,
        since=_moment(since),
        until=_moment(seen.as_of),
        recall=recall,
        precision=precision,
        is_corrected=can_correct,
        positives=int((rows & seen.label).sum()),
        hits=int((rows & seen.label & seen.flagged).sum()),
        first_told=float(seen.flagged[first].mean()) if revised.any() and first.any() else None,
        revised=int(revised.sum()),
    )


def _since(project: Project, seen: Matured, inside: Bools) -> int:
    """Return the beginning of the window: a time ago, or the so-manieth positive before now."""
    if project.watch.window_positives is None:
        return seen.as_of - project.watch.window // _MICROSECOND
    at = seen.at[inside & seen.label]
    return int(at[-project.watch.window_positives :][0]) if at.size else seen.begun


def _is_known(project: Project, seen: Matured, kind: tuple[bool, bool]) -> bool:
    """Return whether the delay of such labels is known: enough of them, on rows as old as labels may be late."""
    curve = seen.curves[kind]
    return curve.labels >= LEARNED_FROM and curve.oldest >= settle(project) // _MICROSECOND


def _groups(seen: Matured, rows: Bools, usual: tuple[bool, bool], *, correct: bool) -> list[tuple[Any, Curve]]:
    """Return the ages of rows with the curve by which their labels come; `usual` is there even without rows."""
    found = []
    for kind, curve in seen.curves.items():
        chosen = rows & (seen.label == kind[0]) & (seen.acted == kind[1])
        if chosen.any() or kind == usual:
            # A kind of label whose delays are not known counts as it stands.
            believed = curve if correct and curve.labels >= LEARNED_FROM else Curve.learn([], [])
            found.append((seen.as_of - seen.at[chosen], believed))
    return found


def _finding(
    project: Project, version: int, cell: Cell, against: Against, log: float, needed: float, *, breach: bool
) -> Finding:
    least = project.watch.min_positives or project.gates.min_positives
    return Finding(
        cohort=cell.cohort,
        value=cell.value,
        version=version,
        against=against.kind,
        limit=against.limit,
        recall=cell.recall.value,
        interval=cell.recall.interval,
        state=against.state(cell, least, project.gates.confidence),
        positives=cell.positives,
        since=cell.since.isoformat(),
        until=cell.until.isoformat(),
        log_evidence=max(log, -745.0),  # JSON has no infinities; this is the log of the least double
        breach=breach,
        reasons=tuple(reasons(cell, against.kind, against.limit, log, needed, least, breach=breach)),
    )


def _maturity(project: Project, seen: Matured) -> dict[str, Any]:
    """Return how soon labels come, in days."""
    names = {(True, True): "found positives", (True, False): "missed positives", (False, True): "false alarms"}
    day = timedelta(days=1) // _MICROSECOND
    told = {}
    for kind, name in names.items():
        curve = seen.curves[kind]
        ages = {f"days_to_{share:.0%}": curve.age_of(share) for share in (0.5, 0.9)}
        told[name] = {
            "labels": curve.labels,
            "is_known": _is_known(project, seen, kind),
            **{key: None if age is None else round(age / day, 2) for key, age in ages.items()},
        }
    return {"settle_days": settle(project) / timedelta(days=1), "by_kind": told}


def _moment(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + micros * _MICROSECOND
