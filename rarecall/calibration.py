"""Scores made into probabilities on real rows, after a training set whose classes were not the table's.

A calibrator is a scikit-learn classifier of one column, the score, so a served model can carry it without rarecall.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from rarecall.errors import DataError

Method = Literal["none", "platt", "isotonic", "beta"]

FEWEST: dict[Method, int] = {"platt": 10, "beta": 100}
"""Positives from which on "auto" fits each method, measured in `docs/calibration.md`."""

_EDGE = 1e-12  # a score of exactly 0 or 1 has no log-odds; this is 27.6 of them


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A map from score to probability, and how it came to be.

    Attributes
    ----------
    method : {"none", "platt", "isotonic", "beta"}
        What was fitted; "none" where nothing could be.
    classifier : classifier of one column, or None
        Fitted and made of scikit-learn's own parts; its `predict_proba` takes scores of shape (n_rows, 1).
    reason : str
        Why this method, in a sentence's end: "390 positives".
    """

    method: Method
    classifier: Any
    reason: str

    def apply(self, score: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each score, of shape (n_rows,); the score itself where nothing was fitted."""
        values = np.asarray(score, dtype=float)
        if self.classifier is None:
            return values
        probability: NDArray[np.float64] = self.classifier.predict_proba(values[:, None])[:, 1]
        return probability


def by_size(positives: int) -> Method:
    """Return the method that as many positives can carry.

    >>> by_size(9), by_size(30), by_size(300)
    ('none', 'platt', 'beta')
    """
    if positives < FEWEST["platt"]:
        return "none"
    return "platt" if positives < FEWEST["beta"] else "beta"


def fit(y: ArrayLike, score: ArrayLike, method: Method | Literal["auto"] = "auto") -> Calibration:
    """Fit a calibrator on rows that taught the model nothing.

    Parameters
    ----------
    y : array-like of bool, shape (n_rows,)
        Real rows only: synthetic ones are what the probabilities have to be freed of.
    score : array-like of float, shape (n_rows,)
        The model's probabilities, within [0, 1].
    method : {"auto", "none", "platt", "isotonic", "beta"}
        - "platt": logistic regression on the log-odds of the score (Platt 1999, Advances in Large Margin Classifiers,
          p. 61): a line, so the ranking stays.
        - "beta": the same on ln(s) and -ln(1 - s), both coefficients at least 0 (Kull, Silva Filho & Flach 2017,
          AISTATS, PMLR 54:623): bends the two ends apart; the ranking stays.
        - "isotonic": the best rising step function (Zadrozny & Elkan 2002, KDD, p. 694): any shape, but rows tie.
        - "auto": `by_size`, by the number of positives.

    Returns
    -------
    Calibration
        Of method "none" where the score does not rise with the share of positives, as any of these would turn the
        ranking round.

    Raises
    ------
    DataError
        The rows and scores do not belong together, a score is no probability, or there is one class only.

    Examples
    --------
    >>> y = np.repeat([True, False, True, False], [40, 60, 10, 890])
    >>> overstated = np.repeat([0.9, 0.2], [100, 900])
    >>> made = fit(y, overstated, "platt")
    >>> made.apply([0.2, 0.9]).round(2).tolist()
    [0.01, 0.4]
    >>> fit(y, overstated * 2, "platt")
    Traceback (most recent call last):
        ...
    rarecall.errors.DataError: expected probabilities from 0 to 1, got 1.8; calibrate what predict_proba returns
    """
    truth, values = _checked(y, score)
    positives = int(truth.sum())
    chosen: Method = by_size(positives) if method == "auto" else method
    reason = f"{positives} positives" if method == "auto" else "as the project asks"
    if chosen == "none":
        return Calibration(method="none", classifier=None, reason=reason)
    fewest = min(positives, truth.size - positives)
    if fewest < (2 if chosen == "isotonic" else 1):
        raise DataError(
            f"expected rows of both classes to calibrate on, got {positives} positives in {truth.size} rows; give the "
            "validation split more rows"
        )
    classifier = _FITTED_BY[chosen](values[:, None], truth.astype("int8"))
    if classifier is None:
        reason = "the score does not rise with the share of positives"
        return Calibration(method="none", classifier=None, reason=reason)
    return Calibration(method=chosen, classifier=classifier, reason=reason)


def _checked(y: ArrayLike, score: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    truth, values = np.asarray(y, dtype=bool), np.asarray(score, dtype=float)
    if truth.shape != values.shape or truth.ndim != 1:
        raise DataError(f"expected one score a row, got {truth.shape} labels and {values.shape} scores")
    outside = ~((values >= 0) & (values <= 1))
    if outside.any():
        raise DataError(
            f"expected probabilities from 0 to 1, got {values[outside][0]:g}; calibrate what predict_proba returns"
        )
    return truth, values


def _platt(scores: NDArray[np.float64], y: NDArray[np.int8]) -> Pipeline | None:
    # Half the log-odds of s is artanh(2s - 1). The served file names each function by its module: numpy's are found,
    # scipy's logit is taken for whichever module has imported it. C takes back what halving adds to the penalty.
    half_log_odds = Pipeline(
        [("centre", _onto(-1 + _EDGE, 1 - _EDGE)), ("log_odds", FunctionTransformer(np.arctanh))],
    )
    model = _logistic(half_log_odds, scores, y, C=4.0)
    return model if model["learner"].coef_[0, 0] > 0 else None


def _beta(scores: NDArray[np.float64], y: NDArray[np.int8]) -> Pipeline | None:
    """Fit both ends; where one of them would fall, the other alone, as Kull et al. do (section 4.2)."""
    upper = ("upper", FunctionTransformer(np.log))
    lower = ("lower", Pipeline([("less", FunctionTransformer(np.negative)), ("log", FunctionTransformer(np.log1p))]))
    both = _logistic(_ends(upper, lower), scores, y)
    # The lower end stands as ln(1 - s), so its coefficient has the other sign.
    rises, falls = both["learner"].coef_[0] * (1, -1) >= 0
    if rises and falls:
        return both
    alone = _logistic(_ends(upper if rises else lower), scores, y)
    sign = 1 if rises else -1
    return alone if sign * alone["learner"].coef_[0, 0] > 0 else None


def _isotonic(scores: NDArray[np.float64], y: NDArray[np.int8]) -> CalibratedClassifierCV | None:
    """Fit steps over Platt's line, whose log-odds order rows as the scores do."""
    line = _platt(scores, y)
    # The folds change nothing, for the line is frozen; two ask for the fewest rows of a class.
    return CalibratedClassifierCV(FrozenEstimator(line), method="isotonic", cv=2).fit(scores, y) if line else None


def _onto(low: float, high: float) -> FrozenEstimator:
    """Return the map of [0, 1] onto this interval, which keeps every score off the ends where logarithms end."""
    return FrozenEstimator(MinMaxScaler(feature_range=(low, high)).fit([[0.0], [1.0]]))


def _ends(*columns: Any) -> Pipeline:
    return Pipeline([("inside", _onto(_EDGE, 1 - _EDGE)), ("ends", FeatureUnion(list(columns)))])


def _logistic(columns: Pipeline, scores: NDArray[np.float64], y: NDArray[np.int8], C: float = 1.0) -> Pipeline:
    # The small penalty keeps it finite where the validation rows are separable.
    learner = LogisticRegression(C=C, tol=1e-8, max_iter=1000)
    fitted: Pipeline = Pipeline([("columns", columns), ("learner", learner)]).fit(scores, y)
    return fitted


_FITTED_BY: dict[str, Callable[..., Any]] = {"platt": _platt, "beta": _beta, "isotonic": _isotonic}
