"""Whether a breach starts a retrain: one cause, one retrain; and which breach is the cause."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rarecall.digest import of_value
from rarecall.finding import OVERALL, Finding
from rarecall.sections import Triggers

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Fired:
    """A trigger of the past, as far as it bears on the next one.

    Attributes
    ----------
    id : str
    fingerprint : str
        Of its finding.
    about : str
        The same without the model's version: see `about`.
    at : datetime
    open : bool
        Whether its retrain has not ended, or a person has not answered.
    started : bool
        Whether it started a retrain, or still may; one that was refused did not.
    standing : bool
        Whether its cohort has not been good since.
    """

    id: str
    fingerprint: str
    about: str
    at: datetime
    open: bool
    started: bool
    standing: bool


def about(cohort: str, value: str, against: str) -> str:
    """Return what a finding is about, whatever the version of the model.

    >>> about("region", "north", "objective") == about("region", "north", "reference")
    False
    """
    return of_value([cohort, value, against])


def causes(findings: Sequence[Finding]) -> list[Finding]:
    """Return the breaches, the likeliest cause first.

    A cohort whose recall fell takes the whole down with it, so it comes before the whole; but where of one cohort
    several values are breached and none is good, no value is the cause, and the whole comes first.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from rarecall.intervals import Interval
    >>> window = dict(version=3, against="objective", limit=0.8, since="2026-03-01", until="2026-03-08", positives=90)
    >>> seen = window | dict(recall=0.5, interval=Interval(0.4, 0.6), state="bad", breach=True)
    >>> whole = Finding(cohort=OVERALL, value="", log_evidence=9.0, **seen)
    >>> north, south = (Finding(cohort="region", value=v, log_evidence=5.0, **seen) for v in ("north", "south"))
    >>> [one.value for one in causes([whole, north])]
    ['north', '']
    >>> [one.value for one in causes([north, whole, south])]
    ['', 'north', 'south']
    >>> [one.value for one in causes([north, whole, replace(north, against="reference")])]
    ['north', 'north', '']
    """
    breaches = [one for one in findings if one.breach]
    by_cohort: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        if one.cohort != OVERALL:
            by_cohort[one.cohort].append(one)
    # A value may be breached twice, below the objective and below what it was registered with.
    everywhere = any(
        len({one.value for one in of if one.breach}) > 1 and not any(one.state == "good" for one in of)
        for of in by_cohort.values()
    )
    return sorted(breaches, key=lambda one: ((one.cohort == OVERALL) != everywhere, -one.log_evidence))


def held(finding: Finding, past: Sequence[Fired], rules: Triggers, now: datetime) -> str | None:
    """Return why a breach starts nothing, or None where it may.

    One cause is one retrain. A version that falls below what it held itself is a new cause each time there is a new
    version. That a cohort lies below the objective is the same cause until it was good: where a retrain did not mend
    that, another one of the same rows would not either, and a person has to look.

    Parameters
    ----------
    finding : Finding
        That is breached.
    past : sequence of Fired
        Every trigger of the model so far.
    rules : Triggers
    now : datetime

    Examples
    --------
    >>> from datetime import UTC
    >>> from rarecall.intervals import Interval
    >>> north = Finding(
    ...     cohort="region", value="north", version=3, against="objective", limit=0.8, recall=0.5, state="bad",
    ...     interval=Interval(0.4, 0.6), positives=90, since="2026-03-01", until="2026-03-08", log_evidence=7.1,
    ...     breach=True,
    ... )
    >>> then, now = datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 3, 8, 6, tzinfo=UTC)
    >>> held(north, [], Triggers(), now) is None
    True
    >>> before = dict(id="1f0c", at=then, about="", started=True)
    >>> held(north, [Fired(fingerprint=north.fingerprint, open=False, standing=True, **before)], Triggers(), now)
    'trigger 1f0c was raised for it and it has not been good since'
    >>> held(north, [Fired(fingerprint="another", open=False, standing=True, **before)], Triggers(), now)
    'trigger 1f0c started a retrain at 2026-03-08 00:00Z, and triggers.cooldown holds until 2026-03-09 00:00Z'
    """
    if not rules.retrain:
        return "triggers.retrain is false"
    return _same_cause(finding, past) or _too_soon(past, rules, now)


def _same_cause(finding: Finding, past: Sequence[Fired]) -> str | None:
    told = about(finding.cohort, finding.value, finding.against)
    for one in reversed(past):
        if one.standing and one.fingerprint == finding.fingerprint:
            return f"trigger {one.id} was raised for it and it has not been good since"
        if finding.against == "objective" and one.standing and one.about == told:
            return (
                f"trigger {one.id} retrained for it, and the version that serves now does not hold the objective "
                "either: a person has to look, or newer rows have to come with the scheduled retrain"
            )
    for one in past:
        if one.open:
            return f"trigger {one.id} is under way"
    return None


def _too_soon(past: Sequence[Fired], rules: Triggers, now: datetime) -> str | None:
    started = [one for one in past if one.started]
    if started and now - started[-1].at < rules.cooldown:
        until = started[-1].at + rules.cooldown
        return (
            f"trigger {started[-1].id} started a retrain at {_at(started[-1].at)}, and triggers.cooldown holds until "
            f"{_at(until)}"
        )
    today = [one for one in started if now - one.at < _DAY]
    if len(today) >= rules.max_per_day:
        return (
            f"{len(today)} retrains were started within 24 hours, and triggers.max_per_day is {rules.max_per_day}; "
            f"the next may be at {_at(today[0].at + _DAY)}"
        )
    return None


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"
