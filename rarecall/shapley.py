"""SHAP: how far each column moves the learner's score, row by row; an extra, for it brings a compiler with it."""

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.pipeline import Pipeline

from rarecall.errors import DataError
from rarecall.explanation import columns_of

ROWS = 1000
"""Rows explained by trees; the model-agnostic way asks the model some hundred times a row."""

_ROWS_ASKED = 60
_BACKGROUND = 20  # rows that stand for a column that is not known
_CLOSE = 1e-3  # of the learner's own score, in its unit


def shapley(
    pipeline: Pipeline, rows: pd.DataFrame, *, confidence: float = 0.95, random_state: int = 0
) -> dict[str, Any]:
    """Measure the mean |SHAP value| of each column (Lundberg & Lee 2017; Lundberg et al. 2020 for trees).

    Trees are read directly where their values add up to the learner's score. They do not for boosting with categories:
    shap 0.49 reads a set of categories as a number, silently, and was off by 16 in log-odds. There, and for learners
    that are no trees, the model is asked instead, on fewer rows.

    Parameters
    ----------
    pipeline : Pipeline
        As `rarecall.training.estimator` made it, fitted: the learner without calibrator and threshold.
    rows : DataFrame of shape (n_rows, n_features)
    confidence : float
        Of every interval, two-sided, over the rows.
    random_state : int

    Returns
    -------
    dict
        JSON-ready: `features` [{`name`, `mean`, `low`, `high`}], the largest first; `explainer`, `tree` or
        `permutation`; `unit`, `score` (a boosted learner's log-odds, a forest's probability) or `probability`; `rows`.

    Raises
    ------
    DataError
        SHAP is not installed.
    """
    shap = _shap()
    before, learner = pipeline[:-1], pipeline[-1]
    rng = np.random.default_rng(random_state)
    read = rows.iloc[np.sort(rng.permutation(len(rows))[:ROWS])]
    seen = np.asarray(before.transform(read), dtype=float)
    explainer, unit, values = "tree", "score", _of_trees(shap, learner, seen)
    if values is None:
        explainer, unit = "permutation", "probability"
        read, seen, behind = read.iloc[:_ROWS_ASKED], seen[:_ROWS_ASKED], seen[-_BACKGROUND:]
        values = _asked(shap, learner, seen, behind, random_state)
    names = list(rows.columns)
    features: list[dict[str, Any]] = [
        {"name": str(name), **_mean(np.abs(values[:, places].sum(axis=1)), confidence)}
        for name, places in zip(names, columns_of(before.transform, rows.iloc[:ROWS], names), strict=True)
    ]
    features.sort(key=lambda one: -one["mean"])
    return {"features": features, "explainer": explainer, "unit": unit, "rows": len(read)}


def installed() -> None:
    """Raise DataError, before hours of work, where SHAP is not installed."""
    if find_spec("shap") is None:
        raise DataError(
            "training.explain: shap is not installed; install it with: pip install 'rarecall[explain]', or set "
            "training.explain to permutation"
        )


def _shap() -> Any:
    installed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its colours, which nobody here sees
        import shap
    return shap


def _mean(moved: NDArray[np.float64], confidence: float) -> dict[str, float]:
    mean = float(moved.mean())
    reach = float(norm.ppf((1 + confidence) / 2) * moved.std(ddof=1) / np.sqrt(moved.size))
    return {"mean": mean, "low": max(0.0, mean - reach), "high": mean + reach}


def _of_trees(shap: Any, learner: Any, seen: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return SHAP values from the trees themselves, or None where there are none or they do not add up."""
    try:
        trees = shap.TreeExplainer(learner)
        values = np.asarray(trees.shap_values(seen, check_additivity=False), dtype=float)
    except Exception:  # noqa: BLE001 - what it cannot read, it refuses in many ways; then the model is asked
        return None
    base = np.atleast_1d(trees.expected_value)[-1]
    values = values[..., -1] if values.ndim == 3 else values
    scores = [learner.predict_proba(seen)[:, 1]]
    scores += [learner.decision_function(seen)] if hasattr(learner, "decision_function") else []
    with np.errstate(divide="ignore"):
        scores.append(np.log(scores[0] / (1 - scores[0])))
    summed = values.sum(axis=1) + base
    adds_up = any(np.allclose(summed, score, atol=_CLOSE) for score in scores if np.isfinite(score).all())
    return values if adds_up else None


def _asked(
    shap: Any, learner: Any, seen: NDArray[np.float64], behind: NDArray[np.float64], random_state: int
) -> NDArray[np.float64]:
    """Return SHAP values from the model's answers alone, each column forwards and backwards once."""

    def rare(rows: Any) -> Any:
        return learner.predict_proba(rows)[:, 1]

    explainer = shap.explainers.Permutation(rare, shap.maskers.Independent(behind), seed=random_state)
    made = explainer(seen, max_evals=2 * seen.shape[1] + 1, batch_size=10_000, silent=True)
    return np.asarray(made.values, dtype=float)
