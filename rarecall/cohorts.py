"""Cohorts: the segments of a table whose recall is watched by itself."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.errors import DataError, nearest
from rarecall.sections import Cohort

MISSING = "missing"

_FIRST_NUMBER = re.compile(r"(<|>=)?(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?:-|$)")


def assign(frame: pd.DataFrame, cohorts: Sequence[Cohort]) -> pd.DataFrame:
    """Name the value of every cohort that each row belongs to.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    cohorts : sequence of Cohort
        A column's values, or its bands between edges; a band holds its lower edge.

    Returns
    -------
    DataFrame of shape (n_rows, n_cohorts)
        Strings, in columns named by the cohorts' columns, on the frame's index. A whole number has no ".0", a value
        that is not known is "missing".

    Raises
    ------
    DataError
        A column is absent, is asked for twice, or has edges and holds what is not a number.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [29, 30, None, 75], "job": ["nurse", None, "clerk", "clerk"]})
    >>> assign(people, [Cohort(column="age", edges=[30, 60]), Cohort(column="job")])
           age      job
    0      <30    nurse
    1    30-60  missing
    2  missing    clerk
    3     >=60    clerk
    >>> assign(people, [Cohort(column="jobs")])
    Traceback (most recent call last):
        ...
    rarecall.errors.DataError: cohort jobs: the table has no such column; did you mean 'job'?
    """
    named: dict[str, pd.Series[str]] = {}
    for cohort in cohorts:
        column = cohort.column
        if column not in frame.columns:
            raise DataError(f"cohort {column}: the table has no such column{nearest(column, list(frame.columns))}")
        if column in named:
            raise DataError(f"cohort {column}: is asked for twice; keep one, with or without edges")
        named[column] = _values(frame[column]) if cohort.edges is None else _bands(frame[column], cohort.edges)
    return pd.DataFrame(named, index=frame.index)


def within(named: pd.DataFrame, target: Mapping[str, str]) -> NDArray[np.bool_]:
    """Return which rows are of one value, or of a crossing of several.

    Parameters
    ----------
    named : DataFrame of shape (n_rows, n_cohorts)
        As `assign` returns it.
    target : mapping of str to str
        Cohort to value.

    Raises
    ------
    DataError
        No row is.

    >>> named = pd.DataFrame({"region": ["north", "south", "north"], "amount": ["<50", "<50", ">=50"]})
    >>> within(named, {"region": "north", "amount": "<50"}).tolist()
    [True, False, False]
    """
    inside = np.ones(len(named), dtype=bool)
    for column, value in target.items():
        chosen = (named[column] == value).to_numpy()
        if not chosen.any():
            raise DataError(
                f"augmentation.target: no row's {column} is {value!r}{nearest(value, list(named[column].unique()))}"
            )
        inside &= chosen
    if not inside.any():
        raise DataError(f"augmentation.target: no row is {spoken(target)}; name fewer cohorts")
    return inside


def spoken(target: Mapping[str, str]) -> str:
    """Return a value, or a crossing, as a person says it.

    >>> spoken({"region": "north", "amount": "<50"})
    'region north, amount <50'
    """
    return ", ".join(f"{column} {value}" for column, value in target.items())


class Counts(NamedTuple):
    """What a model made of the rows of one cohort value."""

    rows: int
    positives: int
    alarms: int
    hits: int


def counts(column: "pd.Series[str]", truth: NDArray[np.bool_], flagged: NDArray[np.bool_]) -> dict[str, Counts]:
    """Count the rows, the positives, what is flagged and what of it is positive, by value in a person's order.

    >>> counts(pd.Series(["b", "a", "b"]), np.array([True, True, False]), np.array([True, False, True]))
    {'a': Counts(rows=1, positives=1, alarms=0, hits=0), 'b': Counts(rows=2, positives=1, alarms=2, hits=1)}
    """
    codes, names = pd.factorize(column)
    parts = [np.bincount(codes[chosen], minlength=len(names)) for chosen in (..., truth, flagged, truth & flagged)]
    found = {str(name): Counts(*(int(part[place]) for part in parts)) for place, name in enumerate(names)}
    return {name: found[name] for name in in_order(found)}


def in_order(names: Iterable[str]) -> list[str]:
    """Sort a cohort's values as a person would: bands by their edges, words by the alphabet, what is missing last.

    >>> in_order([">=60", "missing", "30-60", "<30"])
    ['<30', '30-60', '>=60', 'missing']
    >>> in_order(["10", "9", "nurse", "clerk"])
    ['9', '10', 'clerk', 'nurse']
    """
    return sorted(names, key=_rank)


def _values(column: "pd.Series[Any]") -> "pd.Series[str]":
    codes, unique = pd.factorize(column)
    # factorize marks what is missing with -1, which picks the last name.
    names = np.array([*(_name(value) for value in unique), MISSING], dtype=object)
    return pd.Series(names[codes], index=column.index, dtype=object)


def _bands(column: "pd.Series[Any]", edges: Sequence[float]) -> "pd.Series[str]":
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    strange = np.isnan(numbers) & column.notna().to_numpy()
    if strange.any():
        came = column.to_numpy()[strange.argmax()]
        raise DataError(
            f"cohort {column.name}: expected numbers between its edges, got {came!r}; name it among the missing "
            "markers, or take the edges away"
        )
    shown = [_name(edge) for edge in edges]
    between = [f"{low}-{high}" for low, high in pairwise(shown)]
    names = np.array([f"<{shown[0]}", *between, f">={shown[-1]}", MISSING], dtype=object)
    band = np.where(np.isnan(numbers), len(names) - 1, np.searchsorted(edges, numbers, side="right"))
    return pd.Series(names[band], index=column.index, dtype=object)


def _name(value: Any) -> str:
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)


def _rank(name: str) -> tuple[int, float, bool, str]:
    number = _FIRST_NUMBER.match(name)
    if number is None:
        return (2 if name == MISSING else 1), 0.0, False, name
    return 0, float(number[2]), number[1] != "<", name
