"""One row's cohorts, named as `rarecall.cohorts.assign` names those of a table."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from rarecall.cohorts import MISSING
from rarecall.sections import Cohort


def cohorts_of(cohorts: Sequence[Cohort]) -> Callable[[Mapping[str, Any]], dict[str, str]]:
    """Return the function from a row's values to its cohorts.

    Of a value that a cohort's edges cannot place, such as a text, nothing is known: it is missing.

    Examples
    --------
    >>> name = cohorts_of([Cohort(column="age", edges=[30, 60]), Cohort(column="job")])
    >>> name({"age": 41.0, "job": "nurse"}), name({"age": 60})
    ({'age': '30-60', 'job': 'nurse'}, {'age': '>=60', 'job': 'missing'})
    >>> name({"age": "old", "job": True}), name({"job": ["nurse"]})
    ({'age': 'missing', 'job': 'true'}, {'age': 'missing', 'job': 'missing'})
    """
    namers = _namers(cohorts)

    def of(row: Mapping[str, Any]) -> dict[str, str]:
        return {column: namer(row.get(column)) for column, namer in namers}

    return of


def cohorts_of_many(cohorts: Sequence[Cohort]) -> Callable[[Callable[[str], Sequence[Any]]], list[dict[str, str]]]:
    """Return the same function for many rows, from a function that gives a column's values; alike rows share a dict.

    Examples
    --------
    >>> columns = {"age": [41.0, 60, 41.5], "job": ["nurse", None, "nurse"]}
    >>> name = cohorts_of_many([Cohort(column="age", edges=[30, 60]), Cohort(column="job")])
    >>> found = name(columns.__getitem__)
    >>> found[:2], found[2] is found[0]
    ([{'age': '30-60', 'job': 'nurse'}, {'age': '>=60', 'job': 'missing'}], True)
    """
    namers = _namers(cohorts)

    def of(column: Callable[[str], Sequence[Any]]) -> list[dict[str, str]]:
        rows = list(zip(*(map(namer, column(name)) for name, namer in namers), strict=True))
        known = {row: dict(zip((name for name, _ in namers), row, strict=True)) for row in set(rows)}
        return [known[row] for row in rows]

    return of


def _namers(cohorts: Sequence[Cohort]) -> list[tuple[str, Callable[[Any], str]]]:
    return [(one.column, _value if one.edges is None else _bands(one.edges)) for one in cohorts]


def _value(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return MISSING
    if isinstance(value, bool):
        return str(value).lower()  # as a snapshot writes it
    if not isinstance(value, str | int | float):
        return MISSING
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _bands(edges: Sequence[float]) -> Callable[[Any], str]:
    shown = [_value(float(edge)) for edge in edges]
    names = [f"<{shown[0]}", *(f"{low}-{high}" for low, high in pairwise(shown)), f">={shown[-1]}"]

    def band(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
            return MISSING
        return names[bisect_right(edges, value)]

    return band
