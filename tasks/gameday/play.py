"""Play a scenario: stage, stream and timeline made, the chain lived through, and what it came to written down."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from rarecall.errors import RarecallError
from tasks.gameday.chain import COHORT, VALUE
from tasks.gameday.course import Course
from tasks.gameday.outside import Outside
from tasks.gameday.recall import compared, over_label_time
from tasks.gameday.scenario import HISTORY, Scenario
from tasks.gameday.stage import Stage, staged
from tasks.gameday.stream import Stream
from tasks.gameday.timeline import Timeline


def play(
    scenario: Scenario, home: Path, output: Path, *, say: Callable[[str], None], with_prefect: bool = True
) -> dict[str, Any]:
    """Play a scenario on a stack of its own, and return what was seen.

    Parameters
    ----------
    scenario : Scenario
    home : Path
        An empty folder for the stack.
    output : Path
        The folder of the page, its picture and its JSON.
    say : callable
        Told a sentence for each thing that happens.
    with_prefect : bool
        Whether a Prefect server and a worker are part of the stack.

    Returns
    -------
    dict
        JSON-ready: `scenario`, `says`, `held`, `seconds`, `events`, `expectations`, `recall` (by value of the region,
        over label time), `objective`, `cohort`, `value`, `begins`, `ends`, `after`
        (`tasks.gameday.recall.compared`), and the `page` and its `picture`.

    Raises
    ------
    StoreError
        The stack did not come up, or the output cannot be written.
    """
    from tasks.gameday.page import write

    timeline = Timeline(say)
    stream = Stream(scenario.payments())
    say(f"{scenario.name}: {scenario.says}")
    changes = scenario.settings
    deliver = partial(stream.deliver, day=HISTORY)
    with staged(home, deliver, say=say, changes=changes, with_prefect=with_prefect) as stage:
        stream.router = stage.addresses["router"]
        outside = Outside(stage.project, stage.addresses)
        course = Course(stage, stream, outside, timeline)
        try:
            _lived(scenario, course)
        finally:
            outside.close()
            stream.close()
    found = {
        "scenario": scenario.name,
        "says": scenario.says,
        **timeline.as_dict(),
        **_figures(course, stage),
    }
    return found | write(found, output)


def _lived(scenario: Scenario, course: Course) -> None:
    """Play; what could not be asked breaks the chain, and says so, instead of taking the page away."""
    try:
        scenario.play(course)
    except (RarecallError, httpx.HTTPError, OSError, LookupError, ValueError) as error:
        course.timeline.expect("the game day itself", "to come to its end", repr(error), held=False)


def _figures(course: Course, stage: Stage) -> dict[str, Any]:
    return {
        "cohort": COHORT,
        "value": VALUE,
        "objective": stage.project.watch.objective or stage.project.gates.minority_recall,
        "begins": HISTORY,
        "ends": course.day,
        "answered": int(course.stream.asked.sum()),
        "labelled": int(np.isfinite(course.stream.told).sum()),
        "after": compared(course.stage.project),
        "recall": over_label_time(course.stream, COHORT, begin=HISTORY, end=course.day),
    }
