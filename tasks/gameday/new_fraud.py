"""A new fraud in one cohort, of which the champion knows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.gameday import canary, chain
from tasks.gameday.scenario import TROUBLE, Scenario

if TYPE_CHECKING:
    from tasks.gameday.course import Course


def play(course: Course) -> None:
    """Expect an alarm, one retrain aimed at the cohort, gates, canary, promotion, and a recall as before."""
    chain.quiet(course, TROUBLE)
    course.tell("a fraud that nobody has seen begins in the north", mark="trouble")
    trigger = chain.noticed(course, TROUBLE)
    version = chain.retrained(course, trigger["trigger"]) if trigger else None
    if trigger and version:
        chain.targeted(course, version)
        if chain.gated(course, version) and canary.on_canary(course, version) and canary.promoted(course, version):
            chain.restored(course, trigger["trigger"], version, TROUBLE)
    chain.accounted(course)
    chain.answered(course)


SCENARIO = Scenario(
    name="new-fraud",
    says="a new fraud begins in the north: noticed, retrained once, on canary, promoted, recall as before",
    play=play,
    stream={"new_pattern_day": TROUBLE, "new_pattern_share": 0.05},
)
