"""Samplers that choose pairs: each row lies on the line from a rare row to another, whoever chooses the two.

The pairs are chosen in the space of the table, in which categories and missing values are numbers too; the rows are
drawn from the raw rows of the pair, as ADASYN draws them. So a method that knows numbers alone works on any table, its
rows hold only values that could stand there, and its lineage makes them again bit for bit.
"""

import warnings
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.annotations import Annotations
from rarecall.resampling.center import with_center
from rarecall.resampling.checked import Checked
from rarecall.resampling.columns import Columns
from rarecall.resampling.course import Course
from rarecall.resampling.crowd import Crowd
from rarecall.resampling.draw import COURSE, METADATA
from rarecall.resampling.frame import Frame
from rarecall.resampling.interpolation import between
from rarecall.resampling.metric import Mixed, measure
from rarecall.resampling.plan import Floats, Ints
from rarecall.resampling.randomness import seed_of
from rarecall.resampling.refusal import SamplingError
from rarecall.resampling.rules import Rules
from rarecall.resampling.target import Target
from rarecall.search.blocks import Matrix, Table

CENTER = -1
"""In place of a neighbour: the mean of the class's eligible rows."""


@dataclass(frozen=True)
class Pairs:
    """What some rows are drawn with, by row numbers of the table.

    Attributes
    ----------
    parents : ndarray of int of shape (n,)
    neighbors : ndarray of int of shape (n,)
        `CENTER` for all of them, or for none.
    step : ndarray of float64 of shape (n,)
        From the parent (0) to the neighbour (1); below 0 away from it.
    voters : ndarray of int of shape (n, k), optional
        Who votes on the categories; none: the parent's nearest rows.
    """

    parents: Ints
    neighbors: Ints
    step: NDArray[np.float64]
    voters: Ints | None = None

    def part(self, rows: Any) -> "Pairs":
        """Return some of them."""
        voters = None if self.voters is None else self.voters[rows]
        return Pairs(self.parents[rows], self.neighbors[rows], self.step[rows], voters)


@dataclass(frozen=True)
class Seat:
    """What the pairs of one class are chosen from.

    Attributes
    ----------
    space : Table
        Of all rows.
    classes : ndarray of shape (n_rows,)
    label : object
        The class that gets rows.
    rows : ndarray of int
        Its eligible rows: they alone are parents.
    eligible : ndarray of bool of shape (n_rows,)
    k : int
        Neighbours, at most one fewer than there are rows.
    categorical : bool
        Whether there are categories to vote on.
    """

    space: Matrix | Mixed
    classes: NDArray[Any]
    label: Any
    rows: Ints
    eligible: NDArray[np.bool_]
    k: int
    categorical: bool

    def nearest(self, rows: Ints, k: int) -> Ints:
        """Return the nearest eligible rows of the class to some of them, nearest first, without themselves."""
        places = np.searchsorted(self.rows, rows)
        return self.rows[_searched(part_of(self.space, self.rows), places, k)[1]]

    def distances(self) -> Floats:
        """Return the distances of each eligible row of the class to its k nearest ones."""
        return _searched(part_of(self.space, self.rows), np.arange(len(self.rows)), self.k)[0]

    def around(self, rows: Ints, k: int) -> tuple[Floats, Ints]:
        """Return the distances and numbers of the nearest of all rows to some of them."""
        return _searched(self.space, rows, min(k, len(self.classes) - 1))

    def seen(self, *, crossing: bool) -> Ints:
        """Return the rows that another library may look at: no suspect row that it might take for a seed."""
        allowed = self.eligible if crossing else self.eligible | (self.classes != self.label)
        return np.flatnonzero(allowed)


