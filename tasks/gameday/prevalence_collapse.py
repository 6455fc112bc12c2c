"""The old frauds all but cease: few positives are no evidence, and no evidence starts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.gameday import canary, chain
from tasks.gameday.scenario import TROUBLE, Scenario

if TYPE_CHECKING:
    from tasks.gameday.course import Course

_DAYS = 42  # a window of the watch, and the time in which answers settle
_FACTOR = 0.1


def play(course: Course) -> None:
    """Expect no alarm, no retrain, and findings that say that they are not enough evidence."""
    chain.quiet(course, TROUBLE)
    champion = course.outside.serving()["champion"]
    course.tell(f"from now on there are {_FACTOR:g} times as many frauds as before", mark="trouble")
    course.until(TROUBLE + _DAYS)
    stream = course.stream
    late = stream.labelled() & (stream.paid > course.day - _DAYS)
    course.tell(f"{int(late.sum())} labelled positives in {_DAYS} days")
    found = course.outside.watched()
    states = [one["state"] for one in found]
    course.timeline.expect(
        "three states",
        "no finding bad, most of them not enough evidence",
        f"{states.count('bad')} bad, {states.count('not enough evidence')} of {len(states)} not enough evidence",
        held="bad" not in states and 2 * states.count("not enough evidence") > len(states),
    )
    sounding = sum(one["breach"] for one in found)
    course.timeline.expect("no false alarm", "0 breaches", f"{sounding} breaches", held=not sounding)
    canary.stands(course, champion)
    chain.not_retrained(course)
    chain.accounted(course)
    chain.answered(course)


SCENARIO = Scenario(
    name="prevalence-collapse",
    says="nine of ten frauds cease: not enough evidence is said, nothing sounds and nothing is retrained",
    play=play,
    stream={"prevalence_day": TROUBLE, "prevalence_factor": _FACTOR},
)
