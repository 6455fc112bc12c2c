"""Discoveries: which of many tests to believe, when all of them are looked at and many are of the same rows."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def discoveries(logs: ArrayLike, alpha: float) -> NDArray[np.bool_]:
    """Return which tests are discoveries by e-BH, whose false share of all discoveries is `alpha` on average at most.

    The `k` largest of `n` e-values are discoveries for the largest `k` whose `k`-th is `n / (k alpha)` at least. That
    holds however the tests depend on one another (Wang & Ramdas 2022, "False discovery rate control with e-values",
    J. R. Stat. Soc. B 84:822), where Benjamini-Hochberg on p-values asks that they be independent or rise together:
    the recall of all rows, of a region and of a channel are of the same rows. Where nothing at all is wrong, a
    discovery means that the mean of all e-values is `1 / alpha` at least. The mean of evidence is evidence, so over all
    looks a single false discovery is as rare as it is for one test.

    Parameters
    ----------
    logs : array-like of shape (n_tests,)
        The logs of the e-values; a test that has seen nothing yet counts too, with minus infinity.
    alpha : float

    Returns
    -------
    array of bool, shape (n_tests,)

    Examples
    --------
    >>> discoveries(np.log([90, 25, 1, 0.1]), 0.05).tolist()
    [True, False, False, False]
    >>> discoveries(np.log([90, 41, 1, 0.1]), 0.05).tolist()
    [True, True, False, False]
    """
    values = np.asarray(logs, dtype=float)
    if not values.size:
        return np.zeros(0, dtype=bool)
    order = np.argsort(-values, kind="stable")
    needed = np.log(values.size) - np.log(alpha) - np.log(np.arange(1, values.size + 1))
    passed = np.flatnonzero(values[order] >= needed)
    found = np.zeros(values.size, dtype=bool)
    found[order[: passed[-1] + 1 if passed.size else 0]] = True
    return found
