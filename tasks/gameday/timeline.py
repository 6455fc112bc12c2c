"""The timeline of a game day: what happened when, and what was expected beside what came."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

MARKS = ("trouble", "alarm", "retrain", "canary", "promotion", "rollback", "restored")
"""What the picture marks, in the order in which a whole chain has them."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened.

    Attributes
    ----------
    day : float
        Of the stream.
    seconds : float
        Since the game day began, by this machine's clock.
    said : str
    mark : str or None
        One of `MARKS`, for the picture.
    """

    day: float
    seconds: float
    said: str
    mark: str | None = None


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What was expected of one link of the chain, and what came.

    Attributes
    ----------
    link : str
        Such as `one retrain`.
    expected, got : str
    held : bool
    """

    link: str
    expected: str
    got: str
    held: bool


class Timeline:
    """Takes down what happens and what is expected, and tells it line by line.

    Parameters
    ----------
    say : callable
        Told a sentence for each.

    Examples
    --------
    >>> told = []
    >>> timeline = Timeline(told.append)
    >>> timeline.tell(34, "a new fraud begins in the north", mark="trouble")
    >>> timeline.expect("one retrain", "1 flow run", "2 flow runs", held=False)
    False
    >>> told[1], timeline.held
    ('NOT HELD  one retrain: expected 1 flow run, got 2 flow runs', False)
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._began = time.monotonic()
        self.events: list[Event] = []
        self.expectations: list[Expectation] = []

    @property
    def held(self) -> bool:
        """Whether something was expected, and all of it came."""
        return bool(self.expectations) and all(one.held for one in self.expectations)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def tell(self, day: float, said: str, *, mark: str | None = None) -> None:
        """Take down what happened; with a mark the picture shows it."""
        event = Event(day=day, seconds=round(self.seconds, 1), said=said, mark=mark)
        self.events.append(event)
        self._say(f"day {day:5.1f} {event.seconds:6.1f} s  {said}")

    def expect(self, link: str, expected: str, got: str, *, held: bool) -> bool:
        """Take down an expectation; return whether it held."""
        one = Expectation(link=link, expected=expected, got=got, held=bool(held))
        self.expectations.append(one)
        self._say(line(one))
        return one.held

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {
            "held": self.held,
            "seconds": round(self.seconds, 1),
            "events": [asdict(one) for one in self.events],
            "expectations": [asdict(one) for one in self.expectations],
        }


def line(one: Expectation) -> str:
    """Return an expectation in one line.

    >>> line(Expectation(link="one retrain", expected="1 flow run", got="1 flow run", held=True))
    'held      one retrain: expected 1 flow run, got 1 flow run'
    """
    return f"{'held    ' if one.held else 'NOT HELD'}  {one.link}: expected {one.expected}, got {one.got}"
