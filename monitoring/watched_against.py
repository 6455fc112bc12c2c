"""What a recall is held against: the project's objective, and what the version held when it was registered."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rarecall.finding import Reference
from rarecall.intervals import State, at_least, difference, wilson
from rarecall.project import Project
from rarecall.sequential import alarm

if TYPE_CHECKING:
    from monitoring.watched import Cell


@dataclass(frozen=True)
class Against:
    """What a recall is held against; `sample` is that of the reference."""

    kind: Reference
    limit: float
    margin: float = 0.0
    sample: tuple[int, int] = (0, 0)

    def evidence(self, hits: NDArray[np.bool_], coins: NDArray[np.float64]) -> float:
        """Return the log of the evidence that the recall of these positives has fallen below it."""
        if not hits.size:
            return float("-inf")
        if self.kind == "objective":
            return float(alarm.path(hits, self.limit, coins)[-1])
        return float(alarm.path_below(hits, self.sample, coins, margin=self.margin)[-1])

    def state(self, cell: "Cell", least: int, confidence: float) -> State:
        """Return what the interval of the cell says by itself."""
        recall = cell.recall
        if recall.value is None or recall.counted < least:
            return "not enough evidence"
        if self.kind == "objective":
            return at_least(recall.interval, self.limit)
        hits, of = self.sample
        apart = difference(recall.value, recall.interval, hits / of, wilson(hits, of, confidence))
        return at_least(apart, -self.margin)


def against_of(project: Project, sample: tuple[int, int] | None) -> list[Against]:
    """Return the objective, and the reference where the version was registered with a sample of the cohort value."""
    objective = project.gates.minority_recall if project.watch.objective is None else project.watch.objective
    found = [Against("objective", objective)]
    if sample and sample[1]:
        margin = project.watch.margin
        found.append(Against("reference", max(sample[0] / sample[1] - margin, 0.0), margin, sample))
    return found
