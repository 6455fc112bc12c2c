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
    namers = [(one.column, _value if one.edges is None else _bands(one.edges)) for one in cohorts]

    def of(row: Mapping[str, Any]) -> dict[str, str]:
        return {column: namer(row.get(column)) for column, namer in namers}

    return of


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
