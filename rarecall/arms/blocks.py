"""Blocks: the training rows cut such that arms are compared on rows that taught none of them.

The first block is for the search alone; the others are tested one after another. With time, a block is tested by what
lies before it; without, by all others; rows of one entity stand in one block.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from rarecall.errors import DataError

Positions = NDArray[np.intp]


def cut(
    y: NDArray[np.integer],
    *,
    n_blocks: int,
    moments: "pd.Series[pd.Timestamp] | None" = None,
    groups: NDArray[np.integer] | None = None,
    seed: int = 0,
) -> NDArray[np.intp]:
    """Return the block of each row, from 0.

    Parameters
    ----------
    y : array of shape (n_rows,)
        0 and 1.
    n_blocks : int
    moments : Series of shape (n_rows,), optional
        Blocks are then stretches of time with about as many positives each; rows of one moment stay together.
    groups : array of shape (n_rows,), optional
        Without moments: rows of one group stay together.
    seed : int

    Raises
    ------
    DataError
        A block would be without positives or without negatives.

    >>> moments = pd.Series(pd.date_range("2026-01-01", periods=6))
    >>> cut(np.array([0, 1, 0, 1, 0, 1]), n_blocks=3, moments=moments).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    if moments is not None:
        block = _by_time(y, moments, n_blocks)
    else:
        folds = StratifiedKFold if groups is None else StratifiedGroupKFold
        block = np.empty(len(y), dtype=np.intp)
        try:
            cuts = folds(n_blocks, shuffle=True, random_state=seed).split(np.zeros(len(y)), y, groups)
            for number, (_, inside) in enumerate(cuts):
                block[inside] = number
        except ValueError as error:
            raise DataError(f"expected {n_blocks} blocks of both classes: {error}") from error
    for number in range(n_blocks):
        labels = y[block == number]
        if not 0 < labels.sum() < len(labels):
            raise DataError(f"expected both classes in each of {n_blocks} blocks, got one in block {number}")
    return block


def folds(block: NDArray[np.intp], *, timed: bool) -> Iterator[tuple[Positions, Positions]]:
    """Yield the positions that teach and those that test, for every block but the first.

    >>> [(teach.tolist(), test.tolist()) for teach, test in folds(np.array([0, 1, 2]), timed=True)]
    [([0], [1]), ([0, 1], [2])]
    >>> [(teach.tolist(), test.tolist()) for teach, test in folds(np.array([0, 1, 2]), timed=False)]
    [([0, 2], [1]), ([0, 1], [2])]
    """
    for number in range(1, int(block.max()) + 1):
        teach = block < number if timed else block != number
        yield np.flatnonzero(teach), np.flatnonzero(block == number)


def _by_time(y: NDArray[np.integer], moments: "pd.Series[pd.Timestamp]", n_blocks: int) -> NDArray[np.intp]:
    order = np.argsort(moments.to_numpy(), kind="stable")
    # As many positives in each: they are what a comparison has little of.
    seen = np.cumsum(y[order]) - y[order]
    number = np.minimum(seen * n_blocks // max(1, int(y.sum())), n_blocks - 1)
    at = moments.to_numpy()[order]
    first = np.searchsorted(at, at, side="left")
    block = np.empty(len(y), dtype=np.intp)
    block[order] = number[first]
    return block
