"""The course of a synthetic row: how far it strays from the line to its neighbour, and how many it is drawn towards."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rarecall.resampling.randomness import strays

AUTO = 0.3
"""What "auto" stands for; docs/adr/0014-synthetic-rows-leave-the-line.md has the figures it was chosen by."""

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Course:
    """What is drawn beside the step and the neighbour: like these a function of seed, attempt and index.

    Attributes
    ----------
    off_segment : float
        How far a column's step may stray from the row's, either way, folded back at 0 and 1. The row so lies in the box
        that parent and neighbour span, off its diagonal by up to this share of the way between them in each column;
        0 is the line.
    n_mixed : int
        How many of the parent's neighbours, weighted at random, make the point that the row is drawn towards.

    >>> Course().straight, Course.of("auto", 1).off_segment == AUTO
    (True, True)
    """

    off_segment: float = 0.0
    n_mixed: int = 1

    @classmethod
    def of(cls, off_segment: float | str, n_mixed: int) -> Self:
        """Return the course of an estimator's parameters."""
        return cls(AUTO if isinstance(off_segment, str) else float(off_segment), int(n_mixed))

    @property
    def straight(self) -> bool:
        """Whether every row lies on the line between two real ones."""
        return self.off_segment == 0.0 and self.n_mixed == 1

    def steps(self, step: Floats, seed: Ints, attempt: Ints, index: Ints, n_columns: int) -> Floats:
        """Return each row's step, or where rows stray, its step in each column.

        Parameters
        ----------
        step : ndarray of shape (n,)
        seed, attempt, index : ndarray of int of shape (n,)

        Returns
        -------
        ndarray of shape (n,) or (n, n_columns), within 0 and 1, and within -1 and 0 for a step below 0

        >>> row = np.array([0]), np.array([0]), np.array([4])
        >>> bool((abs(Course(0.1).steps(np.array([0.5]), *row, 3) - 0.5) <= 0.1).all())
        True
        """
        if self.off_segment == 0.0:
            return step
        numbers = _strays_of(seed, attempt, index, n_columns)
        away = np.where(step < 0, -1.0, 1.0)[:, None]  # SVM-SMOTE also leads away from the neighbour
        return away * _folded(np.abs(step)[:, None] + self.off_segment * (2.0 * numbers - 1.0))

    def partners(
        self, nearest: Ints, choice: Ints, seed: Ints, attempt: Ints, index: Ints
    ) -> tuple[Ints, Floats | None]:
        """Return the neighbours that each row is drawn towards, and the share of each.

        Parameters
        ----------
        nearest : ndarray of int of shape (n, k)
            Each parent's neighbours; a negative number stands for none.
        choice : ndarray of int of shape (n,)
            The place of the first of them; the others follow it, and the nearest the last.
        seed, attempt, index : ndarray of int of shape (n,)

        Returns
        -------
        neighbors : ndarray of int of shape (n,) or (n, n_mixed)
        shares : ndarray of shape (n, n_mixed), or None where there is one neighbour
            A row's shares sum to 1.
        """
        if self.n_mixed == 1:
            return np.take_along_axis(nearest, choice[:, None], axis=1)[:, 0], None
        width = (nearest >= 0).sum(axis=1)[:, None]
        places = (choice[:, None] + np.arange(self.n_mixed)) % width
        numbers = _strays_of(seed, attempt, index, self.n_mixed, of=1)
        total = numbers[:, 0].copy()
        for at in range(1, self.n_mixed):  # one by one: numpy's own sum may add in another order in another block
            total += numbers[:, at]
        return np.take_along_axis(nearest, places, axis=1), numbers / total[:, None]

    def to_json(self) -> str:
        """Return the text that `from_json` reads; it travels in the lineage's metadata."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes | None) -> Self:
        """Return the course that `to_json` wrote; none: the straight one."""
        return cls() if text is None else cls(**json.loads(text))


def _strays_of(seed: Ints, attempt: Ints, index: Ints, n: int, *, of: int = 0) -> Floats:
    """Return each row's n numbers, drawn once for each seed and attempt among the rows."""
    numbers = np.empty((len(index), n))
    draws, place = np.unique(np.column_stack([seed, attempt]), axis=0, return_inverse=True)
    for at, (one_seed, one_attempt) in enumerate(draws.tolist()):
        rows = np.flatnonzero(place.ravel() == at)
        first, last = int(index[rows].min()), int(index[rows].max())
        numbers[rows] = strays(one_seed, one_attempt, first, last + 1, n, of=of)[index[rows] - first]
    return numbers


def _folded(step: Floats) -> Floats:
    """Return steps within 0 and 1; what lies beyond is mirrored back, so that none of them gathers at the ends."""
    return np.asarray(1.0 - np.abs(1.0 - np.mod(step, 2.0)))
