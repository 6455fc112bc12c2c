"""Names of predictions and of their features."""

import os
import time
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import orjson

_RANDOM = 8


def new_ids(count: int) -> list[str]:
    """Return so many new ids: the microsecond, then 64 random bits, so that they sort by time and cannot be guessed.

    >>> len(set(new_ids(1000))), len(new_ids(1)[0])
    (1000, 30)
    """
    moment = f"{time.time_ns() // 1000:014x}"
    drawn = os.urandom(_RANDOM * count).hex()
    return [moment + drawn[at : at + 2 * _RANDOM] for at in range(0, 2 * _RANDOM * count, 2 * _RANDOM)]


def digest_of(values: Sequence[Any]) -> str:
    """Return the digest of a row's values in the model's order.

    >>> digest_of([1.5, "north", None])
    'e31a13002ea24d4967b5f5a4e0598360'
    """
    return blake2b(orjson.dumps(values), digest_size=16).hexdigest()
