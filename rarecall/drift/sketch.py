"""A sketch: what is kept of the rows that a model learned from, so that later rows can be compared without them.

Of each column and group the counts of some hundred cells, and of a number their sums: no row, and nothing that a row
could be made of again but the names of a category's levels. It is one file of NumPy's arrays, read without pickle.
"""

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecall.drift.bins import Bins
from rarecall.drift.groups import Counted, Group, Grouped, grouped
from rarecall.drift.levels import Levels
from rarecall.errors import DataError, StoreError, nearest
from rarecall.finding import OVERALL
from rarecall.sections import Cohort

One = TypeVar("One")
Made = TypeVar("Made")

FILE = "sketch.npz"
FORMAT = 1
"""Raised when the cells of a kept sketch would be read wrongly."""

FEWEST = 200
"""Rows of a group from which on it has a say in where a number is cut."""


@dataclass(frozen=True, eq=False)
class Column:
    """What is kept of a column: its cells, and for each group the rows in each and, of a number, their sums."""

    name: str
    cells: Bins | Levels
    counted: Counted

    @property
    def kind(self) -> str:
        """Return numeric or categorical."""
        return "numeric" if isinstance(self.cells, Bins) else "categorical"


@dataclass(frozen=True, eq=False)
class Sketch:
    """The reference that a model version is compared with.

    Attributes
    ----------
    rows : int
    cohorts : tuple of Cohort
    groups : dict of Group to int
        The groups and how many rows each has.
    columns : tuple of Column
    about : dict
        What else its maker wants to know of it later, such as the moments of its first and last row; JSON-ready.
    """

    rows: int
    cohorts: tuple[Cohort, ...]
    groups: dict[Group, int]
    columns: tuple[Column, ...]
    about: dict[str, Any]

    @property
    def kinds(self) -> dict[str, str]:
        """The columns and their kinds."""
        return {one.name: one.kind for one in self.columns}

    def values(self) -> dict[str, tuple[str, ...]]:
        """Return the values of each cohort that are looked at by themselves."""
        whole = [one for one in self.groups if not one.minority and one.cohort != OVERALL]
        return {
            cohort.column: tuple(one.value for one in whole if one.cohort == cohort.column) for cohort in self.cohorts
        }


def take(
    frame: pd.DataFrame,
    kinds: Mapping[str, str],
    *,
    positive: ArrayLike | None = None,
    cohorts: Sequence[Cohort] = (),
    about: Mapping[str, Any] | None = None,
) -> Sketch:
    """Sketch rows.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Real rows: a synthetic one would hide drift towards it.
    kinds : mapping of str to str
        The columns and their kinds, `numeric` or `categorical`.
    positive : array-like of bool, shape (n_rows,), optional
        Whether a row is of the rare class; the rare class is sketched by itself.
    cohorts : sequence of Cohort
        Each value is sketched by itself, and the rare class within it; columns of the frame.
    about : mapping, optional

    Raises
    ------
    DataError
        There is no row, a column is absent, or a column that should be numeric holds what is no number.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [29.0, 41.0, None, 75.0], "job": ["nurse", None, "clerk", "clerk"]})
    >>> made = take(people, {"age": "numeric", "job": "categorical"}, cohorts=[Cohort(column="job")])
    >>> made.rows, [str(group) for group in made.groups]
    (4, ['all rows', 'job = clerk', 'job = nurse', 'job = missing'])
    """
    if absent := [name for name in kinds if name not in frame.columns]:
        raise DataError(f"drift: the table has no column {absent[0]!r}{nearest(absent[0], list(frame.columns))}")
    within = grouped(frame, cohorts, positive)

    def sketched(name: str) -> Column:
        cells = _cells(frame[name], kinds[name], within)
        return Column(name, cells, count(frame[name], cells, within))

    columns = tuple(each(sketched, list(kinds)))
    whole = within.counted(np.zeros(len(frame), dtype=np.uint16), 1, None)
    rows = {group: int(counts[0]) for group, counts in whole.counts.items()}
    return Sketch(len(frame), tuple(cohorts), rows, columns, dict(about or {}))


