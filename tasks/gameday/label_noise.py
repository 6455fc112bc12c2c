"""Honest payments begin to come back labelled as fraud: the recall seems to fall, and no model can mend that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.gameday import canary, chain
from tasks.gameday.scenario import TROUBLE, Scenario

if TYPE_CHECKING:
    import pandas as pd

    from tasks.gameday.course import Course

_SHARE = 0.02  # of the honest payments: more than there are frauds
_DELAY = 3  # days until such a label comes


def play(course: Course) -> None:
    """Expect an alarm, one retrain, and a gate that lets nothing learned from such labels serve."""
    chain.quiet(course, TROUBLE)
    champion = course.outside.serving()["champion"]
    course.tell(f"{_SHARE:.0%} of the honest payments begin to be labelled as fraud", mark="trouble")
    trigger = chain.alarmed(course, TROUBLE)
    if trigger:
        version = chain.retrained(course, trigger["trigger"])
        if version:
            chain.withheld(course, version)
            course.tell("the champion stands, and a person has to look at the labels", mark="restored")
            course.until(course.day + 5)
        fired = course.outside.triggers()
        course.timeline.expect("not again", "1 trigger, whatever sounds on", f"{len(fired)}", held=len(fired) == 1)
    canary.stands(course, champion)
    chain.accounted(course)
    chain.answered(course)


def disturbed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the stream with the labels of some honest payments turned, from the trouble on."""
    day = (frame["paid_at"] - frame["paid_at"].iloc[0].normalize()) / np.timedelta64(1, "D")
    drawn = np.random.default_rng(7).random(len(frame)) < _SHARE
    turned = drawn & (day >= TROUBLE).to_numpy() & (frame["fraud_kind"] == "none").to_numpy()
    known = frame["labelled_at"].mask(turned, frame["paid_at"] + np.timedelta64(_DELAY, "D"))
    return frame.assign(
        is_fraud=frame["is_fraud"].mask(turned, 1), labelled_at=known.astype(frame["labelled_at"].dtype)
    )


SCENARIO = Scenario(
    name="label-noise",
    says="honest payments come back labelled as fraud: one retrain, which no gate lets serve",
    play=play,
    disturb=disturbed,
)
