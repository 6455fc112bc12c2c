"""How sure models that never saw a row are of its label: calibrated probabilities, out of fold."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold

from rarecall.fits import at_once
from rarecall.sections import Training
from rarecall.training import estimator

_INNER = 3  # folds within a fold that the calibration is learned on; each holds rows that its model has not seen
_MANY = 100_000  # rows from which two inner folds hold as much as three of fewer rows do, for half the time

Ints = NDArray[np.intp]


def out_of_fold(
    X: pd.DataFrame, y: NDArray[Any], *, kinds: Mapping[str, str], cv: int, random_state: int
) -> NDArray[np.float64]:
    """Return each row's calibrated probability of the rare class, from models and calibrations fitted without it.

    Boosting on a rare class is surer than it should be, so a fold's probability is the mean over inner folds, each
    calibrated on rows that its model has not seen (Platt's sigmoid: Platt 1999; an isotonic one ties hard rows).

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
    y : array of shape (n_rows,)
        0 and 1, at least two of each.
    kinds : mapping of str to str
        The features and their kinds.
    cv : int
        Stratified folds; never more than the rarer class has rows.
    random_state : int

    Returns
    -------
    ndarray of shape (n_rows,)

    Examples
    --------
    >>> y = np.arange(300) % 3 // 2
    >>> p = out_of_fold(pd.DataFrame({"a": y + 0.1}), y, kinds={"a": "numeric"}, cv=2, random_state=0)
    >>> bool(p[y == 1].min() > p[y == 0].max())
    True
    """
    folds = StratifiedKFold(min(cv, _rarer(y)), shuffle=True, random_state=random_state)
    outer = [(seen, unseen, list(_inner(seen, y, random_state))) for seen, unseen in folds.split(X, y)]
    # A column of which one model would know nothing teaches none of them.
    known = {str(name): X[name].notna().to_numpy() for name in kinds}
    taught = [part for seen, _, inner in outer for part in ([seen[inside] for inside, _ in inner] or [seen])]
    kept = {name: kind for name, kind in kinds.items() if all(known[name][part].any() for part in taught)}
    X = _coded(X, kept)
    probability = np.empty(len(y))

    def judge(fold: tuple[Ints, Ints, list[tuple[Ints, Ints]]]) -> None:
        seen, unseen, inner = fold
        model: Any = estimator(Training(), kept, seed=random_state)
        if inner:
            model = CalibratedClassifierCV(model, method="sigmoid", cv=inner)
        probability[unseen] = model.fit(X.iloc[seen], y[seen]).predict_proba(X.iloc[unseen])[:, 1]

    at_once(judge, outer)
    return probability


def _coded(X: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Return the features with a number for each text, in the texts' order.

    scikit-learn's encoders count texts one by one in Python, anew for each of the models: on a wide table that takes
    longer than boosting, and minutes in a process where Prefect has registered its classes.
    """
    coded = {}
    for name, kind in kinds.items():
        if kind == "categorical":
            codes = X[name].astype("string").astype("category").cat.codes.to_numpy(dtype=np.float64)
            coded[name] = np.where(codes < 0, np.nan, codes)
        else:
            coded[name] = X[name].to_numpy()
    return pd.DataFrame(coded, index=X.index)


def _inner(seen: Ints, y: NDArray[Any], random_state: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield the inner folds by place among the rows seen; none where the rarer class has one row left."""
    folds = min(2 if len(y) > _MANY else _INNER, _rarer(y[seen]))
    if folds > 1:
        yield from StratifiedKFold(folds, shuffle=True, random_state=random_state).split(seen, y[seen])


def _rarer(y: NDArray[Any]) -> int:
    return int(np.bincount(y, minlength=2).min())
