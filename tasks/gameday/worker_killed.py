"""The worker is killed with the retrain that it runs: a trigger that was claimed must not be lost, nor run twice."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import psutil

from tasks.gameday import chain
from tasks.gameday.scenario import TROUBLE, Scenario

if TYPE_CHECKING:
    from tasks.gameday.course import Course

_BEGINS = 120.0  # seconds from the alarm until a retrain has claimed its trigger


def play(course: Course) -> None:
    """Expect the trigger due again, one new version all the same, and a challenger as if nothing had been."""
    chain.quiet(course, TROUBLE)
    course.tell("a fraud that nobody has seen begins in the north", mark="trouble")
    trigger = chain.noticed(course, TROUBLE)
    if trigger:
        name = trigger["trigger"]
        course.wait(lambda: chain.state_of(course, name)["state"] == "running", seconds=_BEGINS)
        killed = _kill(course)
        course.tell(f"the worker is killed with {killed - 1} processes of its own, while the retrain runs")
        course.timeline.expect("killed in the middle", "state running", chain.state_of(course, name)["state"],
                               held=chain.state_of(course, name)["state"] == "running")  # fmt: skip
        version = chain.retrained(course, name, killed=1)
        if version:
            chain.targeted(course, version)
            chain.gated(course, version)
    chain.accounted(course)
    chain.answered(course)


def _kill(course: Course) -> int:
    """Kill the worker and all that it began, at once, and return how many that were."""
    known = json.loads((course.stage.home / "up.json").read_text(encoding="utf-8"))
    worker = psutil.Process(known["children"]["worker"]["pid"])
    all_of_it = [worker, *worker.children(recursive=True)]
    for one in all_of_it:
        one.send_signal(signal.SIGKILL)
    psutil.wait_procs(all_of_it, timeout=10)
    return len(all_of_it)


SCENARIO = Scenario(
    name="worker-killed",
    says="the worker is killed with the retrain it runs: begun again once, one version, nothing lost",
    play=play,
    stream={"new_pattern_day": TROUBLE, "new_pattern_share": 0.05},
    settings={"triggers": {"taken_within": "1.2m"}},
)