def each(work: Callable[[One], Made], columns: Sequence[One]) -> list[Made]:
    """Return what `work` makes of each column; NumPy lets two be counted at once."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(work, columns))


def count(column: "pd.Series[Any]", cells: Bins | Levels, within: Grouped) -> Counted:
    """Count a column's rows in each cell and group."""
    if isinstance(cells, Levels):
        return within.counted(cells.codes(column), cells.size, None)
    codes, distance = cells.placed(numbers(column))
    return within.counted(codes, cells.size, distance)  # small numbers add up without loss


def numbers(column: "pd.Series[Any]") -> NDArray[np.float64]:
    """Return a column's numbers, of shape (n_rows,), NaN where one is missing; DataError where one is no number."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    read = pd.to_numeric(column, errors="coerce")
    strange = read.isna() & column.notna()
    if strange.any():
        raise DataError(
            f"drift: expected numbers in {column.name!r}, got {column[strange].iloc[0]!r}; declare it categorical or "
            "name the value among the missing markers"
        )
    return read.to_numpy(dtype=np.float64, na_value=np.nan)


def _cells(column: "pd.Series[Any]", kind: str, within: Grouped) -> Bins | Levels:
    if kind != "numeric":
        return Levels.of(column)
    parts: list[tuple[Any, int]] = []
    if within.minority is not None and len(within.minority) >= FEWEST:
        parts.append((within.minority, 64))
    for _, names, places in within.columns:
        rows = np.bincount(places, minlength=len(names) + 1)
        parts += [(places == place, 16) for place in range(len(names)) if rows[place] >= FEWEST]
    return Bins.of(numbers(column), parts=parts)


def save(sketch: Sketch, file: Path) -> None:
    """Write a sketch; the same sketch gives the same bytes."""
    groups = list(sketch.groups)
    header = {
        "format": FORMAT,
        "rows": sketch.rows,
        "cohorts": [one.model_dump(mode="json") for one in sketch.cohorts],
        "groups": [[one.cohort, one.value, one.minority, sketch.groups[one]] for one in groups],
        "columns": [
            {"name": one.name}
            | ({"middle": one.cells.middle} if isinstance(one.cells, Bins) else {"whole": one.cells.is_whole})
            for one in sketch.columns
        ],
        "about": sketch.about,
    }
    arrays: dict[str, NDArray[Any]] = {"header": _as_bytes(header)}
    for place, one in enumerate(sketch.columns):
        arrays[f"counts{place}"] = np.stack([one.counted.counts[group] for group in groups])
        if isinstance(one.cells, Bins):
            arrays[f"cuts{place}"] = one.cells.cuts
            arrays[f"sums{place}"] = np.stack([one.counted.sums[group] for group in groups])
        else:
            arrays[f"names{place}"] = _as_bytes(list(one.cells.names))
    with file.open("wb") as opened:
        np.savez_compressed(opened, **arrays)  # type: ignore[arg-type]  # its stub takes the names for its options


def load(file: Path) -> Sketch:
    """Read a sketch.

    Raises
    ------
    StoreError
        The file is absent, damaged, or of a format that this version does not know.
    """
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes())
            if header["format"] != FORMAT:
                raise StoreError(
                    f"{file}: expected a sketch of format {FORMAT}, got {header['format']}; run rarecall retrain to "
                    "have one made by this version"
                )
            groups = [Group(cohort, value, minority) for cohort, value, minority, _ in header["groups"]]
            return Sketch(
                rows=header["rows"],
                cohorts=tuple(Cohort.model_validate(one) for one in header["cohorts"]),
                groups=dict(zip(groups, (one[3] for one in header["groups"]), strict=True)),
                columns=tuple(_column(arrays, place, one, groups) for place, one in enumerate(header["columns"])),
                about=header["about"],
            )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            f"{file} cannot be read as a sketch ({error}); run rarecall retrain to have it made"
        ) from error


def _column(arrays: Any, place: int, about: dict[str, Any], groups: list[Group]) -> Column:
    counts = dict(zip(groups, arrays[f"counts{place}"], strict=True))
    if "middle" in about:
        sums = dict(zip(groups, arrays[f"sums{place}"], strict=True))
        return Column(about["name"], Bins(about["middle"], arrays[f"cuts{place}"]), Counted(counts, sums))
    levels = Levels(tuple(json.loads(arrays[f"names{place}"].tobytes())), about["whole"])
    return Column(about["name"], levels, Counted(counts, {}))


def _as_bytes(value: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), dtype=np.uint8)
