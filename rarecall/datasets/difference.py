"""Difference: what tells two dataset versions apart: schema, counts, distributions, and the recipes that made them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from rarecall.likeness.marginals import kolmogorov_smirnov, total_variation

Pair = list[Any]
"""What the first version has, and what the second one has."""


def schemas(a: Mapping[str, str], b: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Compare two schemas.

    Parameters
    ----------
    a, b : mapping of str to str
        Columns and their Arrow types.

    Returns
    -------
    dict
        `added` and `lost` (columns with their types) and `retyped` (columns with both types).

    >>> schemas({"age": "int64", "job": "string"}, {"age": "double", "pay": "double"})
    {'added': {'pay': 'double'}, 'lost': {'job': 'string'}, 'retyped': {'age': ['int64', 'double']}}
    """
    return {
        "added": {name: kind for name, kind in b.items() if name not in a},
        "lost": {name: kind for name, kind in a.items() if name not in b},
        "retyped": {name: [kind, b[name]] for name, kind in a.items() if b.get(name, kind) != kind},
    }


def counts(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compare how many rows two versions have, by part, class and cohort.

    Parameters
    ----------
    a, b : mapping
        The `counts` among the facts of a dataset version.

    Returns
    -------
    list of dict
        `part`, `of` (`class` or a cohort's column), `value`, and `real` and `synthetic`, each before and after, in the
        order of the parts. What is the same in both is among them; a cohort that only one of them counts is not.

    >>> a = {"train": {"by_class": {"1": {"real": 5, "synthetic": 0}}, "by_cohort": {}}}
    >>> b = {"train": {"by_class": {"1": {"real": 5, "synthetic": 3}}, "by_cohort": {}}}
    >>> counts(a, b)
    [{'part': 'train', 'of': 'class', 'value': '1', 'real': [5, 5], 'synthetic': [0, 3]}]
    """
    one, two = _cells(a), _cells(b)
    none = {"real": 0, "synthetic": 0}
    counted = {cell[:2] for cell in one} & {cell[:2] for cell in two}
    return [
        {"part": cell[0], "of": cell[1], "value": cell[2]}
        | {kind: [one.get(cell, none)[kind], two.get(cell, none)[kind]] for kind in none}
        for cell in dict.fromkeys([*one, *two])
        if cell[:2] in counted
    ]


def distributions(
    a: pd.DataFrame, b: pd.DataFrame, kinds: tuple[Mapping[str, str], Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Compare each column that both versions have, the farthest apart first.

    Parameters
    ----------
    a, b : DataFrame of shapes (n_a, n_columns) and (n_b, n_columns)
    kinds : pair of mappings of str to str
        The features and their kinds, `numeric` or `categorical`, in each of the two; a column that is not numeric in
        both is compared as categories.

    Returns
    -------
    list of dict
        `name`, `kind`, `distance` (Kolmogorov-Smirnov of numbers, total variation of categories, from 0 to 1; None
        where a side has no value), `missing` (shares), `mean` (of numbers, else None) and `levels` (how many values a
        category has, else None), each before and after.

    >>> frame = pd.DataFrame({"age": [20.0, 30.0], "job": ["nurse", "clerk"]})
    >>> kinds = {"age": "numeric", "job": "categorical"}
    >>> [(one["name"], one["distance"]) for one in distributions(frame, frame.assign(age=90.0), (kinds, kinds))]
    [('age', 1.0), ('job', 0.0)]
    """
    both = [name for name in kinds[0] if name in kinds[1]]
    numeric = {name for name in both if kinds[0][name] == kinds[1][name] == "numeric"}
    found = [_distribution(name, a[name], b[name], numeric=name in numeric) for name in both]
    return sorted(found, key=lambda one: 1.0 if one["distance"] is None else -one["distance"])


def recipes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the lines in which two recipes differ, in the order of the first.

    Parameters
    ----------
    a, b : mapping of str to value
        As `flattened` gives them.

    Returns
    -------
    list of dict
        `key`, `old` and `new`; None where one side has no such line.

    >>> recipes({"k": 5, "seed": 1}, {"k": 7, "seed": 1, "n_mixed": 3})
    [{'key': 'k', 'old': 5, 'new': 7}, {'key': 'n_mixed', 'old': None, 'new': 3}]
    """
    keys = dict.fromkeys([*a, *b])
    return [{"key": key, "old": a.get(key), "new": b.get(key)} for key in keys if a.get(key) != b.get(key)]


def flattened(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return a nested recipe as dotted keys; a list is one value unless it holds recipes itself.

    >>> flattened({"augmentation": {"k": 5}, "cohorts": [{"column": "age"}], "entity": ["id"]})
    {'augmentation.k': 5, 'cohorts.0.column': 'age', 'entity': ['id']}
    """
    found: dict[str, Any] = {}
    for key, inner in _items(value):
        name = f"{prefix}.{key}" if prefix else str(key)
        nested = bool(inner) and (isinstance(inner, Mapping) or _holds_recipes(inner))
        found |= flattened(inner, name) if nested else {name: inner}
    return found


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    return value.items() if isinstance(value, Mapping) else enumerate(value)


def _holds_recipes(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, Mapping) for one in value)


def _cells(counts: Mapping[str, Any]) -> dict[tuple[str, str, str], dict[str, int]]:
    return {
        (part, of, value): count
        for part, by in counts.items()
        for of, values in {"class": by["by_class"], **by["by_cohort"]}.items()
        for value, count in values.items()
    }


def _distribution(name: str, a: "pd.Series[Any]", b: "pd.Series[Any]", *, numeric: bool) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "numeric" if numeric else "categorical",
        "distance": kolmogorov_smirnov(a, b) if numeric else total_variation(a, b),
        "missing": [_share(column) for column in (a, b)],
        "mean": [_mean(column) for column in (a, b)] if numeric else None,
        "levels": None if numeric else [int(column.nunique()) for column in (a, b)],
    }


def _share(column: "pd.Series[Any]") -> float | None:
    return float(column.isna().mean()) if len(column) else None


def _mean(column: "pd.Series[Any]") -> float | None:
    return float(column.mean()) if column.notna().any() else None
