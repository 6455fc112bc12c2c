"""What is known of a canary and the champion beside it: counts, and nothing of any one row."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pairs:
    """Rows of one class that both models judged, by who flagged them.

    Parameters
    ----------
    both, champion, canary, neither : int
        Flagged by both, by one of them only, by none.
    """

    both: int = 0
    champion: int = 0
    canary: int = 0
    neither: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.both + self.champion + self.canary + self.neither


@dataclass(frozen=True)
class Stream:
    """What one arm answered itself, and what became known of it.

    Parameters
    ----------
    answered, flagged : int
    positives, hits : int
        Labelled positives, and those of them that were flagged.
    negatives, alarms : int
        Labelled negatives, and those of them that were flagged.
    """

    answered: int = 0
    flagged: int = 0
    positives: int = 0
    hits: int = 0
    negatives: int = 0
    alarms: int = 0


@dataclass(frozen=True)
class Tallied:
    """Requests that an arm answered, of them those over the latency limit, and those that failed."""

    answered: int = 0
    slow: int = 0
    failed: int = 0


def _nothing() -> NDArray[np.float64]:
    return np.empty((0, 5))


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows that both models scored, whether or not their truth is known, alike ones together.

    Parameters
    ----------
    table : array of shape (n_cells, 5)
        The champion's score, the canary's, whether each flagged (0 or 1), and how many rows are so.
    """

    table: NDArray[np.float64] = field(default_factory=_nothing)

    @property
    def rows(self) -> int:
        """All of them."""
        return int(self.table[:, 4].sum())


@dataclass(frozen=True)
class Evidence:
    """All that a judgement reads.

    Parameters
    ----------
    champion, canary : Stream
        By who answered, since the canary began.
    positives, negatives : Pairs
        Labelled rows that both judged.
    cells : Cells
    tallied, champion_tallied : Tallied
        The canary's requests since it began, and the champion's.
    at_step : int
        Rows that the canary answered since it stands on this step of the ramp.
    cohorts : dict
        Of each cohort, value and arm the labelled positives and those found: ``{"region": {"north": {"canary": (9,
        7)}}}``.
    cohort_pairs : dict
        Of each cohort and value the labelled positives that both judged.
    """

    champion: Stream = Stream()
    canary: Stream = Stream()
    positives: Pairs = Pairs()
    negatives: Pairs = Pairs()
    cells: Cells = field(default_factory=Cells)
    tallied: Tallied = Tallied()
    champion_tallied: Tallied = Tallied()
    at_step: int = 0
    cohorts: dict[str, dict[str, dict[str, tuple[int, int]]]] = field(default_factory=dict)
    cohort_pairs: dict[str, dict[str, Pairs]] = field(default_factory=dict)
