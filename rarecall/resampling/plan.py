"""The plan: which real rows give how many synthetic ones, among which neighbours, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecall.resampling.columns import Columns
from rarecall.resampling.course import Course

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Distances:
    """Quantiles of the distances between parents and their neighbours, in the metric's units."""

    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float

    @classmethod
    def of(cls, distance: Floats) -> "Distances":
        """Return the quantiles of finite distances; zeros where there are none."""
        finite = distance[np.isfinite(distance)]
        return cls(*(np.quantile(finite, [0, 0.25, 0.5, 0.75, 1]).tolist() if len(finite) else [0.0] * 5))


@dataclass(frozen=True)
class ClassPlan:
    """One class's part of a plan.

    Attributes
    ----------
    label : object
        The class.
    requested, planned : int
        Rows asked for, and rows that the quota leaves.
    n_rows, n_eligible : int
        Real rows of the class, and those that may be parents.
    n_neighbors : int
        Neighbours that were used, after any shrinking.
    parents : ndarray of int of shape (n_parents,)
        Row numbers of the parents that give at least one row, ascending.
    counts : ndarray of int of shape (n_parents,)
        How many rows each gives; they sum to `planned`.
    neighbors : ndarray of int of shape (n_parents, n_neighbors)
        Row numbers of each parent's nearest eligible rows of its class.
    difficulty : ndarray of float of shape (n_parents,)
        r_i, the share of other classes among each parent's neighbours (He et al. 2008, eq. 2).
    histogram : tuple of (edges, counts)
        Of r_i over the class's eligible rows.
    distances : Distances
        Between the eligible rows and their neighbours among all rows.
    """

    label: Any
    requested: int
    planned: int
    n_rows: int
    n_eligible: int
    n_neighbors: int
    parents: Ints
    counts: Ints
    neighbors: Ints
    difficulty: Floats
    histogram: tuple[tuple[float, ...], tuple[int, ...]]
    distances: Distances


@dataclass(frozen=True)
class Plan:
    """What will be drawn. The same plan and the same parents give the same rows, in whatever blocks.

    Attributes
    ----------
    classes : tuple of ClassPlan
    columns : Columns
    seed : int
    n_rows : int
        Real rows of the table that was planned for.
    ids : ndarray, optional
        The rows' ids; none: their numbers.
    course : Course
        How the rows stray from the lines between parents and neighbours.
    neighbor_recall : float
        Share of the true neighbours that the search found; 1.0 when it was exact.
    notes : tuple of str
        What fell back, was cut or shrank, a sentence each.
    """

    classes: tuple[ClassPlan, ...]
    columns: Columns
    seed: int
    n_rows: int
    ids: NDArray[Any] | None = None
    course: Course = field(default_factory=Course)
    neighbor_recall: float = 1.0
    notes: tuple[str, ...] = ()
    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_synthetic(self) -> int:
        """Rows that the plan gives."""
        return sum(part.planned for part in self.classes)

    @property
    def quota(self) -> dict[Any, int]:
        """Rows that the plan gives for each class."""
        return {part.label: part.planned for part in self.classes}

    @property
    def median_distance(self) -> float:
        """Median distance to a neighbour over the augmented classes, weighted by their parents."""
        medians = [part.distances.median for part in self.classes]
        weights = [part.n_eligible for part in self.classes]
        return float(np.average(medians, weights=weights)) if medians else 0.0

    def facts(self) -> dict[str, Any]:
        """Return what a manifest keeps: JSON values, without the arrays."""
        return {
            "classes": [
                {
                    "label": _plain(part.label),
                    "requested": part.requested,
                    "planned": part.planned,
                    "rows": part.n_rows,
                    "eligible": part.n_eligible,
                    "parents": len(part.parents),
                    "n_neighbors": part.n_neighbors,
                    "difficulty_edges": list(part.histogram[0]),
                    "difficulty_counts": list(part.histogram[1]),
                    "neighbor_distance": vars(part.distances).copy(),
                }
                for part in self.classes
            ],
            "seed": self.seed,
            "off_segment": self.course.off_segment,
            "n_mixed": self.course.n_mixed,
            "neighbor_recall": self.neighbor_recall,
            "rejected": dict(self.rejected),
            "notes": list(self.notes),
        }


def histogram_of(difficulty: Floats) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return edges and counts of r_i in ten equal bins from 0 to 1."""
    counts, edges = np.histogram(difficulty, bins=10, range=(0.0, 1.0))
    return tuple(edges.round(10).tolist()), tuple(counts.tolist())


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
