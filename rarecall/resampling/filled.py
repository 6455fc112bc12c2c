"""The space of some rows as one matrix without gaps, for libraries that take no other."""

from typing import Any

import numpy as np
from scipy import sparse

from rarecall.resampling.metric import Mixed
from rarecall.resampling.plan import Ints
from rarecall.search.blocks import Matrix


def filled(space: Matrix | Mixed, rows: Ints) -> Any:
    """Return rows of a space with the median of these rows' column where a number is missing.

    Returns
    -------
    ndarray or sparse matrix of shape (n, n_columns)

    >>> filled(Matrix(np.array([[1.0], [np.nan], [3.0]])), np.arange(3)).ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    values = space.take(rows) if isinstance(space, Mixed) else space.X[rows]
    if sparse.issparse(values):
        return values
    values = np.asarray(values, dtype=np.float32 if values.dtype == np.float32 else np.float64)
    for at in np.flatnonzero(np.isnan(values).any(axis=0)):
        gaps = np.isnan(values[:, at])
        values[gaps, at] = 0.0 if gaps.all() else np.median(values[~gaps, at])
    return values
