"""Which rows teach: all of them, or those that a strategy leaves."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.errors import DataError, nearest
from rarecall.resampling.columns import describe
from rarecall.resampling.filled import filled
from rarecall.resampling.metric import measure
from rarecall.strategies.known import KNOWN


def kept(
    name: str,
    rows: pd.DataFrame,
    kinds: Mapping[str, str],
    y: NDArray[Any],
    *,
    seed: int,
    parameters: Mapping[str, Any] | None = None,
) -> NDArray[np.intp]:
    """Return the positions of the rows that teach, ascending; rare rows always do.

    Parameters
    ----------
    name : str
        A strategy that leaves rows out, or `none`.
    rows : DataFrame of shape (n_rows, ...)
        With the features, real and synthetic.
    kinds : mapping of str to str
        The features and their kinds.
    y : array of shape (n_rows,)
        0 and 1.
    seed : int
    parameters : mapping of str to object, optional
        The strategy's own.

    Raises
    ------
    DataError
        It has no such parameter, or refuses its value.

    >>> frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 9.0]})
    >>> kept("random_under", frame, {"a": "numeric"}, np.array([0, 0, 0, 1]), seed=0).size
    2
    """
    everyone = np.arange(len(y))
    if name == "none" or y.all() or not y.any():
        return everyone
    strategy, given = KNOWN[name], dict(parameters or {})
    known = strategy.parameters()
    for one in given:
        if one not in known:
            raise DataError(f"training.under_parameters.{one}: {name} has no such parameter{nearest(one, known)}")
    features = rows[list(kinds)]
    categorical = [feature for feature, kind in kinds.items() if kind == "categorical"]
    columns = describe(features, categorical=categorical, steps=None, bounds=None)
    space = measure(features, columns, scaling="robust", minority=np.flatnonzero(y == 1))
    sampler = strategy.sampler({"random_state": seed, **given})
    try:
        sampler.fit_resample(filled(space, everyone), y)
    except ValueError as error:
        raise DataError(f"training.under: {name} refuses: {str(error).splitlines()[0]}") from error
    stays = np.zeros(len(y), dtype=bool)
    stays[sampler.sample_indices_] = True
    stays |= y == 1
    if stays[y == 0].any():
        return np.flatnonzero(stays)
    raise DataError(
        f"training.under: {name} left no common row to learn from; take another, or set training.under: none"
    )
