"""Bins of a number: cells of a grid that is fine near the middle of the reference and coarse far from it.

A cell is what rows share whose distance from the middle has the same upper 16 bits as a 32-bit float: its sign, its
power of two, and one of 128 steps within it. So a row's cell is two machine instructions and its bin one look into a
table, where a search among sorted edges takes a row ten times as long.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CELLS = 1 << 16
_POSITIVE = 1 << 15  # of the cells in order, the first at or above the middle
_INFINITE = 0x7F80  # the upper half of an infinite float; what is not a number lies above

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Bins:
    """Ranges of cells in ascending order, and one more bin for what is missing or infinite.

    Attributes
    ----------
    middle : float
        What distances are taken from.
    cuts : array of int of shape (n_bins - 1,)
        The first cell of every bin but the first, ascending.

    Examples
    --------
    >>> made = Bins.of(np.array([1.0, 2.0, 2.0, 3.0, np.nan]), parts=[])
    >>> made.codes(np.array([0.5, 1.0, 2.0, 3.0, 9.0, np.nan])).tolist(), made.size
    ([0, 1, 3, 5, 6, 7], 8)
    """

    middle: float
    cuts: Ints

    @classmethod
    def of(cls, values: Floats, *, parts: Iterable[tuple[NDArray[np.bool_] | slice, int]]) -> "Bins":
        """Lay bins out so that none of the whole, and none of a part, holds much more than its share.

        Parameters
        ----------
        values : array of float, shape (n_rows,)
            Missing where it is not known.
        parts : iterable of (mask or slice, int)
            Rows, and into how many bins of equal share they are to fall; a value that is commoner than that has a bin
            of its own.
        """
        known = values[np.isfinite(values)]
        middle = float(np.median(known)) if len(known) else 0.0
        cells = _ordered(_cells(values - middle))
        finite = _finite(cells)
        cuts = [_cuts(np.bincount(cells[finite], minlength=_CELLS), 128)]
        for rows, n_bins in parts:
            inside = cells[rows]
            cuts.append(_cuts(np.bincount(inside[_finite(inside)], minlength=_CELLS), n_bins))
        return cls(middle, np.unique(np.concatenate(cuts)))

    @property
    def size(self) -> int:
        """How many bins there are, with the last for what is missing."""
        return len(self.cuts) + 2

    @property
    def edges(self) -> Floats:
        """How far from the middle one bin ends and the next begins, ascending, of shape (size - 2,)."""
        lower = self.cuts >= _POSITIVE
        upper_half = np.where(lower, self.cuts - _POSITIVE, _POSITIVE - self.cuts).astype(np.uint32) << 16
        distance = upper_half.view(np.float32).astype(np.float64)
        return np.where(lower, distance, -distance)

    def codes(self, values: Floats) -> NDArray[np.uint16]:
        """Return each value's bin, of shape (n_rows,)."""
        return self.placed(values)[0]

    def placed(self, values: Floats) -> tuple[NDArray[np.uint16], Floats]:
        """Return each value's bin and its distance from the middle, 0 where it is missing; each of shape (n_rows,)."""
        distance = values - self.middle
        codes: NDArray[np.uint16] = self._table()[_cells(distance)]
        missing = codes == len(self.cuts) + 1
        if missing.any():
            distance[missing] = 0.0
        return codes, distance

    def _table(self) -> NDArray[np.uint16]:
        cells = np.arange(_CELLS, dtype=np.uint16)
        places = _ordered(cells)
        table = np.searchsorted(self.cuts, places, side="right")
        table[~_finite(places)] = len(self.cuts) + 1
        return table.astype(np.uint16)


def _cells(distance: Floats) -> NDArray[np.uint16]:
    with np.errstate(over="ignore"):  # what no 32-bit float holds is infinite
        narrow = distance.astype(np.float32)
    return (narrow.view(np.uint32) >> np.uint32(16)).astype(np.uint16)


def _ordered(cells: NDArray[np.uint16]) -> Ints:
    """Return the cells' places from the lowest to the highest: of what is negative, the largest bits are the lowest."""
    wide = cells.astype(np.int64)
    return np.where(wide < _POSITIVE, wide + _POSITIVE, _CELLS - 1 - wide)


def _finite(places: Ints) -> NDArray[np.bool_]:
    return (places < _POSITIVE + _INFINITE) & (places >= _POSITIVE - _INFINITE)


def _cuts(counts: Ints, n_bins: int) -> Ints:
    """Return where to cut so that each range holds about the same, and what is common stands alone."""
    total = int(counts.sum())
    if not total:
        return np.empty(0, dtype=np.int64)
    share = max(1.0, total / n_bins)
    common = np.flatnonzero(counts >= share)
    passed = np.flatnonzero(np.diff((np.cumsum(counts) / share).astype(np.int64), prepend=0))
    found: Ints = np.concatenate([common, common + 1, passed + 1])
    return found[(found > 0) & (found < _CELLS)]