class PairedSampler(Checked):
    """The base of samplers that choose pairs; a subclass has `_pairs`."""

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn reads it from the class
        **Checked._parameter_constraints,  # noqa: SLF001 - imbalanced-learn's way to inherit constraints
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "categorical_features": [StrOptions({"auto"}), "array-like", None],
        "scaling": [StrOptions({"auto", "robust", "none"})],
        "steps": [Mapping, None],
        "bounds": [Mapping, None],
        "max_per_parent": [Interval(Integral, 1, None, closed="left"), None],
        "off_segment": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "rules": [Mapping, list, tuple, None],
        "max_redraws": [Interval(Integral, 0, None, closed="left")],
    }

    _fewest = 2
    """Eligible rows that it needs."""

    _searches = True
    """Whether it asks for neighbours."""

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        n_neighbors: int = 5,
        random_state: Any = None,
        categorical_features: Any = "auto",
        scaling: Literal["auto", "robust", "none"] = "auto",
        steps: Mapping[Any, float] | None = None,
        bounds: Mapping[Any, tuple[float | None, float | None]] | None = None,
        max_per_parent: int | None = None,
        off_segment: float | Literal["auto"] = 0.0,
        rules: Any = None,
        max_redraws: int = 20,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.n_neighbors = n_neighbors
        self.random_state = random_state
        self.categorical_features = categorical_features
        self.scaling = scaling
        self.steps = steps
        self.bounds = bounds
        self.max_per_parent = max_per_parent
        self.off_segment = off_segment
        self.rules = rules
        self.max_redraws = max_redraws

    @abstractmethod
    def _pairs(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs:
        """Choose the pairs of n rows; an attempt above 0 is to find others for rows that were refused."""

    def fit(self, X: Any, y: Any) -> Self:
        """Check the table and its classes, and learn how many rows each class wants; nothing is drawn."""
        self._validate_params()
        target = Target.of(y)
        self._checked(X, target)
        self._wanted(target.classes)
        return self

    def fit_resample(self, X: Any, y: Any, *, ids: Any = None, eligible: Any = None) -> tuple[Any, Any]:
        """Return the real rows, unchanged and in order, and after them the synthetic ones.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame, polars or Arrow table of shape (n_rows, n_features)
        y : array-like of shape (n_rows,)
        ids : array-like of shape (n_rows,), optional
            Unique names of the rows for the lineage; by default their numbers.
        eligible : array-like of bool of shape (n_rows,), optional
            Rows that may be parents or neighbours of synthetic rows, such as those whose label is not suspect.

        Returns
        -------
        X, y : as they came

        Raises
        ------
        SamplingError
            A DataError and ValueError: infinities, too few rows, a rule that cannot be evaluated.
        """
        self._validate_params()
        target = Target.of(y)
        frame = self._checked(X, target)
        wanted, columns = self._wanted(target.classes), self._columns(frame.table)
        known = Annotations.of(len(frame), ids=ids, eligible=eligible)
        minority = np.flatnonzero(np.isin(target.classes, list(wanted)) & known.eligible)
        space = measure(frame.table, columns, scaling=self.scaling, minority=minority)
        rules, notes, drawn = Rules(self.rules), list[str](), list[_Part]()
        self._notes, self._seed, first = notes, seed_of(self.random_state), 0
        for label, count in wanted.items():
            seat = self._seat(space, target.classes, label, known, columns)
            drawn.append(self._part(seat, frame, columns, count, first, rules))
            first += count
        rows = [part.rows for part in drawn if len(part.index)]
        self.sample_indices_ = np.concatenate([np.arange(len(frame)), *(part.pairs.parents for part in drawn)])
        self.course_ = self._course()
        self.lineage_ = _lineage(drawn, columns, known, self.course_, seed=self._seed)
        self.notes_ = tuple(notes)
        self.facts_ = {"rejected": dict(rules.rejected)} if rules else {}
        del self._notes, self._seed
        for note in self.notes_:
            warnings.warn(note, UserWarning, stacklevel=2)
        made = [np.full(len(part.index), part.label) for part in drawn]
        classes = np.concatenate([target.classes, *made]).astype(target.classes.dtype)
        return frame.extended(rows, sum(len(part.index) for part in drawn)), target.like(classes)

    def _fit_resample(self, X: Any, y: Any, **params: Any) -> tuple[Any, Any]:
        return self.fit_resample(X, y, **params)

    def _course(self) -> Course:
        return Course.of(self.off_segment, 1)

    def _seat(
        self, space: Matrix | Mixed, classes: NDArray[Any], label: Any, known: Annotations, columns: Columns
    ) -> Seat:
        rows = np.flatnonzero((classes == label) & known.eligible)
        if len(rows) < self._fewest:
            raise SamplingError(
                f"expected at least {self._fewest} eligible rows of class {label} to draw between, got {len(rows)}; "
                "gather more rows of it, or oversample it at random"
            )
        k = min(self.n_neighbors, max(1, len(rows) - 1))
        if k < self.n_neighbors and self._searches:
            self._notes.append(f"class {label}: n_neighbors shrank from {self.n_neighbors} to {k}: it has {len(rows)}")
        return Seat(space, classes, label, rows, known.eligible, k, bool(columns.categorical))

    def _part(self, seat: Seat, frame: Frame, columns: Columns, count: int, first: int, rules: Rules) -> "_Part":
        """Draw one class's rows; those that break a rule, or whose parent has enough, are drawn again."""
        course, index = self._course(), np.arange(first, first + count)
        pairs = self._whole(seat, self._pairs(seat, count, self._seed, 0))
        attempt = np.zeros(count, dtype=np.int16)
        refused = self._refused(self._rows(seat, frame, columns, course, pairs, index, attempt), pairs, rules)
        for again in range(1, self.max_redraws + 1):
            if not len(refused):
                break
            other = self._whole(seat, self._pairs(seat, len(refused), self._seed, again))
            pairs = _put(pairs, refused, other)
            attempt[refused] = again
            tried = self._rows(seat, frame, columns, course, other, index[refused], attempt[refused])
            refused = self._still(refused, tried, pairs, rules)
        if len(refused):
            self._notes.append(
                f"{len(refused)} of {count} rows still broke a rule or had too many siblings after {self.max_redraws} "
                "redraws: left out"
            )
        kept = np.setdiff1d(np.arange(count), refused)
        pairs, index, attempt = pairs.part(kept), index[kept], attempt[kept]
        rows = self._rows(seat, frame, columns, course, pairs, index, attempt)
        return _Part(seat.label, rows, pairs, index, attempt, seat.rows)

    def _whole(self, seat: Seat, pairs: Pairs) -> Pairs:
        """Return pairs with those who vote on the categories, where there are any."""
        if not seat.categorical or pairs.voters is not None or not len(pairs.parents):
            return pairs
        parents, place = np.unique(pairs.parents, return_inverse=True)
        return Pairs(pairs.parents, pairs.neighbors, pairs.step, seat.nearest(parents, seat.k)[place.ravel()])

    def _rows(
        self, seat: Seat, frame: Frame, columns: Columns, course: Course, pairs: Pairs, index: Ints, attempt: Ints
    ) -> Any:
        table, neighbors = frame.table, pairs.neighbors
        if len(neighbors) and neighbors[0] == CENTER:
            table = with_center(table, seat.rows, columns)
            neighbors = np.full(len(neighbors), len(frame))
        voters = None if pairs.voters is None else np.where(pairs.voters == CENTER, len(frame), pairs.voters)
        step = course.steps(
            pairs.step.astype(np.float64, copy=False), np.full(len(index), self._seed), attempt, index, columns.n
        )
        return between(table, pairs.parents, neighbors, voters, step, columns)

    def _refused(self, rows: Any, pairs: Pairs, rules: Rules) -> Ints:
        passed = rules.passed(rows) if rules else np.ones(len(pairs.parents), dtype=bool)
        return np.flatnonzero(~passed | self._surplus(pairs, passed))

    def _still(self, refused: Ints, tried: Any, pairs: Pairs, rules: Rules) -> Ints:
        passed = np.ones(len(pairs.parents), dtype=bool)
        if rules:
            passed[refused] = rules.passed(tried)
        return np.flatnonzero(~passed | self._surplus(pairs, passed))

    def _surplus(self, pairs: Pairs, passed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which rows are more than their parent may give."""
        surplus = np.zeros(len(passed), dtype=bool)
        if self.max_per_parent is None:
            return surplus
        rows = np.flatnonzero(passed)
        order = rows[np.argsort(pairs.parents[rows], kind="stable")]
        _, start, counts = np.unique(pairs.parents[order], return_index=True, return_counts=True)
        surplus[order] = np.arange(len(order)) - np.repeat(start, counts) >= self.max_per_parent
        return surplus


@dataclass(frozen=True)
class _Part:
    """One class's rows."""

    label: Any
    rows: Any
    pairs: Pairs
    index: Ints
    attempt: Ints
    crowd: Ints


def part_of(space: Matrix | Mixed, rows: Ints) -> Table:
    """Return the space of some rows only."""
    return space.part(rows) if isinstance(space, Mixed) else Matrix(space.X[rows])


def _searched(space: Table, rows: Ints, k: int) -> tuple[Floats, Ints]:
    distance, ids = FaissNeighbors().fit(space).neighbors_of(rows, k)
    return distance, ids


def _put(pairs: Pairs, rows: Ints, other: Pairs) -> Pairs:
    """Return pairs with others in some places."""
    whole = Pairs(pairs.parents.copy(), pairs.neighbors.copy(), pairs.step.copy(), pairs.voters)
    whole.parents[rows], whole.neighbors[rows], whole.step[rows] = other.parents, other.neighbors, other.step
    if pairs.voters is None or other.voters is None:
        return whole
    voters = pairs.voters.copy()
    voters[rows] = other.voters
    return Pairs(whole.parents, whole.neighbors, whole.step, voters)


def _lineage(drawn: list[_Part], columns: Columns, known: Annotations, course: Course, *, seed: int) -> pa.Table:
    def ids(rows: Ints) -> pa.Array:
        return pa.array(rows if known.ids is None else known.ids[rows])

    nothing = np.empty(0, dtype=np.int64)
    pairs = [part.pairs for part in drawn]
    counts = [len(part.index) for part in drawn]
    parents = np.concatenate([nothing, *(one.parents for one in pairs)])
    neighbors = np.concatenate([nothing, *(one.neighbors for one in pairs)])
    central = bool(len(neighbors)) and bool((neighbors == CENTER).all())
    table = {
        "index": pa.array(np.concatenate([nothing, *(part.index for part in drawn)])),
        "class": pa.array(np.repeat(np.array([part.label for part in drawn]), counts) if drawn else nothing),
        "parent_id": ids(parents),
        "neighbor_id": pa.nulls(len(parents), ids(parents).type) if central else ids(neighbors),
        "step": pa.array(np.concatenate([np.empty(0), *(one.step for one in pairs)])),
        "attempt": pa.array(np.concatenate([nothing, *(part.attempt for part in drawn)]).astype(np.int16)),
        "seed": pa.array(np.full(len(parents), seed, dtype=np.int64)),
    }
    if columns.categorical and not central:
        lists = [ids(row).to_pylist() for one in pairs if one.voters is not None for row in one.voters]
        table["voter_ids"] = pa.array(lists, pa.list_(ids(parents).type))
    lineage = pa.table(table).replace_schema_metadata({METADATA: columns.to_json(), COURSE: course.to_json()})
    if not central:
        return lineage
    rows = np.concatenate([part.crowd for part in drawn])
    return Crowd.named(list(rows if known.ids is None else known.ids[rows]), "mean").on(lineage)
