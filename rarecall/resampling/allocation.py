"""How many rows each parent gives: shares of a whole number that add up to it exactly."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


def allocate(scores: Floats, total: int, *, cap: int | None = None) -> Ints:
    """Split `total` in proportion to the scores by largest remainders (Hamilton's method).

    Each count is its exact share rounded down or up, unless a cap moves what is over to the others in proportion to
    their scores. Equal remainders go to the lower position, so the result depends on the scores alone.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Not negative; a score of zero gets nothing.
    total : int
    cap : int, optional
        The most that one position may get. What no position may take is left over: the counts then sum to less.

    Returns
    -------
    ndarray of int64 of shape (n,)

    >>> allocate(np.array([1.0, 1.0, 1.0]), 5)
    array([2, 2, 1])
    >>> allocate(np.array([8.0, 1.0, 1.0, 0.0]), 10, cap=4)
    array([4, 3, 3, 0])
    """
    counts = np.zeros(len(scores), dtype=np.int64)
    open_ = scores > 0
    left = total if cap is None else min(total, cap * int(np.count_nonzero(open_)))
    while left and open_.any():
        # Dividing by the largest first keeps tiny scores from underflowing.
        share = scores[open_] / scores[open_].max()
        exact = share * (left / share.sum())
        whole = np.floor(exact).astype(np.int64)
        if cap is not None and (over := whole >= cap).any():
            # Whoever reaches the cap is settled; the others share what remains, and may then reach it too.
            settled = np.flatnonzero(open_)[over]
            counts[settled] = cap
            open_[settled] = False
            left -= cap * len(settled)
            continue
        rest = left - int(whole.sum())
        order = np.argsort(-(exact - whole), kind="stable")[: max(rest, 0)]
        whole[order] += 1
        counts[open_] = whole
        break
    return counts
