"""A question that is asked of a canary, with its evidence for both answers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from rarecall.canary.evidence import Pairs
from rarecall.intervals import Interval
from rarecall.sequential import betting, split

State = Literal["worse", "not worse", "not enough evidence"]

WEIGHTS = {
    "recall": 0.45,
    "cohort_recall": 0.10,
    "false_alarms": 0.20,
    "positive_rate": 0.05,
    "scores": 0.05,
    "estimated_recall": 0.05,
    "errors": 0.05,
    "latency": 0.05,
}
"""Of alpha: what each measure may spend on calling a canary worse that is not. They sum to 1."""

_PAIRED = 0.8  # of the first coin goes on rows that both judged: they tell more, where there are any


@dataclass(frozen=True)
class Measure:
    """One question and what is known of it.

    Parameters
    ----------
    name : str
    value : float or None
        As it was measured; None where nothing was.
    limit : float
        What the value must not pass.
    worse, fine : float
        Logs of the evidence that it is past the limit, and that it is not.
    alpha : float
        Of the whole judgement: `fine` counts from log(1/alpha) on, `worse` from log(1/part) on.
    rows : int
        What it rests on.
    where : str
        Of which part of the rows it is, where not of all.
    interval : Interval, optional
        With one-sided bounds, each at the level at which it is judged: so it says what the state says.
    """

    name: str
    value: float | None
    limit: float
    worse: float
    fine: float
    alpha: float
    rows: int
    interval: Interval | None = None
    where: str = ""

    @property
    def part(self) -> float:
        """Its part of alpha."""
        return WEIGHTS[self.name] * self.alpha

    @property
    def state(self) -> State:
        """Which of the two is shown; worse where both are."""
        if self.worse >= np.log(1 / self.part):
            return "worse"
        return "not worse" if self.fine >= np.log(1 / self.alpha) else "not enough evidence"


def together(paired: float, apart: float) -> float:
    """Return the log of one fortune whose first coin was shared between two games.

    >>> round(float(np.exp(together(np.log(30.0), np.log(5.0)))), 6)
    25.0
    """
    return float(np.logaddexp(np.log(_PAIRED) + paired, np.log(1 - _PAIRED) + apart))


def of_pairs(pairs: Pairs, factor: float, difference: float, *, above: bool) -> float:
    """Return the evidence that the canary's rate lies above `factor` times the champion's plus a difference, or below.

    On rows that both judged, the outcome of a row is the canary's flag less `factor` times the champion's. With factor
    1 and no difference, only rows count on which they differ, as in McNemar's test: tosses of a fair coin while the
    rates are equal.
    """
    outcomes, counts = (1 - factor, -factor, 1, 0), (pairs.both, pairs.champion, pairs.canary, pairs.neither)
    return float(betting.evidence(outcomes, counts, difference, low=-factor, high=1, above=above))


def of_streams(
    champion: tuple[int, int], canary: tuple[int, int], *, factor: float = 1.0, shift: float = 0.0, above: bool
) -> float:
    """Return the same from rows that one of them judged alone: of each how often, and out of how many."""
    if champion[1] == canary[1] == 0:
        return 0.0
    return float(split.evidence(*champion, *canary, factor=factor, shift=shift, above=above))


def on_rows(outcomes: ArrayLike, counts: ArrayLike, *, low: float, high: float, above: bool) -> float:
    """Return the evidence that outcomes of any kind are above 0 on average, or below."""
    return float(betting.evidence(outcomes, counts, 0.0, low=low, high=high, above=above))
