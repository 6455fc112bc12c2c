"""The course of a game day: days that pass on a stage, and what is looked for between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.gameday.scenario import HISTORY

if TYPE_CHECKING:
    from tasks.gameday.outside import Outside
    from tasks.gameday.stage import Stage
    from tasks.gameday.stream import Stream
    from tasks.gameday.timeline import Timeline

_LOOK = 0.5  # seconds between two looks while the stream waits


@dataclass
class Course:
    """A stage, the stream on it, and how far the day is.

    Attributes
    ----------
    stage : Stage
    stream : Stream
    outside : Outside
    timeline : Timeline
    day : int
        Of the stream: all before it was lived through.
    """

    stage: Stage
    stream: Stream
    outside: Outside
    timeline: Timeline
    day: int = HISTORY

    def live(self) -> None:
        """Live through one day: its payments, the labels that come, and the next export of the table."""
        began = time.monotonic()
        self.stream.ask(self.day)
        self.day += 1
        self.stream.tell(self.day)
        self.stream.deliver(self.stage.source, self.day)
        left = self.stage.seconds_a_day - (time.monotonic() - began)
        if left > 0:
            time.sleep(left)

    def until(self, day: int) -> None:
        """Live until a day."""
        while self.day < day:
            self.live()

    def until_seen(self, seen: Callable[[], bool], *, days: int) -> bool:
        """Live until something is seen, so many days at most; return whether it was."""
        last = self.day + days
        while not (found := seen()) and self.day < last:
            self.live()
        return found

    def wait(self, seen: Callable[[], bool], *, seconds: float) -> bool:
        """Let the stream wait until something is seen; return whether it was."""
        until = time.monotonic() + seconds
        while not (found := seen()) and time.monotonic() < until:
            time.sleep(_LOOK)
        return found

    def tell(self, said: str, *, mark: str | None = None) -> None:
        """Take down what happened on this day."""
        self.timeline.tell(self.day, said, mark=mark)
