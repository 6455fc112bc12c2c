"""A canary that finds half of what the champion finds: somebody put it there against the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.gameday import canary, chain
from tasks.gameday.scenario import TROUBLE, Scenario
from tasks.gameday.version import deafened

if TYPE_CHECKING:
    from tasks.gameday.course import Course

MOST_POSITIVES = 150
"""Labelled positives, of answers since it began, by which it has to be rolled back."""

_MOST_SHARE = 0.15  # of the payments that it may have answered: three times the first step of the ramp


def play(course: Course) -> None:
    """Expect a rollback on evidence, a champion that serves as before, and no retrain."""
    chain.quiet(course, TROUBLE)
    champion = course.outside.serving()["champion"]
    version = deafened(course.stage.project, course.stream, recall=0.45)
    course.tell(f"version {version} finds half as many, and somebody puts it on canary", mark="trouble")
    if canary.on_canary(course, version, force=True):
        canary.rolled_back(course, version, because="recall", within=MOST_POSITIVES)
        canary.stands(course, champion)
        canary.little_harm(course, version, _MOST_SHARE)
    chain.not_retrained(course)
    chain.accounted(course)
    chain.answered(course)


SCENARIO = Scenario(
    name="bad-canary",
    says="a version that finds half as many is put on canary: rolled back on evidence, the champion untouched",
    play=play,
)
