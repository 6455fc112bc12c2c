"""Rows and queries made ready for a matrix product that bounds their squared distances from below, in float32."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


class Lift:
    """Rows and queries with columns added, such that their product bounds the squared distance from below.

    Parameters
    ----------
    center : ndarray of shape (n_columns,)
        Subtracted from both sides; the nearer to the data's mean, the tighter the float32 bound.
    gaps : ndarray of int
        Columns in which a row or a query may hold NaN.
    """

    def __init__(self, center: Floats, gaps: Ints) -> None:
        self.center, self.gaps, self.d = center, gaps, len(center)
        # Half the significand's last place, for each of the d products and a few more for what surrounds them, times 4.
        self.slack = 4.0 * (self.d + 10) * 2.0**-24

    @property
    def width(self) -> int:
        """Return how many columns there are after lifting: the row's norm and the query's limit, and two for a gap."""
        return self.d + 2 + 2 * len(self.gaps)

    def tile(self, rows: Floats, ids: Ints) -> "Tile":
        """Return rows made ready; they are held as they came, besides."""
        lifted = np.empty((len(rows), self.width), dtype=np.float32)
        norms = self.fill(lifted, rows)
        return Tile(self, lifted, float(norms.max(initial=0.0)), ids, lambda place: rows.take(place, axis=0))

    def fill(self, lifted: Floats, rows: Floats) -> Floats:
        """Write rows as products need them into `lifted`, and return their squared norms."""
        known, gaps = lifted[:, : self.d], len(self.gaps)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond float32 there is no bound: NaN, which passes
            np.subtract(rows, self.center.astype(rows.dtype), out=known, casting="same_kind")
            if gaps:
                there = ~np.isnan(rows[:, self.gaps])
                known[:, self.gaps] = np.where(there, known[:, self.gaps], 0.0)
            norms: Floats = np.einsum("ij,ij->i", known, known)
            bounded = norms - self.slack * norms
            if gaps:
                lost = known[:, self.gaps] ** 2
                lifted[:, -2 * gaps : -gaps], lifted[:, -gaps:] = there, lost
                bounded -= lost.sum(axis=1)
            lifted[:, self.d], lifted[:, self.d + 1] = bounded, 1.0
        return norms

    def queries(self, rows: Floats) -> "Ready":
        """Return queries made ready, but for their limits."""
        lifted = np.zeros((len(rows), self.width), dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            known = self._known(rows, dtype=np.float64)
            lifted[:, : self.d] = -2.0 * known
            lifted[:, self.d] = 1.0
            whole: Floats = np.einsum("ij,ij->i", known, known)
            norms = whole
            if gaps := len(self.gaps):
                lifted[:, -2 * gaps : -gaps] = known[:, self.gaps] ** 2
                lifted[:, -gaps:] = ~np.isnan(rows[:, self.gaps])
                norms = whole - np.einsum("ij,ij->i", known[:, self.gaps], known[:, self.gaps])
        return Ready(lifted, norms, whole)

    def _known(self, rows: Floats, dtype: Any = np.float32) -> Floats:
        known = np.empty(rows.shape, dtype=dtype)
        np.subtract(rows, self.center.astype(rows.dtype), out=known, casting="same_kind")
        return np.nan_to_num(known, copy=False, nan=0.0) if len(self.gaps) else known


@dataclass(frozen=True)
class Ready:
    """Queries as products need them, with their squared norms without and with the columns that may have gaps."""

    lifted: Floats
    norms: Floats
    whole: Floats


@dataclass(frozen=True)
class Tile:
    """Rows as products need them: lifted, with the largest squared norm, their numbers, and a way to the rows."""

    lift: Lift
    lifted: Floats
    longest: float
    ids: Ints
    read: Callable[[Ints], Floats]


def middle(rows: Floats) -> Floats:
    """Return about the median of each column, 0 where no row has a value: a few sentinels do not move it.

    >>> middle(np.array([[1.0, np.nan], [2.0, np.nan], [1e30, np.nan]])).tolist()
    [2.0, 0.0]
    """
    few = np.sort(rows[:: max(1, len(rows) // 128)], axis=0).astype(np.float64)  # NaN comes last
    place = np.count_nonzero(~np.isnan(few), axis=0) // 2
    found: Floats = few[np.minimum(place, len(few) - 1), np.arange(few.shape[1])]
    return np.where(np.isnan(found), 0.0, found)


def gaps_of(rows: Floats) -> Ints:
    """Return the columns that hold NaN; one sum tells that there is none."""
    if not len(rows) or not np.isnan(np.sum(rows, dtype=np.float64)):
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(np.isnan(rows).any(axis=0))
