"""Names of predictions."""

import os
import time

_RANDOM = 8


def new_id() -> str:
    """Return a new id: the microsecond, then 64 random bits, so that ids sort by time and cannot be guessed.

    >>> len({new_id() for _ in range(1000)}), len(new_id())
    (1000, 30)
    """
    return f"{time.time_ns() // 1000:014x}{os.urandom(_RANDOM).hex()}"
