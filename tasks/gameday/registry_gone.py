"""The registry is gone: its database cannot be opened while traffic goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.gameday import canary, chain
from tasks.gameday.scenario import TROUBLE, Scenario

if TYPE_CHECKING:
    from tasks.gameday.course import Course

_DAYS = 14
_NOTICED = 30.0  # seconds


def play(course: Course) -> None:
    """Expect every row answered by the champion in memory, both alarms, and the same aliases afterwards."""
    chain.quiet(course, TROUBLE)
    champion, aliases = course.outside.serving()["champion"], course.outside.aliases()
    with _away(course.stage.home / "mlflow" / "mlflow.db"):
        course.tell("the registry's database cannot be opened any more", mark="trouble")
        course.until(course.day + _DAYS)
        seen = course.wait(lambda: bool(course.outside.readiness()["registry"]["away"]), seconds=_NOTICED)
        told = course.outside.readiness()
        course.timeline.expect("the router says so", "registry away", str(told["registry"]["away"])[:80], held=seen)
        still = (told["champion"] or {}).get("version")
        course.timeline.expect("it serves on", f"version {champion}", f"version {still}", held=still == champion)
        course.wait(lambda: _fails(course), seconds=_NOTICED)
        alarms = [one["alarm"] for one in course.outside.told()["alarms"]]
        course.timeline.expect("the monitor says so", "the alarm monitor.failed", ", ".join(alarms) or "no alarm",
                               held="monitor.failed" in alarms)  # fmt: skip
    course.tell("the registry is there again", mark="restored")
    course.until(course.day + 3)
    course.wait(lambda: not course.outside.readiness()["registry"]["away"], seconds=_NOTICED)
    away = course.outside.readiness()["registry"]["away"]
    course.timeline.expect("the router follows again", "registry there", f"away: {away}", held=away is None)
    course.wait(lambda: not _fails(course), seconds=_NOTICED)
    course.timeline.expect("the alarm is over", "cleared", "it stands" if _fails(course) else "cleared",
                           held=not _fails(course))  # fmt: skip
    now = course.outside.aliases()
    course.timeline.expect("aliases", str(aliases), str(now), held=now == aliases)
    canary.stands(course, champion)
    chain.not_retrained(course)
    chain.accounted(course)
    chain.answered(course)


def _fails(course: Course) -> bool:
    return any(one["alarm"] == "monitor.failed" for one in course.outside.told()["alarms"])


@contextmanager
def _away(database: Path) -> Iterator[None]:
    """Put a folder where the database was, so that nobody makes an empty one of that name meanwhile."""
    aside = database.with_suffix(".away")
    database.rename(aside)
    database.mkdir()
    try:
        yield
    finally:
        database.rmdir()
        aside.rename(database)


SCENARIO = Scenario(
    name="registry-gone",
    says="the registry is gone for two weeks: every row answered, told by router and monitor, then as before",
    play=play,
)
