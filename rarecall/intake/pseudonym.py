"""Pseudonyms: a person known again by a keyed digest, where the id itself must not be kept.

A plain hash of an id is no pseudonym: whoever has the list of all ids hashes each and compares. With a secret key that
takes the key too (HMAC, RFC 2104).
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def of_entity(entity: Mapping[str, str], key: bytes) -> str:
    """Return the pseudonym of an entity: 64 hexadecimal digits.

    Parameters
    ----------
    entity : mapping of str to str
        Its columns and their values, as `texts` writes them.
    key : bytes
        The secret.

    >>> of_entity({"id": "7"}, b"a") == of_entity({"id": "7"}, b"b")
    False
    """
    said = json.dumps(sorted(entity.items()), ensure_ascii=True, separators=(",", ":"))
    return hmac.digest(key, said.encode(), "sha256").hex()


def of_rows(frame: pd.DataFrame, columns: Sequence[str], key: bytes) -> "pd.Series[str]":
    """Return the pseudonym of the entity that each row is about; empty where a part of its id is missing.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    columns : sequence of str
        The entity's.
    key : bytes

    Returns
    -------
    Series of str of shape (n_rows,)
        With the frame's index.

    >>> rows = pd.DataFrame({"id": [7.0, 8.0, None]})
    >>> (of_rows(rows, ["id"], b"a") == of_entity({"id": "7"}, b"a")).tolist()
    [True, False, False]
    """
    parts = zip(*(texts(frame[name]) for name in columns), strict=True)
    known: dict[tuple[str | None, ...], str] = {}  # each entity is hashed once, however many rows it has
    for entity in (whole := list(parts)):
        if entity not in known:
            there = {name: part for name, part in zip(columns, entity, strict=True) if part is not None}
            known[entity] = of_entity(there, key) if len(there) == len(columns) else ""
    return pd.Series([known[entity] for entity in whole], index=frame.index, dtype=object)


def is_entity(frame: pd.DataFrame, entity: Mapping[str, str]) -> NDArray[np.bool_]:
    """Tell which rows are about an entity.

    >>> is_entity(pd.DataFrame({"id": ["7", "07", None]}), {"id": "7"}).tolist()
    [True, False, False]
    """
    hit = np.ones(len(frame), dtype=np.bool_)
    for name, value in entity.items():
        hit &= texts(frame[name]) == value
    return hit


def texts(column: "pd.Series[Any]") -> NDArray[Any]:
    """Return ids as texts that do not depend on how a table stores them; None where one is missing.

    A whole number has no decimals, whether it came as an integer or, beside missing ones, as a float; a moment is in
    UTC. A text stays as it is: "07" is not "7".

    >>> texts(pd.Series([7.0, 7.5, None])).tolist(), texts(pd.Series([True])).tolist()
    (['7', '7.5', None], ['true'])
    """
    codes, values = pd.factorize(column)
    written = np.array([*(_text(value) for value in values), None], dtype=object)
    return written[codes]  # a missing one has the code -1, which is the None at the end


def _text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, pd.Timestamp):
        utc = value.tz_localize("UTC") if value.tzinfo is None else value.tz_convert("UTC")
        return utc.isoformat(timespec="microseconds")
    return str(value)
