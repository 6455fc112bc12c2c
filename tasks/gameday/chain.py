"""The links of the chain, each looked at from the outside and held against what has to be there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.gameday import recall

if TYPE_CHECKING:
    from tasks.gameday.course import Course

COHORT, VALUE = "region", "north"
MOST_POSITIVES = 120
"""Settled labelled positives of the cohort, of answers since the trouble, by which it has to be noticed."""

_NOTICED = 40  # days at most
_RETRAIN = 300.0  # seconds from the alarm to the end of a retrain, on a busy machine
_RECOVERY = 30  # days at most
_SHOWN = 14  # days after a promotion, so that the picture shows what became of it
_MARGIN = 0.05  # of the recall, by which it may be lower after than before


def quiet(course: Course, until: int) -> None:
    """Live through quiet days: nothing may sound."""
    champion = course.outside.serving()["champion"]
    course.tell(f"version {champion} is champion; quiet days begin")
    course.until(until)
    fired = course.outside.triggers()
    course.timeline.expect("no false alarm", "0 triggers", f"{len(fired)} triggers", held=not fired)


def noticed(course: Course, since: int) -> dict[str, Any] | None:
    """Live until an alarm sounds; it has to be the cohort's, and soon enough."""
    fired = alarmed(course, since, where=(COHORT, VALUE))
    if fired is None or (fired["finding"]["cohort"], fired["finding"]["value"]) != (COHORT, VALUE):
        return None
    return fired


def alarmed(course: Course, since: int, *, where: tuple[str, str] | None = None) -> dict[str, Any] | None:
    """Live until an alarm sounds, and hold how soon and of what that was against what it may be.

    Parameters
    ----------
    course : Course
    since : int
        The day on which the trouble began.
    where : (str, str), optional
        The cohort and the value that it has to be of; by default any, or all rows.

    Returns
    -------
    dict or None
        The trigger.
    """
    stream = course.stream
    inside = stream.of(*where) if where else stream.everywhere()
    settle = course.stage.project.watch.settle
    days = settle.total_seconds() / course.stage.seconds_a_day if settle else 0.0

    def heard() -> int:
        since_then = (stream.paid >= since) & (stream.paid <= course.day - days)
        return int((stream.labelled() & inside & since_then).sum())

    course.until_seen(lambda: bool(course.outside.triggers()) or heard() > MOST_POSITIVES, days=_NOTICED)
    name = " ".join(where) if where else "some cohort or all rows"
    expected = f"an alarm of {name} within {MOST_POSITIVES} settled labelled positives"
    if not (fired := course.outside.triggers()):
        course.timeline.expect("noticed", expected, f"none within {heard()}", held=False)
        return None
    finding = fired[0]["finding"]
    found = f"{finding['cohort']} {finding['value']}".strip()
    course.tell(
        f"the alarm of {found} sounds after {heard()} settled positives: recall {finding['recall']:.2f} where the "
        f"{finding['against']} is {finding['limit']:.2f}; trigger {fired[0]['trigger']}",
        mark="alarm",
    )
    is_right = where in {None, (finding["cohort"], finding["value"])} and heard() <= MOST_POSITIVES
    course.timeline.expect("noticed", expected, f"one of {found} after {heard()}", held=is_right)
    return fired[0]


def state_of(course: Course, trigger: str) -> dict[str, Any]:
    """Return a trigger as the ledger has it now."""
    return next(one for one in course.outside.triggers() if one["trigger"] == trigger)


def retrained(course: Course, trigger: str) -> str | None:
    """Let the stream wait for the retrain of a trigger, and look at what it is and what became of it.

    Parameters
    ----------
    course : Course
    trigger : str

    Returns
    -------
    str or None
        The new version.
    """
    outside, timeline = course.outside, course.timeline

    def over() -> bool:
        ended = state_of(course, trigger)["state"] in {"done", "failed", "refused"}
        return ended and (not outside.has_prefect or "Completed" in outside.retrains(trigger))

    before = outside.versions()
    course.wait(over, seconds=_RETRAIN)
    became = state_of(course, trigger)
    outcome = became["outcome"] or {}
    course.tell(f"the retrain is {became['state']}: {became['reason']}", mark="retrain")
    is_done = became["state"] == "done" and outcome.get("is_new", False)
    timeline.expect("the trigger's retrain", "done, with a new version", _said(became, outcome), held=is_done)
    if outside.has_prefect:
        _one_run(course)
    if not is_done:
        return None
    version = str(outcome["version"])
    new = outside.versions() - before
    timeline.expect("registered once", "1 new version in MLflow", f"{new}", held=new == 1)
    tags = outside.tags(version)
    timeline.expect(
        "its cause stands on it",
        f"rarecall.trigger {trigger}",
        tags.get("rarecall.trigger", "no such tag"),
        held=tags.get("rarecall.trigger") == trigger,
    )
    return version


