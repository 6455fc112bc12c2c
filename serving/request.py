"""The body of `POST /predict`: read with orjson and checked by hand against what the model takes.

A plain loop over a handful of types costs microseconds where a model of pydantic made for each version costs as much as
scoring does; what is wrong is worked out only once something is.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import orjson

from rarecall.errors import brief, nearest
from serving.columns import Columns
from serving.fault import MOST, Fault, RefusedError

LONGEST = 1000
"""Letters of a text."""

_WHOLE = 2**63
_ROW = {"entity", "features"}
Cells = list[Any]
_TEXTS = {str, type(None)}
_NUMBERS = {float, int, type(None)}


class Row(NamedTuple):
    """One row asked about.

    Attributes
    ----------
    entity : str
        One name for its keys; what the split and the log go by.
    key : str, int or dict
        As it was sent: one value, or one for each column that names an entity.
    features : dict or None
        None where they are to be read from the online store.
    """

    entity: str
    key: Any
    features: dict[str, Any] | None

    def keys(self, names: list[str]) -> dict[str, Any]:
        """Return its keys by column, as the online store takes them."""
        return self.key if isinstance(self.key, dict) else {names[0]: self.key}


def parsed(body: bytes) -> Any:
    """Return the JSON of a body; RefusedError with 400 where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        said = error.msg.split(":")[0]
        raise RefusedError(400, Fault("body", f"expected JSON in UTF-8, got what is none: {said}")) from None


def is_batch(value: Any) -> bool:
    """Return whether a body asks about many rows."""
    return isinstance(value, dict) and ("rows" in value or "entities" in value)


def row(value: Any, keys: list[str], at: str = "") -> Row:
    """Return a row that is asked about.

    Parameters
    ----------
    value : JSON value
        `{"entity": …, "features": {…}}`.
    keys : list of str
        The columns that name an entity.
    at : str
        What stands before a field's name in what is said of it.

    Raises
    ------
    RefusedError
        422 where the shape is another.
    """
    if not isinstance(value, dict):
        field = at[:-1] or "body"
        raise RefusedError(422, Fault(field, f"expected an object with entity and features, got {kind_of(value)}"))
    if not value.keys() <= _ROW:
        extra = min(value.keys() - _ROW)
        hint = nearest(extra, sorted(_ROW))
        raise RefusedError(422, Fault(f"{at}{brief(extra)[1:-1]}", f"expected entity and features{hint}"))
    features = value.get("features")
    if features is not None and not isinstance(features, dict):
        raise RefusedError(422, Fault(f"{at}features", f"expected an object of features, got {kind_of(features)}"))
    key = value.get("entity")
    return Row(entity_of(key, keys, f"{at}entity"), key, features)


def entity_of(key: Any, keys: list[str], at: str) -> str:
    """Return the one name of an entity's keys, given as one value or as an object of them; RefusedError as `row`."""
    if type(key) is str and len(keys) == 1 and 0 < len(key) <= LONGEST and "\x00" not in key:
        return key
    if len(keys) == 1 and not isinstance(key, dict):
        return str(_key(key, at))
    if not isinstance(key, dict) or key.keys() != set(keys):
        wanted = ", ".join(keys)
        raise RefusedError(422, Fault(at, f"expected an object of {wanted}, got {kind_of(key)}"))
    parts = [_key(key[one], f"{at}.{one}") for one in keys]
    return str(parts[0]) if len(parts) == 1 else orjson.dumps(parts).decode()


def table(features: Sequence[Mapping[str, Any]], columns: Columns, others: frozenset[str]) -> Cells | None:
    """Return the values of many rows, a column each in the model's order, or None where `values` has to find a fault.

    Numbers come as an array, NaN where one is missing, texts as a list. A column is checked at once by the types that
    it holds, which is many times as fast as value by value.
    """
    try:
        cells = [column(name, [one[name] for one in features], columns) for name in columns.names]
    except (KeyError, ValueError, OverflowError):
        return None
    known = others.union(columns.names)
    if any(len(one) != len(columns.names) and not one.keys() <= known for one in features):
        return None
    return cells


