"""A candidate beside the champion: what each finds of the same positives, with the interval of the difference."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from rarecall import intervals
from rarecall.cohorts import in_order
from rarecall.errors import DataError
from rarecall.sections import Gates


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The candidate's recall beside the champion's on the same positives, with the interval of their difference.

    Attributes
    ----------
    candidate, champion, recall_difference : float or None
        None where there are no positives; the difference is candidate minus champion.
    low, high : float
    positives : int
    """

    candidate: float | None
    champion: float | None
    recall_difference: float | None
    low: float
    high: float
    positives: int

    def worse(self, gates: Gates) -> bool:
        """Return whether there are enough positives, and the whole interval lies below the margin."""
        return self.positives >= gates.min_positives and self.high < -gates.champion_margin


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A candidate beside the champion on one holdout, overall and by cohort; `compare` makes it."""

    version: str
    overall: Difference
    by_cohort: Mapping[str, Mapping[str, Difference]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values: the champion's version and recall, the difference, and the same by cohort."""
        return {
            "version": self.version,
            **_shown(self.overall),
            "by_cohort": {
                cohort: {value: _shown(difference) for value, difference in values.items()}
                for cohort, values in self.by_cohort.items()
            },
        }


def compare(
    y: ArrayLike,
    candidate: ArrayLike,
    champion: ArrayLike,
    *,
    version: str,
    gates: Gates,
    cohorts: pd.DataFrame | None = None,
) -> Comparison:
    """Compare what two models flag on the same holdout rows.

    Each cohort value is a chance to look worse by luck, so the intervals by cohort are widened to hold together
    (Bonferroni over the values with enough positives): equal models are called worse in some cohort in about
    `(1 - confidence) / 2` of comparisons at most, however many cohorts are watched.

    Parameters
    ----------
    y : array-like of bool, shape (n_rows,)
    candidate, champion : array-like of bool, shape (n_rows,)
        Whether each flags the row, each by its own threshold.
    version : str
        The champion's.
    gates : Gates
        Its `confidence` and `min_positives` are read.
    cohorts : DataFrame of str, shape (n_rows, n_cohorts), optional
        As `rarecall.cohorts.assign` names them, in the order of the rows.

    Raises
    ------
    DataError
        The four do not have the same rows.

    Examples
    --------
    >>> y = np.ones(100, dtype=bool)
    >>> seen = compare(y, np.arange(100) < 60, np.arange(100) < 90, version="3", gates=Gates()).overall
    >>> round(seen.recall_difference, 2), seen.worse(Gates())
    (-0.3, True)
    """
    truth, ours, theirs = (np.asarray(column, dtype=bool) for column in (y, candidate, champion))
    lengths = {truth.size, ours.size, theirs.size} | ({len(cohorts)} if cohorts is not None else set())
    if len(lengths) > 1:
        raise DataError(
            f"expected candidate, champion and cohorts on the same {truth.size} rows, got {sorted(lengths)}"
        )
    # A code for each positive: found by both, by the candidate, by the champion, by neither.
    cells = 2 * (~ours[truth]) + (~theirs[truth])
    overall = _difference(np.bincount(cells, minlength=4), gates.confidence)
    counts = {} if cohorts is None else {str(name): _cells(cohorts[name], truth, cells) for name in cohorts.columns}
    judged = sum(int(row.sum()) >= gates.min_positives for values in counts.values() for row in values.values())
    confidence = 1 - (1 - gates.confidence) / max(judged, 1)
    return Comparison(
        version=version,
        overall=overall,
        by_cohort={
            cohort: {value: _difference(values[value], confidence) for value in in_order(values)}
            for cohort, values in counts.items()
        },
    )


def _shown(difference: Difference) -> dict[str, Any]:
    return {
        "recall": difference.champion,
        "candidate_recall": difference.candidate,
        "recall_difference": difference.recall_difference,
        "low": difference.low,
        "high": difference.high,
        "positives": difference.positives,
    }


def _cells(
    column: "pd.Series[str]", truth: NDArray[np.bool_], cells: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Return the four counts of each value of a cohort that has a positive."""
    codes, names = pd.factorize(column.to_numpy()[truth])
    table = np.bincount(codes * 4 + cells, minlength=4 * len(names)).reshape(-1, 4)
    return {str(name): table[place] for place, name in enumerate(names)}


def _difference(counts: NDArray[np.int64], confidence: float) -> Difference:
    both, ours, theirs, neither = (int(count) for count in counts)
    positives = both + ours + theirs + neither
    low, high = intervals.paired(both, ours, theirs, neither, confidence)
    return Difference(
        candidate=(both + ours) / positives if positives else None,
        champion=(both + theirs) / positives if positives else None,
        recall_difference=(ours - theirs) / positives if positives else None,
        low=low,
        high=high,
        positives=positives,
    )