def _one_run(course: Course) -> None:
    """Look at the flow runs that the breach started on the Prefect server."""
    runs, triggers = course.outside.retrains(), len(course.outside.triggers())
    course.timeline.expect(
        "one retrain",
        "1 flow run Completed for 1 trigger",
        f"{', '.join(runs) or 'none'} for {triggers}",
        held=runs == ["Completed"] and triggers == 1,
    )


def targeted(course: Course, version: str) -> None:
    """Look at the rows that taught a version: all synthetic ones are of the cohort value, and each has its parents."""
    import pandas as pd

    from tasks.shelf import warehouse

    key = course.outside.tags(version)["rarecall.dataset_version"]
    dataset = warehouse(course.stage.project).find("datasets", key)
    rows = pd.read_parquet(dataset.file("train.parquet")) if dataset else pd.DataFrame({"is_synthetic": [], COHORT: []})
    made = rows[rows["is_synthetic"] == True]  # noqa: E712 - a column may hold missing values
    inside = int((made[COHORT] == VALUE).sum())
    course.timeline.expect(
        "rows for the cohort",
        f"synthetic rows, all of {COHORT} {VALUE}",
        f"{inside} of {len(made)} synthetic rows",
        held=0 < inside == len(made),
    )


def gated(course: Course, version: str) -> bool:
    """Look at the decision on a version: it holds every gate, and is the challenger."""
    tags, aliases = course.outside.tags(version), course.outside.aliases()
    held = tags["rarecall.decision"] == "promote" and aliases.get("challenger") == version
    got = f"{tags['rarecall.decision']}, {_names(aliases, version)}"
    if not held:
        got += f": {tags['rarecall.decision.reasons']}"
    return course.timeline.expect("gates", "promote, challenger", got, held=held)


def not_retrained(course: Course) -> None:
    """Look that no alarm of a cohort sounded, and no retrain was started for one."""
    fired, runs = course.outside.triggers(), course.outside.retrains() if course.outside.has_prefect else []
    got = f"{len(fired)} triggers, {len(runs)} retrains"
    course.timeline.expect("nothing for nothing", "0 triggers, 0 retrains", got, held=not fired and not runs)


def restored(course: Course, trigger: str, version: str, trouble: int) -> None:
    """Live until the watch finds the cohort good again, and compare the recall with the days before the trouble."""

    def good() -> bool:
        return not state_of(course, trigger)["standing"]

    stream, begun = course.stream, course.day
    is_good = course.until_seen(good, days=_RECOVERY)
    course.until(max(course.day, begun + _SHOWN))
    cohort = stream.labelled() & stream.of(COHORT, VALUE)
    _, many_before, before = recall.of(stream.flagged[cohort & (stream.paid < trouble)])
    hits, many, after = recall.of(stream.flagged[cohort & (stream.version == int(version))])
    value = hits / max(many, 1)
    course.tell(f"recall in {COHORT} {VALUE} is {value:.2f} on {many} labelled positives", mark="restored")
    course.timeline.expect("the watch says so", "the trigger recovered", "recovered" if is_good else "it still stands",
                           held=is_good)  # fmt: skip
    floor = course.stage.project.gates.minority_recall
    course.timeline.expect(
        "recall restored",
        f"at least {floor:.2f}, and not shown to be below that of before ({before.low:.2f} to {before.high:.2f} on "
        f"{many_before}) by more than {_MARGIN}",
        f"{value:.2f} ({after.low:.2f} to {after.high:.2f} on {many})",
        held=bool(many) and value >= floor and after.high >= before.low - _MARGIN,
    )


def accounted(course: Course) -> None:
    """Hold the budget against what was seen: every labelled positive is in it once, missed where it was missed."""
    stream, labelled = course.stream, course.stream.labelled()
    cells = {"all": labelled, VALUE: labelled & stream.of(COHORT, VALUE)}
    known = {one["value"]: (one["missed"], one["positives"]) for one in course.outside.budget()}
    for value, chosen in cells.items():
        missed = int((chosen & ~stream.flagged).sum())
        got = known.get(value, (0, 0))
        course.timeline.expect(
            f"budget of {value}",
            f"{missed} missed of {int(chosen.sum())} labelled positives",
            f"{got[0]} of {got[1]}",
            held=got == (missed, int(chosen.sum())),
        )


def answered(course: Course) -> None:
    """Look whether every row was answered, and whether the ledgers are whole."""
    missing = course.stream.unanswered
    course.timeline.expect("traffic", "every row answered", f"{missing} rows without an answer", held=missing == 0)
    faults = course.outside.told()["ledger"]["faults"]
    said = "; ".join(faults) or "none"
    course.timeline.expect("ledgers", "no fault in a chain", said, held=not faults)


def _said(trigger: dict[str, Any], outcome: dict[str, Any]) -> str:
    new = "a new version" if outcome.get("is_new") else "no new version"
    return f"{trigger['state']}, with {new} ({trigger['reason']})"


def _names(aliases: dict[str, str], version: str) -> str:
    return " and ".join(name for name, of in aliases.items() if of == version) or "without an alias"
