"""A canary that takes too long for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.gameday import canary, chain
from tasks.gameday.scenario import TROUBLE, Scenario
from tasks.gameday.version import slowed

if TYPE_CHECKING:
    from tasks.gameday.course import Course

_TREES = 1000
_LIMIT_MS = 15.0
_SINGLY = 150  # payments of a day that are asked about alone, as a till does


def play(course: Course) -> None:
    """Expect a rollback for its latency, before labels could tell."""
    course.stream.singly = _SINGLY
    chain.quiet(course, TROUBLE)
    champion = course.outside.serving()["champion"]
    version = slowed(course.stage.project, course.stream, trees=_TREES)
    course.tell(f"version {version}, a forest of {_TREES} trees, is put on canary", mark="trouble")
    if canary.on_canary(course, version, force=True):
        canary.rolled_back(course, version, because="latency", within=150)
        canary.stands(course, champion)
    chain.not_retrained(course)
    chain.accounted(course)
    chain.answered(course)


SCENARIO = Scenario(
    name="slow-model",
    says="a canary that takes too long for an answer: rolled back for its latency, every row answered",
    play=play,
    settings={"canary": {"ramp": [0.10], "false_alarm_margin": 6.0, "min_requests": 50, "latency_ms_max": _LIMIT_MS}},
)
