"""The gain of one arm over another, with an interval that knows the folds share their training rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from rarecall.intervals import Interval


@dataclass(frozen=True, kw_only=True)
class Gain:
    """What one arm scores above another.

    Attributes
    ----------
    mean : float
        Over the folds.
    low, high : float
        Of the two-sided interval; infinite where there is one fold.
    """

    mean: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0.0


def paired(
    ours: Sequence[float], theirs: Sequence[float], *, test_share: float, confidence: float, comparisons: int = 1
) -> Gain:
    """Return the gain over folds by the corrected resampled t-test (Nadeau and Bengio 2003, Machine Learning 52:239).

    Folds share training rows, so their scores hang together and the plain t-test calls luck a gain; the variance is
    therefore multiplied by 1/n + test_share instead of 1/n.

    Parameters
    ----------
    ours, theirs : sequences of float, one a fold
        On the same rows.
    test_share : float
        Rows tested for each row that teaches, averaged over the folds.
    confidence : float
        Two-sided.
    comparisons : int
        How many gains are looked at: each interval is widened so that all hold together (Bonferroni).

    >>> gain = paired([0.52, 0.61, 0.58], [0.50, 0.60, 0.55], test_share=0.25, confidence=0.95)
    >>> round(gain.mean, 3), round(gain.low, 3), round(gain.high, 3), gain.shown
    (0.02, -0.013, 0.053, False)
    """
    difference = np.subtract(ours, theirs, dtype=float)
    n, mean = len(difference), float(difference.mean())
    if n < 2:
        return Gain(mean=mean, low=-np.inf, high=np.inf)
    spread = float(difference.std(ddof=1)) * float(np.sqrt(1.0 / n + test_share))
    reach = spread * float(stats.t.ppf(1.0 - (1.0 - confidence) / 2.0 / max(1, comparisons), n - 1))
    bounds = Interval(mean - reach, mean + reach)
    return Gain(mean=mean, low=bounds.low, high=bounds.high)