def column(name: str, values: list[Any], columns: Columns) -> Any:
    """Return a column's values as `table` does; ValueError or OverflowError where one of them may not stand there."""
    kinds = set(map(type, values))
    if type(None) in kinds and name in columns.required:
        raise ValueError(name)
    if name in columns.categories:
        strange = set(values) - columns.categories[name] if kinds <= _TEXTS else {0}
        if any(type(one) is not str or len(one) > LONGEST or "\x00" in one for one in strange - {None}):
            raise ValueError(name)
        return values
    if not kinds <= _NUMBERS:
        raise ValueError(name)
    found = np.array(values, dtype=float)
    finite = int(np.isfinite(found).sum())
    if finite + (values.count(None) if type(None) in kinds else 0) != len(values):
        raise ValueError(name)
    return found


def values(features: Mapping[str, Any], columns: Columns, others: frozenset[str], at: str) -> list[Any]:
    """Return a row's values in the model's order: numbers, texts and None.

    Parameters
    ----------
    features : mapping
        As sent.
    columns : Columns
    others : frozenset of str
        Columns that may stand there besides, such as those of cohorts.
    at : str
        What stands before a field's name in what is said of it.

    Raises
    ------
    RefusedError
        422 with each field that is missing, unknown or of another type.
    """
    found = []
    try:
        for name in columns.names:
            value = features[name]
            kind = type(value)
            is_text = name in columns.categories
            if (kind is float or kind is int) and not is_text and isfinite(value):
                value = float(value)
            elif value is None and name not in columns.required:
                pass
            elif not (kind is str and is_text and len(value) <= LONGEST and "\x00" not in value):
                value = _known(value, name, columns)
            found.append(value)
    except (KeyError, ValueError, OverflowError):
        raise RefusedError(422, *_faults(features, columns, others, at)) from None
    if len(features) != len(columns.names) and (faults := _faults(features, columns, others, at)):
        raise RefusedError(422, *faults)
    return found


def _known(value: Any, name: str, columns: Columns) -> str:
    """Return the text that a whole number or a flag has in a table, where the model knows that category."""
    text = str(value).lower()
    if isinstance(value, int) and text in columns.categories.get(name, ()):
        return text
    raise ValueError(name)


def _key(value: Any, at: str) -> str | int:
    kind = type(value)
    if kind is str and 0 < len(value) <= LONGEST and "\x00" not in value:
        return str(value)
    if kind is int and -_WHOLE <= value < _WHOLE:
        return int(value)
    if value is None:
        raise RefusedError(422, Fault(at, "is missing; say who or what the row is about"))
    raise RefusedError(422, Fault(at, f"expected a text or a whole number, got {kind_of(value)}"))


def _faults(features: Mapping[str, Any], columns: Columns, others: frozenset[str], at: str) -> list[Fault]:
    """Return what is wrong with a row, a fault a field."""
    faults = []
    for name in columns.names:
        if name not in features:
            hint = " (null where it is not known)" if name not in columns.required else ""
            faults.append(Fault(f"{at}{name}", f"is missing; send it{hint}"))
        elif reason := _reason(features[name], name, columns):
            faults.append(Fault(f"{at}{name}", reason))
    known, names = [*columns.names, *sorted(others)], frozenset(columns.names) | others
    unknown = islice((name for name in features if name not in names), MOST)  # to look for the nearest takes its time
    faults += [
        Fault(f"{at}{brief(name)[1:-1]}", f"is no feature of this model{nearest(name, known)}") for name in unknown
    ]
    return faults[:MOST]


def _reason(value: Any, name: str, columns: Columns) -> str | None:
    if value is None:
        return "expected a value, got null" if name in columns.required else None
    if name in columns.categories:
        return _text_reason(value, name, columns)
    if type(value) not in {int, float}:
        return f"expected a number, got {kind_of(value)}"
    return None if isfinite(value) else "expected a finite number"


def _text_reason(value: Any, name: str, columns: Columns) -> str | None:
    if type(value) is str:
        if len(value) > LONGEST:
            return f"expected at most {LONGEST} letters, got {len(value)}"
        return "expected a text without NUL" if "\x00" in value else None
    try:
        _known(value, name, columns)
    except ValueError:
        return f"expected a text, got {kind_of(value)}"
    return None


def kind_of(value: Any) -> str:
    """Return what a JSON value is, in a person's words."""
    names = {dict: "an object", list: "a list", type(None): "nothing"}
    return names.get(type(value)) or brief(value)
