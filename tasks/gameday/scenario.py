"""A scenario: one trouble, and the chain that has to follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from tasks.gameday.course import Course

ROWS_A_DAY = 1500
FRAUD_SHARE = 0.015
HISTORY = 27
"""Days that the champion knows of when the stream begins."""

TROUBLE = 34
"""The day on which a scenario's trouble begins; the days before it are quiet."""

LAST = 110
"""The last day that there is."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A trouble by its name.

    Attributes
    ----------
    name, says : str
        `says` is one line for a list.
    play : callable
        Lives through it; a course has the stack, the stream and the timeline.
    stream : mapping
        Knobs of `rarecall.simulator.payments.Payments` that differ from a quiet stream's.
    settings : mapping
        Sections of the project file that differ from the game day's own.
    """

    name: str
    says: str
    play: Callable[[Course], None]
    stream: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def payments(self) -> pd.DataFrame:
        """Return the payments of all its days."""
        from rarecall.simulator.simulate import Payments, simulate

        return simulate(Payments(rows=ROWS_A_DAY * LAST, days=LAST, fraud_share=FRAUD_SHARE, **self.stream))
