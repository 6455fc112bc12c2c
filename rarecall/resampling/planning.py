"""Planning: from a space of rows and their classes to who gives how many rows (He et al. 2008, steps 2 and 3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from rarecall.resampling.allocation import allocate
from rarecall.resampling.annotations import Annotations
from rarecall.resampling.columns import Columns
from rarecall.resampling.metric import Mixed
from rarecall.resampling.plan import ClassPlan, Distances, Floats, Ints, Plan, histogram_of
from rarecall.resampling.quota import Quota
from rarecall.resampling.refusal import SamplingError
from rarecall.search.blocks import Matrix, Table

OnEasy = Literal["smote", "uniform", "skip", "raise"]


@dataclass
class Planner:
    """Plans the classes of one table, one against the rest, and keeps what there is to say about it.

    Parameters
    ----------
    space : Table
    y : ndarray of shape (n_rows,)
    neighbors : estimator
        With `fit`, and `neighbors_of` or `kneighbors`; cloned before use.
    n_neighbors : int
    on_easy : {"smote", "uniform", "skip", "raise"}
        What to do where no row of a class has a neighbour of another class, so that every r_i is zero. `smote` gives
        each parent a share at random, as SMOTE does, `uniform` the same share.
    known : Annotations
        Where no row of a cohort that is to get more is hard, its rows count as hard as the others do on average.
    quota : Quota
    seed : int
    """

    space: Matrix | Mixed
    y: NDArray[Any]
    neighbors: Any
    n_neighbors: int
    on_easy: OnEasy
    known: Annotations
    quota: Quota
    seed: int
    notes: list[str] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)

    def plan(self, wanted: Mapping[Any, int], columns: Columns, *, row_bytes: float) -> Plan:
        """Return the plan for so many rows of each class."""
        classes = self._classes(wanted, row_bytes=row_bytes)
        return Plan(
            classes=classes,
            columns=columns,
            seed=self.seed,
            n_rows=len(self.y),
            ids=self.known.ids,
            neighbor_recall=min(self.recalls, default=1.0),
            notes=tuple(self.notes),
        )

    def _classes(self, wanted: Mapping[Any, int], *, row_bytes: float) -> tuple[ClassPlan, ...]:
        allowed, notes = self.quota.cut(wanted, n_rows=len(self.y), row_bytes=row_bytes)
        self.notes += notes
        parts = (self._class(label, wanted[label], count) for label, count in allowed.items() if count)
        return tuple(part for part in parts if part is not None)

    def _class(self, label: Any, requested: int, allowed: int) -> ClassPlan | None:
        members = np.flatnonzero(self.y == label)
        rows = members[self.known.eligible[members]]
        k = self._neighbors_within(label, len(rows))
        distance, found = self.among_all(rows, min(self.n_neighbors, len(self.y) - 1))
        there = found >= 0
        other = (self.y[found] != label) & there
        difficulty = other.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        scores = self._scores(label, rows, difficulty, allowed)
        if scores is None:
            return None
        counts = allocate(scores, allowed, cap=self.quota.per_parent)
        if counts.sum() < allowed:
            self.notes.append(
                f"class {label}: {allowed} rows were cut to {counts.sum()}: "
                f"max_per_parent is {self.quota.per_parent} and {np.count_nonzero(scores)} rows may give some"
            )
        giving = np.flatnonzero(counts)
        nearest = self._search(self.space_of(rows), giving, k)[1]
        if (nearest < 0).any():
            raise SamplingError(f"the neighbour search found fewer than {k} rows of class {label} near one of its rows")
        return ClassPlan(
            label=label,
            requested=int(requested),
            planned=int(counts.sum()),
            n_rows=len(members),
            n_eligible=len(rows),
            n_neighbors=k,
            parents=_frozen(rows[giving]),
            counts=_frozen(counts[giving]),
            neighbors=_frozen(rows[nearest]),
            difficulty=_frozen(difficulty[giving]),
            histogram=histogram_of(difficulty),
            distances=Distances.of(distance),
        )

    def among_all(self, rows: Ints, k: int) -> tuple[Floats, Ints]:
        """Return the distances and numbers of the rows' neighbours among all rows."""
        return self._search(self.space, rows, k)

    def space_of(self, rows: Ints) -> Table:
        """Return the space of some rows only."""
        return self.space.part(rows) if isinstance(self.space, Mixed) else Matrix(self.space.X[rows])

    def _neighbors_within(self, label: Any, n: int) -> int:
        if n < 2:
            raise SamplingError(
                f"expected at least two eligible rows of class {label} to draw between, got {n}; "
                "gather more rows of it, or oversample it at random"
            )
        if n > self.n_neighbors:
            return self.n_neighbors
        self.notes.append(f"class {label}: n_neighbors shrank from {self.n_neighbors} to {n - 1}: it has {n} rows")
        return n - 1

    def _scores(self, label: Any, rows: Ints, difficulty: Floats, allowed: int) -> Floats | None:
        scores = difficulty * self.known.weights[rows]
        if scores.any():
            usual = difficulty[difficulty > 0].mean()
            for cohort, numbers in self.known.targets.items():
                inside = np.isin(rows, numbers, assume_unique=True)
                if inside.any() and not scores[inside].any():
                    scores[inside] = usual * self.known.weights[rows[inside]]
                    self.notes.append(f"class {label}: no row of cohort {cohort} is hard; took the others' mean r_i")
            return scores
        if self.on_easy == "raise":
            raise SamplingError(
                f"no row of class {label} has a neighbour of another class, so ADASYN has nothing to adapt to; "
                "set on_easy to 'smote', 'uniform' or 'skip'"
            )
        base = self.known.weights[rows].astype(np.float64)
        if self.on_easy == "skip" or not base.any():
            self.notes.append(f"class {label}: no row has a neighbour of another class, so none was drawn")
            return None
        self.notes.append(f"class {label}: no row has a neighbour of another class; shared out as by {self.on_easy}")
        if self.on_easy == "uniform":
            return base
        rng = np.random.default_rng([self.seed, int(np.flatnonzero(np.unique(self.y) == label)[0])])
        return rng.multinomial(allowed, base / base.sum()).astype(np.float64)

    def _search(self, space: Table, rows: Ints, k: int) -> tuple[Floats, Ints]:
        nn = clone(self.neighbors).fit(space if hasattr(self.neighbors, "neighbors_of") else space.take(slice(None)))
        if hasattr(nn, "neighbors_of"):
            distance, ids = nn.neighbors_of(rows, k)
            self.recalls.append(nn.neighbor_recall_)
            return distance, ids
        # Another library's search: one neighbour more, and the row itself, or else the farthest, is dropped.
        distance, ids = nn.kneighbors(space.take(rows), k + 1)
        other = ids != rows[:, None]
        other[other.all(axis=1), -1] = False
        return distance[other].reshape(len(rows), k), ids[other].reshape(len(rows), k)


def _frozen(values: NDArray[Any]) -> NDArray[Any]:
    values.setflags(write=False)
    return values
