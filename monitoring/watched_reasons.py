"""What is said to a person of a finding: why it is what it is, and how far it may be believed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rarecall.finding import OVERALL

if TYPE_CHECKING:
    from monitoring.watched import Cell

_PART = 0.98  # known so far; what is still to come is worth a sentence below that


def reasons(
    cell: "Cell", against: str, limit: float, log: float, needed: float, least: int, *, breach: bool
) -> Iterator[str]:
    """Yield sentences: the alarm first, then what the figure stands on.

    Parameters
    ----------
    cell : Cell
    against, limit
        As of the finding.
    log, needed : float
        The log of the evidence, and of what sounds the alarm by itself.
    least : int
        Labelled positives from which a state is told.
    breach : bool
    """
    recall, who = cell.recall, "all rows" if cell.cohort == OVERALL else f"{cell.cohort} {cell.value}"
    asked = f"its objective of {limit:.2f}" if against == "objective" else f"what it was registered with ({limit:.2f})"
    if breach:
        yield f"{who}: recall has fallen below {asked}: evidence {_odds(log)} to 1, where {_odds(needed)} is enough"
    if recall.value is None:
        yield f"{who}: no labelled positive is old enough to be counted"
    elif recall.counted < least:
        yield f"{who}: {recall.counted} labelled positives, {least} are needed for a judgement"
    if not cell.is_corrected and recall.counted < cell.positives:
        yield (
            "how late labels come is not known yet, so only answers that have settled are counted: "
            f"{recall.counted} of {cell.positives} labelled positives"
        )
    if cell.is_corrected and recall.known is not None and recall.known < _PART:
        yield (
            f"{recall.known:.0%} of its positives are known by now; with those that are to come the recall is "
            f"{recall.value:.2f}, by those that are known {cell.hits / cell.positives:.2f}"
        )
    if cell.is_corrected and recall.young:
        yield f"{recall.young} labelled positives are of rows too young to be corrected, and left out"
    if cell.revised:
        before = "" if cell.first_told is None else f"; by what was told first the recall was {cell.first_told:.2f}"
        yield f"the labels of {cell.revised} of its rows were revised{before}"


def _odds(log: float) -> str:
    """Return evidence as a person reads it.

    >>> _odds(3.0), _odds(99.0)
    ('20', 'over a million')
    """
    return "over a million" if log > np.log(1e6) else f"{np.exp(log):,.0f}"
