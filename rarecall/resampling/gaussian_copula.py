r"""A Gaussian copula: new rows with the columns' own distributions in a class, and the way these go together.

Each column is turned into normal scores by its ranks within the class, the scores' correlation is estimated and shrunk,
normal vectors are drawn with it, and each is turned back by the column's quantiles. A category's levels lie side by
side on the line from 0 to 1, each as wide as it is frequent, the frequent ones first; a missing number lies before all
others.

Sources: Nelsen 2006, "An introduction to copulas"; Patki, Wedge & Veeramachaneni 2016, "The synthetic data vault",
DSAA, for categories; Ledoit & Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices",
J. Multivar. Anal. 88:365, for the shrinkage, without which a few dozen rare rows would not give a matrix that can be
drawn from. No library is used: `copulas`, which has the same, is under the Business Source License (0.14.1: BUSL-1.1).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from sklearn.covariance import ledoit_wolf

from rarecall.resampling.columns import Columns
from rarecall.resampling.generated import Generated
from rarecall.resampling.randomness import strays

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]

_MOST_LIKELY = 1e-12  # no quantile at exactly 0 or 1, which the normal distribution does not reach


class GaussianCopula(Generated):
    """Rows from a Gaussian copula of each class by itself; a class of few rows is enough, and torch is not needed.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn; a dict gives each class's rows after resampling.
    random_state : int, RandomState or None, default=None
        The same seed and rows give the same rows.
    categorical_features : "auto" or array-like, default="auto"
        Names, positions or a mask of the columns that hold categories. "auto" takes a table's categorical, text, object
        and boolean columns.
    steps, bounds : mapping of column, optional
        Drawn numbers are rounded to multiples of the column's step and held within its (low, high).
    rules : mapping of name to rule or sequence of rules, optional
        What every row must satisfy; see `rarecall.resampling.rules`.
    max_redraws : int, default=20
        How often a row that breaks a rule is drawn again before it is left out.

    Attributes
    ----------
    lineage_ : pyarrow.Table
        A row for each generated row. None has a parent: the digest of the rows that taught the copula, and their ids,
        stand in its metadata.
    facts_ : dict
        `taught`, that digest, and `rejected` by rule.
    notes_ : tuple of str
    sampling_strategy_ : dict
    n_features_in_, feature_names_in_

    >>> rng = np.random.default_rng(0)
    >>> a = rng.exponential(size=400)
    >>> X = pd.DataFrame({"a": a, "b": a + rng.normal(size=400) / 9, "town": rng.choice(["york", "bath"], 400)})
    >>> sampler = GaussianCopula(random_state=0)
    >>> rows, labels = sampler.fit_resample(X, np.repeat([0, 1], [300, 100]))
    >>> drawn = rows.iloc[400:]
    >>> bool(drawn["a"].corr(drawn["b"]) > 0.9), len(drawn), sampler.lineage_["parent_id"].null_count
    (True, 200, 200)
    """

    def _taught_by(self, y: NDArray[Any], eligible: NDArray[np.bool_], label: Any) -> Ints:
        return np.flatnonzero((y == label) & eligible)

    def _learn(self, table: pd.DataFrame, y: NDArray[Any], columns: Columns, label: Any, seed: int) -> "_Copula":  # noqa: ARG002 - the class is learned by itself, and without chance
        return _Copula.of(table, columns)

    def _draw(self, generator: "_Copula", index: Ints, seed: int, attempt: int) -> pd.DataFrame:
        first, last = int(index.min()), int(index.max()) + 1
        uniform = strays(seed, attempt, first, last, len(generator.margins))[index - first]
        normal = ndtri(np.clip(uniform, _MOST_LIKELY, 1 - _MOST_LIKELY)) @ generator.root.T
        return generator.rows(ndtr(normal))


@dataclass(frozen=True)
class _Copula:
    """What a class's rows have taught: each column's distribution, and a square root of their correlation."""

    margins: list["_Numbers | _Levels"]
    root: Floats
    table: pd.DataFrame

    @classmethod
    def of(cls, table: pd.DataFrame, columns: Columns) -> "_Copula":
        steps, bounds, voted = columns.steps or {}, columns.bounds or {}, set(columns.categorical)
        margins: list[_Numbers | _Levels] = [
            _Levels.of(table.iloc[:, at])
            if at in voted
            else _Numbers.of(table.iloc[:, at], steps.get(at), bounds.get(at, (None, None)))
            for at in range(columns.n)
        ]
        scores = np.column_stack([one.scores(table.iloc[:, at]) for at, one in enumerate(margins)])
        spread = scores.std(axis=0)
        shrunk, _ = ledoit_wolf(np.divide(scores, spread, out=np.zeros_like(scores), where=spread > 0))
        # What does not vary has no correlation; it draws a number of its own, from which its one value follows.
        shrunk[np.diag_indices_from(shrunk)] += np.where(np.diag(shrunk) > 0, 0.0, 1.0)
        scale = np.sqrt(np.diag(shrunk))
        value, vector = np.linalg.eigh(shrunk / np.outer(scale, scale))
        return cls(margins, vector * np.sqrt(np.clip(value, 0.0, None)), table.head(0))

    def rows(self, uniform: Floats) -> pd.DataFrame:
        drawn = {at: one.values(uniform[:, at]) for at, one in enumerate(self.margins)}
        found = pd.DataFrame({at: pd.Series(values) for at, values in drawn.items()}, index=range(len(uniform)))
        found = found.set_axis(self.table.columns, axis=1)
        return found.astype(self.table.dtypes.to_dict())


@dataclass(frozen=True)
class _Numbers:
    """A column of numbers: its values in order, and how many are missing."""

    known: Floats
    missing: float
    step: float | None
    bounds: tuple[float | None, float | None]
    is_whole: bool

    @classmethod
    def of(cls, column: "pd.Series[Any]", step: float | None, bounds: tuple[float | None, float | None]) -> "_Numbers":
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.sort(values[~np.isnan(values)])
        is_whole = not pd.api.types.is_float_dtype(column.dtype)
        return cls(known, 1.0 - len(known) / len(values), step, bounds, is_whole)

    def scores(self, column: "pd.Series[Any]") -> Floats:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return _normal_scores(np.where(np.isnan(values), -np.inf, values))

    def values(self, uniform: Floats) -> Floats:
        found = np.full(len(uniform), np.nan)
        if not len(self.known):
            return found
        there = uniform >= self.missing
        share = (uniform[there] - self.missing) / (1.0 - self.missing)
        drawn = np.quantile(self.known, np.clip(share, 0.0, 1.0))
        if self.step:
            drawn = np.round(drawn / self.step) * self.step
        if any(bound is not None for bound in self.bounds):
            drawn = np.clip(drawn, *self.bounds)
        found[there] = np.round(drawn) if self.is_whole else drawn
        return found


@dataclass(frozen=True)
class _Levels:
    """A column of categories: its levels, the frequent ones first, and up to where each reaches; missing is one."""

    levels: NDArray[Any]
    ends: Floats

    @classmethod
    def of(cls, column: "pd.Series[Any]") -> "_Levels":
        counts = column.astype(object).value_counts(dropna=False, sort=False)
        order = np.lexsort((np.array([str(level) for level in counts.index]), -counts.to_numpy()))
        levels = np.empty(len(counts), dtype=object)
        levels[:] = counts.index.to_numpy(dtype=object)
        return cls(levels[order], counts.to_numpy()[order].cumsum() / len(column))

    def scores(self, column: "pd.Series[Any]") -> Floats:
        place = pd.Index(self.levels).get_indexer(pd.Index(column.astype(object)))
        middle = (np.append(0.0, self.ends[:-1]) + self.ends) / 2
        found: Floats = ndtri(np.clip(middle[place], _MOST_LIKELY, 1 - _MOST_LIKELY))
        return found

    def values(self, uniform: Floats) -> NDArray[Any]:
        place = np.minimum(np.searchsorted(self.ends, uniform, side="right"), len(self.levels) - 1)
        found: NDArray[Any] = self.levels[place]
        return found


def _normal_scores(values: Floats) -> Floats:
    """Return the normal quantiles of the values' middle ranks.

    >>> _normal_scores(np.array([3.0, 1.0, 1.0])).round(2).tolist()
    [0.97, -0.43, -0.43]
    """
    ranks = pd.Series(values).rank(method="average").to_numpy()
    found: Floats = ndtri((ranks - 0.5) / len(values))
    return found
