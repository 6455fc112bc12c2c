"""Costs: what labelled answers cost, as the project counts it."""

from monitoring.label_time import Counts
from rarecall.sections import Costs


def cost(counts: Counts, costs: Costs) -> float:
    """Return what answers cost together; below 0 they gain.

    >>> cost(Counts(hits=3, missed=1, false_alarms=5), Costs(false_negative=100, false_positive=2))
    110.0
    """
    return (
        counts.hits * costs.true_positive
        + counts.missed * costs.false_negative
        + counts.false_alarms * costs.false_positive
        + counts.rest * costs.true_negative
    )
