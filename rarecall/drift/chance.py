"""What chance alone would do: p-values of two samples that are known by their counts, and what many of them add up to.

The rows are taken to be independent; many rows of one entity are not, and give p-values that are too small.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

Counts = NDArray[np.int64]

_EXPECTED = 5.0  # of a cell of a chi-square test, the usual least


def kolmogorov(distance: float, n: int, m: int) -> float:
    """Return the two-sample Kolmogorov-Smirnov p-value of a distance between samples of n and m rows.

    The limiting distribution with Stephens' correction for few rows (Stephens 1970, J. R. Stat. Soc. B 32:115). For
    numbers that repeat, as for bins, it is too large rather than too small.

    >>> round(kolmogorov(0.1, 250, 100_000), 4)
    0.0126
    """
    root = np.sqrt(n * m / (n + m))
    return float(special.kolmogorov((root + 0.12 + 0.11 / root) * distance))


def share(hits: int, n: int, other_hits: int, m: int) -> float:
    """Return a two-sided p-value that two samples have the same share of something, at any size.

    Of all that have it, each stands in the first sample with probability n / (n + m): a binomial test, which errs to
    the safe side of Fisher's exact one, by little where few have it. So it is asked of the rarer of having it and not.

    >>> round(share(3, 100, 3, 100), 2), share(6, 250, 0, 100_000) < 1e-9
    (1.0, True)
    """
    if hits + other_hits > (n + m) / 2:
        hits, other_hits = n - hits, m - other_hits
    total, chance = hits + other_hits, n / (n + m)
    if total == 0:
        return 1.0
    lower = special.bdtr(hits, total, chance)
    upper = special.bdtrc(hits - 1, total, chance) if hits else 1.0
    return float(min(1.0, 2 * min(lower, upper)))


def homogeneity(reference: Counts, current: Counts) -> float:
    """Return a p-value that two samples fall into cells alike.

    Cells in which fewer than five rows of the smaller sample are expected are put together: by `share`, beside
    Pearson's chi-square over the others; the smaller of the two p-values counts twice.

    >>> homogeneity(np.array([500, 500, 0]), np.array([50, 50, 0]))
    1.0
    >>> homogeneity(np.array([5000, 5000, 0]), np.array([120, 120, 10])) < 1e-9
    True
    """
    n, m = int(reference.sum()), int(current.sum())
    together = reference + current
    often = together * (min(n, m) / (n + m)) >= _EXPECTED
    rare = share(int(current[~often].sum()), m, int(reference[~often].sum()), n)
    one, two = reference[often], current[often]
    if often.sum() < 2 or not one.any() or not two.any():
        return rare
    expected = together[often] * (two.sum() / together[often].sum())
    # Pearson's statistic of a table of two rows: each row's part is the other's, scaled by their sizes.
    statistic = float(np.sum((two - expected) ** 2 / expected)) * together[often].sum() / one.sum()
    common = float(special.chdtrc(int(often.sum()) - 1, statistic))
    return min(1.0, 2 * min(common, rare)) if together[~often].any() else common


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values adjusted for their number: those below a have been chosen wrongly with probability a at most.

    Holm's step-down (1979, Scand. J. Stat. 6:65), which holds however the tests depend on one another; groups overlap
    and columns go together.

    >>> holm(np.array([0.01, 0.04, 0.5])).round(2).tolist()
    [0.03, 0.08, 0.5]
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p, dtype=float)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted
