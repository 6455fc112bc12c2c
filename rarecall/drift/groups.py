"""The groups that drift is looked for in: all rows, the rare class, each cohort value, and the rare class within it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecall import cohorts
from rarecall.errors import DataError
from rarecall.finding import OVERALL
from rarecall.sections import Cohort

MOST = 50
"""Values of a cohort that are looked at by themselves, the commonest; the others count among all rows only."""


@dataclass(frozen=True, order=True)
class Group:
    """Rows that are looked at together.

    Attributes
    ----------
    cohort, value : str
        As of a `rarecall.finding.Finding`: `OVERALL` and an empty text for all rows.
    minority : bool
        Only the rare class's rows of it.
    """

    cohort: str
    value: str
    minority: bool = False

    def __str__(self) -> str:
        """Return it as a sentence names it.

        >>> str(Group("region", "north", True)), str(Group(OVERALL, ""))
        ('region = north, rare class', 'all rows')
        """
        whole = "all rows" if self.cohort == OVERALL else f"{self.cohort} = {self.value}"
        return f"{whole}, rare class" if self.minority else whole


@dataclass(frozen=True, eq=False)
class Grouped:
    """Which group each row belongs to.

    Attributes
    ----------
    rows : int
    minority : array of int, or None
        The places of the rare class's rows; None where no label is known.
    columns : tuple of (tuple of str, array of int)
        For each cohort the values and each row's place among them, the last place for a value that is not listed.
    """

    rows: int
    minority: NDArray[np.intp] | None
    columns: tuple[tuple[str, tuple[str, ...], NDArray[np.intp]], ...]

    def counted(self, codes: NDArray[np.uint16], size: int, values: NDArray[np.float64] | None) -> "Counted":
        """Count each group's rows in each cell, and add up what they hold there."""
        counts, sums = self._of(codes, size, values, None)
        if self.minority is not None:
            inside = None if values is None else values[self.minority]
            rare, rare_sums = self._of(codes[self.minority], size, inside, self.minority)
            counts |= {Group(one.cohort, one.value, minority=True): got for one, got in rare.items()}
            sums |= {Group(one.cohort, one.value, minority=True): got for one, got in rare_sums.items()}
        return Counted(counts, sums)

    def _of(
        self,
        codes: NDArray[np.uint16],
        size: int,
        values: NDArray[np.float64] | None,
        chosen: NDArray[np.intp] | None,
    ) -> tuple["dict[Group, NDArray[np.int64]]", "dict[Group, NDArray[np.float64]]"]:
        whole = Group(OVERALL, "")
        counts: dict[Group, NDArray[np.int64]] = {}
        sums: dict[Group, NDArray[np.float64]] = {}
        nobody: tuple[str, tuple[str, ...], NDArray[np.intp]] = ("", (), np.zeros(self.rows, dtype=np.intp))
        for cohort, names, places in self.columns or (nobody,):
            inside = places if chosen is None else places[chosen]
            cell, cells = inside * size + codes, (len(names) + 1) * size
            many = np.bincount(cell, minlength=cells).reshape(-1, size)
            counts.setdefault(whole, many.sum(axis=0))
            counts |= {Group(cohort, name): many[place] for place, name in enumerate(names)}
            if values is not None:
                added = np.bincount(cell, weights=values, minlength=cells).astype(np.float64, copy=False)
                much = added.reshape(-1, size)
                sums.setdefault(whole, much.sum(axis=0))
                sums |= {Group(cohort, name): much[place] for place, name in enumerate(names)}
        return counts, sums


@dataclass(frozen=True, eq=False)
class Counted:
    """Each group's rows in each cell of a column, and of a number their sums there, as distances from its middle."""

    counts: dict[Group, NDArray[np.int64]]
    sums: dict[Group, NDArray[np.float64]]


def grouped(
    frame: pd.DataFrame,
    asked: Sequence[Cohort],
    positive: ArrayLike | None,
    known: dict[str, tuple[str, ...]] | None = None,
) -> Grouped:
    """Return which groups the rows of a table belong to.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    asked : sequence of Cohort
    positive : array-like of bool, shape (n_rows,), optional
        Whether a row is of the rare class; where it is missing, the label is not known.
    known : dict of str to tuple of str, optional
        The values of each cohort that count; by default the commonest.

    Raises
    ------
    DataError
        A cohort's column is absent or cannot be cut, or there is not one label a row.
    """
    if len(frame) == 0:
        raise DataError("drift: expected rows, got none; give a table that is not empty")
    columns = []
    for cohort in asked:
        codes, values = _named(frame, cohort)
        listed = known[cohort.column] if known else _commonest(codes, values)
        place = {name: number for number, name in enumerate(listed)}
        at = np.array([place.get(value, len(listed)) for value in values], dtype=np.intp)
        columns.append((cohort.column, listed, at[codes]))
    return Grouped(len(frame), _places(positive, len(frame)), tuple(columns))


def _named(frame: pd.DataFrame, cohort: Cohort) -> tuple[NDArray[np.intp], list[str]]:
    """Return each row's place among the cohort's values, and these; each distinct cell is named once."""
    name = cohort.column
    if cohort.edges is not None or name not in frame.columns:
        codes, values = pd.factorize(cohorts.assign(frame, [cohort])[name])
        return codes, [str(value) for value in values]
    places, cells = pd.factorize(frame[name])
    missing = pd.Series([None], dtype=object)
    distinct = pd.concat([pd.Series(cells, dtype=object), missing], ignore_index=True)
    codes, values = pd.factorize(cohorts.assign(distinct.to_frame(name), [cohort])[name])
    return codes[places], [str(value) for value in values]  # -1, which is missing, picks the last


def _commonest(codes: NDArray[np.intp], values: list[str]) -> tuple[str, ...]:
    counts = np.bincount(codes, minlength=len(values))
    there = np.flatnonzero(counts)
    kept = sorted(there.tolist(), key=lambda place: (-counts[place], values[place]))[:MOST]
    return tuple(cohorts.in_order(values[place] for place in kept))


def _places(positive: ArrayLike | None, rows: int) -> NDArray[np.intp] | None:
    if positive is None:
        return None
    flags = pd.array(np.asarray(positive), dtype="boolean").fillna(False).to_numpy(dtype=bool)
    if len(flags) != rows:
        raise DataError(f"drift: expected one label a row, got {len(flags)} for {rows} rows")
    return np.flatnonzero(flags)
