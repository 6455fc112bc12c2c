"""The labels around a row, in the space that the resampler looks for neighbours in."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.columns import Columns, describe
from rarecall.resampling.metric import measure

Ints = NDArray[np.intp]


def kinds_of(X: pd.DataFrame) -> dict[str, str]:
    """Return each column's kind by its type: texts, categories and truths are categorical, the rest numeric.

    >>> kinds_of(pd.DataFrame({"age": [30, 41], "job": ["nurse", None], "member": [True, False]}))
    {'age': 'numeric', 'job': 'categorical', 'member': 'categorical'}
    """
    voted = set(describe(X, categorical="auto", steps=None, bounds=None).categorical)
    return {name: "categorical" if at in voted else "numeric" for at, name in enumerate(X.columns)}


def neighbors(
    X: pd.DataFrame, y: NDArray[Any], rows: Ints, *, k: int, kinds: Mapping[str, str], random_state: int = 0
) -> Ints:
    """Return the positions of the k nearest other rows, nearest first.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
    y : array of shape (n_rows,)
        0 and 1; the positives' spread sets how far apart unequal categories are, as in the resampler.
    rows : array of int, shape (n_asked,)
        Positions of the rows asked about.
    k : int
        Never more than there are other rows.
    kinds : mapping of str to str
        The features and their kinds.

    Returns
    -------
    ndarray of int, shape (n_asked, k)

    Examples
    --------
    >>> rows = pd.DataFrame({"a": [0.0, 0.1, 5.0, 5.2]})
    >>> neighbors(rows, np.array([0, 0, 1, 1]), np.array([3]), k=2, kinds={"a": "numeric"}).tolist()
    [[2, 1]]
    """
    features = X[list(kinds)]
    voted = tuple(at for at, kind in enumerate(kinds.values()) if kind == "categorical")
    columns = Columns(n=len(kinds), categorical=voted)
    space = measure(features, columns, scaling="robust", minority=np.flatnonzero(y == 1))
    found = FaissNeighbors(min(k, len(X) - 1), random_state=random_state).fit(space)
    return found.neighbors_of(rows)[1].astype(np.intp)
