"""The reference of an estimate: rows whose label is known, that taught the model nothing, and what scores mean there.

Scores become probabilities by a correction of their log-odds, which is learned on these rows and held back by priors:
an offset, a slope, an offset for what is flagged, and both offsets for each cohort value. That of what is flagged makes
the expected recall of the reference itself the recall seen there. With few positives scores stay nearly as they are.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from rarecall.errors import DataError
from rarecall.estimate.density import tempered

Floats = NDArray[np.float64]

_EDGE = 1e-9  # a score of exactly 0 or 1 has no log-odds
_OFFSET = 3.0  # standard deviations of the priors, in log-odds
_SLOPE = 1.0
_FLAGGED = 2.0
_BY_COHORT = 0.5  # a cohort value whose odds differ by more than a factor of e from its score is a surprise
_STEPS = 50


@dataclass(frozen=True, eq=False)
class Reference:
    """Rows whose label is known.

    Attributes
    ----------
    truth : array of bool of shape (n_rows,)
    score : array of float of shape (n_rows,)
        The model's probabilities.
    flagged : array of bool of shape (n_rows,)
        Whether the model flagged them.
    cohorts : DataFrame of str of shape (n_rows, n_cohorts), or None
        As `rarecall.cohorts.assign` names them.
    weight : array of float of shape (n_rows,), or None
        How many rows of now each stands for, as `ratio` gives it; tempered where it would leave too few positives.
    """

    truth: ArrayLike
    score: ArrayLike
    flagged: ArrayLike
    cohorts: pd.DataFrame | None = None
    weight: ArrayLike | None = None

    def checked(self) -> tuple[NDArray[np.bool_], Floats, NDArray[np.bool_], Floats]:
        """Return truth, score, flags and weight, the weights with a mean of 1; DataError where they do not fit."""
        truth, flagged = (np.asarray(part, dtype=bool) for part in (self.truth, self.flagged))
        score = probabilities(self.score)
        weight = np.ones(len(score)) if self.weight is None else np.asarray(self.weight, dtype=float)
        if not truth.shape == score.shape == flagged.shape == weight.shape or truth.ndim != 1 or not len(truth):
            raise DataError(
                f"expected one label, score, flag and weight a row, got {truth.shape}, {score.shape}, {flagged.shape} "
                f"and {weight.shape}"
            )
        if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
            raise DataError(
                "expected weights from 0 that are numbers and not all 0; give what rarecall.estimate.ratio gave"
            )
        return truth, score, flagged, weight if self.weight is None else tempered(weight, truth)


def probabilities(score: ArrayLike) -> Floats:
    """Return scores as an array; DataError where one is no probability."""
    values = np.asarray(score, dtype=float)
    outside = ~((values >= 0) & (values <= 1))
    if outside.any():
        raise DataError(
            f"expected probabilities from 0 to 1, got {values[outside][0]:g}; give what predict_proba returns"
        )
    return values


@dataclass(frozen=True, eq=False)
class Meaning:
    """What scores mean: the correction of their log-odds, and how sure it is.

    Attributes
    ----------
    names : tuple of (str, str)
        The cohort values that have offsets of their own.
    coefficients : array of float of shape (3 + 2 n_names,)
    covariance : array of float of shape (3 + 2 n_names, 3 + 2 n_names)
    """

    names: tuple[tuple[str, str], ...]
    coefficients: Floats
    covariance: Floats

    @classmethod
    def learned(cls, reference: Reference, now: pd.DataFrame | None) -> "Meaning":
        """Learn it on reference rows.

        The most probable coefficients under normal priors, by Newton's method; their covariance counts a weighted row
        for what it tells, which is less than its weight. A cohort value that only the rows of now have keeps its prior.
        """
        truth, score, flagged, weight = reference.checked()
        names = _names(reference.cohorts, now)
        columns, odds = _columns(score, flagged, reference.cohorts, names), _log_odds(score)
        prior = np.diag(1 / np.array([_OFFSET, _SLOPE, _FLAGGED, *[_BY_COHORT] * 2 * len(names)]) ** 2)
        found = np.zeros(columns.shape[1])
        for _ in range(_STEPS):
            chance = expit(odds + columns @ found)
            slope = columns.T @ (weight * (truth - chance)) - prior @ found
            bend = (columns.T * (weight * chance * (1 - chance))) @ columns + prior
            step = np.linalg.solve(bend, slope)
            step *= min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))  # far away Newton's step may be far too long
            found = found + step
            if np.abs(step).max() < 1e-8:
                break
        chance = expit(odds + columns @ found)
        noise = (columns.T * (weight**2 * chance * (1 - chance))) @ columns + prior
        inverse = np.linalg.inv((columns.T * (weight * chance * (1 - chance))) @ columns + prior)
        return cls(names, found, inverse @ noise @ inverse)

    def applied(
        self, score: ArrayLike, flagged: NDArray[np.bool_], cohorts: pd.DataFrame | None
    ) -> tuple[Floats, Floats]:
        """Return each row's probability, and what its correction is made of, of shape (n_rows, n_coefficients)."""
        values = probabilities(score)
        columns = _columns(values, flagged, cohorts, self.names)
        chance: Floats = expit(_log_odds(values) + columns @ self.coefficients)
        return chance, columns


def _log_odds(score: Floats) -> Floats:
    inside = np.clip(score, _EDGE, 1 - _EDGE)
    odds: Floats = np.log(inside) - np.log1p(-inside)
    return odds


def _names(before: pd.DataFrame | None, now: pd.DataFrame | None) -> tuple[tuple[str, str], ...]:
    both = [part for part in (before, now) if part is not None]
    return tuple(sorted({(str(one), str(value)) for part in both for one in part for value in part[one].unique()}))


def _columns(
    score: Floats, flagged: NDArray[np.bool_], cohorts: pd.DataFrame | None, names: tuple[tuple[str, str], ...]
) -> Floats:
    made = np.zeros((len(score), 3 + 2 * len(names)))
    made[:, 0] = 1.0
    made[:, 1] = _log_odds(score)
    made[:, 2] = flagged
    if cohorts is None:
        return made
    if len(cohorts) != len(score):
        raise DataError(f"expected one row of cohorts a score, got {len(cohorts)} for {len(score)}")
    for place, (cohort, value) in enumerate(names):
        if cohort in cohorts:
            inside = (cohorts[cohort] == value).to_numpy()
            made[:, 3 + 2 * place], made[:, 4 + 2 * place] = inside, inside & flagged
    return made
