"""Labels that are probably wrong: confident learning on probabilities of models that never saw the row.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70 (2021),
as cleanlab computes it.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from rarecall.errors import DataError
from rarecall.intervals import wilson
from rarecall.sections import Training
from rarecall.training import estimator


def judge(
    X: pd.DataFrame, y: np.ndarray[Any, Any], *, kinds: Mapping[str, str], cv: int = 5, random_state: int = 0
) -> pd.DataFrame:
    """Judge each row's label by models that were fitted without it.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_columns)
        Real rows only.
    y : array of shape (n_rows,)
        0 and 1.
    kinds : mapping of str to str
        The features and their kinds.
    cv : int
        Stratified folds; never more than the rarer class has rows.
    random_state : int

    Returns
    -------
    DataFrame indexed like X
        `score` (0 to 1, the model's trust in the given label), `action` (`keep`, or `review` for a suspect, which
        never seeds a synthetic row) and `weight` (1 for a kept row, 0 for a suspect as a parent).

    Raises
    ------
    DataError
        A class has fewer than 2 rows.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    y = np.asarray(y).astype(int)
    rarer = int(np.bincount(y, minlength=2).min())
    if rarer < 2:
        raise DataError(
            f"labels: expected at least 2 rows of each class, got {rarer} of the rarer one among {len(y)} rows whose "
            "label can be trusted; bring more rows"
        )
    folds = list(StratifiedKFold(min(cv, rarer), shuffle=True, random_state=random_state).split(X, y))
    # A column of which one fold's models would know nothing teaches none of them.
    known = {name: kind for name, kind in kinds.items() if all(X[name].iloc[seen].notna().any() for seen, _ in folds)}
    model = estimator(Training(), known, seed=random_state)
    probability = cross_val_predict(model, X, y, cv=folds, method="predict_proba")
    # "both": confident learning and low self-confidence must agree; either alone flags many clean rare rows.
    suspect = find_label_issues(y, probability, filter_by="both", n_jobs=1)
    return pd.DataFrame(
        {
            "score": get_label_quality_scores(y, probability),
            "action": np.where(suspect, "review", "keep"),
            "weight": np.where(suspect, 0.0, 1.0),
        },
        index=X.index,
    )


def summary(verdict: pd.DataFrame, y: np.ndarray[Any, Any], *, confidence: float) -> dict[str, Any]:
    """Return the noise rate with its Wilson interval and the suspects by class, JSON-ready."""
    suspect = (verdict["action"] != "keep").to_numpy()
    interval = wilson(int(suspect.sum()), len(suspect), confidence)
    by_class = {
        name: {"rows": int((y == value).sum()), "suspects": int(suspect[y == value].sum())}
        for name, value in (("negative", 0), ("positive", 1))
    }
    return {
        "noise_rate": float(suspect.mean()),
        "low": interval.low,
        "high": interval.high,
        "suspects": int(suspect.sum()),
        "by_class": by_class,
    }
