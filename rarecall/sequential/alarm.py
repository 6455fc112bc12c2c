r"""Alarms: evidence that a rate has fallen below a limit at some time, however long it held before.

One bet that began with the first row (`betting`) is worth next to nothing after a long good history: it has lost its
stake many times over. So a new coin is put down before every row, and each coin is bet from there on. For outcomes
:math:`X_i \in \{0, 1\}`, a limit :math:`\mu`, a stake :math:`s` and coins :math:`c_j` the evidence after row `n` is

.. math:: E_n = \sum_{j \le n} c_j \prod_{i=j}^{n} \left(1 + s \frac{\mu - X_i}{1 - \mu}\right),

that is :math:`E_n = (E_{n-1} + c_n)(\ldots)`, averaged over a grid of stakes. While the rate holds the limit no bet
gains on average, so :math:`E_n - \sum_{j \le n} c_j` cannot either, and (Doob)

.. math:: P(\exists n: E_n \ge 1/\alpha) \le \alpha \sum_j c_j, \qquad
          \text{mean coins until } E_n \ge 1/\alpha \text{ first} \ge 1/\alpha.

With coins that add up to 1 over a horizon, a year of watching say, the alarm sounds falsely within the horizon with
probability :math:`\alpha` at most, over all looks, and once in :math:`1/\alpha` horizons on average.

Sources: Shin, Ramdas & Rinaldo 2022, "E-detectors: a nonparametric framework for sequential change detection",
arXiv:2203.03532 (the Shiryaev-Roberts detector of e-values and its mixtures; here coins may be unequal, so that the
promise is one over time and not over rows); Shiryaev 1963, Theory Probab. Appl. 8:22; Roberts 1966, Technometrics
8:411; Waudby-Smith & Ramdas 2024, J. R. Stat. Soc. B 86:1 (the bets).
"""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from rarecall.sequential import betting

STAKES = np.geomspace(0.03, 0.4, 5)
"""The share of the fortune that a found positive costs; the sharpest for a fall by its own share of the limit.

So 0.125 is for 0.80 to 0.70. Five hear any fall as soon as twelve do; one by less than half the least is not heard.
"""

_CELLS = np.linspace(-8.0, 4.0, 41)  # edges, in standard errors of the log-odds of what was measured
_HIGHEST = 1 - 1e-9  # a claim that every row is a hit is refuted by the first miss


def coins(times: ArrayLike, begun: float, horizon: float) -> NDArray[np.float64]:
    """Return the coin of each row, by the time that has passed: over a horizon they add up to 1.

    Rows of one moment, such as a delivery of labels, share what has passed since the moment before.

    Parameters
    ----------
    times : array-like of shape (n_rows,)
        Ascending.
    begun, horizon : float
        When watching began, and how long a horizon is, in the unit of the times.

    Examples
    --------
    >>> coins([10, 30, 30], 0, 100).tolist()
    [0.1, 0.1, 0.1]
    """
    moments, where, many = np.unique(np.asarray(times, dtype=float), return_inverse=True, return_counts=True)
    passed = np.diff(moments, prepend=begun).clip(0.0) / horizon
    found: NDArray[np.float64] = (passed / many)[where]
    return found


def path(hits: ArrayLike, limit: float, coins: ArrayLike) -> NDArray[np.float64]:
    """Return the log of the evidence, after each row, that the rate has fallen below the limit.

    Parameters
    ----------
    hits : array-like of bool, shape (..., n_rows)
        In the order in which they came.
    limit : float
        The claim is that each row is a hit with this probability at least, whatever came before.
    coins : array-like of float, shape (..., n_rows)
        Set before the row is seen; see `coins`.

    Returns
    -------
    array of shape (..., n_rows)

    Examples
    --------
    After 900 rows at 0.90, ten misses among twenty rows; coins for 1,000 rows:

    >>> rows = [i % 10 > 0 for i in range(900)] + [i % 2 > 0 for i in range(20)]
    >>> logs = path(rows, 0.8, np.full(920, 1 / 1000))
    >>> round(float(logs[899]), 1), round(float(logs[-1]), 1)
    (-3.9, -1.3)
    """
    x = np.asarray(hits, dtype=bool)
    limit = float(np.clip(limit, 0.0, _HIGHEST))
    with np.errstate(divide="ignore"):
        put = np.log(np.broadcast_to(np.asarray(coins, dtype=float), x.shape))
    found = np.full(x.shape, -np.inf)
    for stake in STAKES:
        grown = np.where(x, np.log1p(-stake), np.log1p(stake * limit / (1 - limit))).cumsum(axis=-1)
        before = np.concatenate([np.zeros((*x.shape[:-1], 1)), grown[..., :-1]], axis=-1)
        found = np.logaddexp(found, np.logaddexp.accumulate(put - before, axis=-1) + grown)
    found -= np.log(len(STAKES))
    return found


def path_below(
    hits: ArrayLike, reference: tuple[int, int], coins: ArrayLike, *, margin: float = 0.0
) -> NDArray[np.float64]:
    """Return the log of the evidence, after each row, that the rate lies below what was once measured less a margin.

    What was measured is itself a sample: of `reference[1]` rows `reference[0]` were hits. Were its rate `p`, the rows
    would give evidence against ``p - margin``, and the sample evidence that its rate lies above `p`; both are
    independent, so their product is evidence, and the least product over all `p` is so whatever the rate was (as in
    `split`). The first rises with `p` and the second falls, so a grid's cells bound it from below.

    Parameters
    ----------
    hits, coins
        As in `path`, one-dimensional.
    reference : tuple of int
        Hits and rows of the sample; it has no part in the rows.
    margin : float

    Examples
    --------
    The same fall, seen against 90 of 100 and against 900 of 1,000:

    >>> rows = np.array([i % 10 > 0 for i in range(300)] + [i % 3 > 0 for i in range(90)])
    >>> few, many = (path_below(rows, (9 * n, 10 * n), np.full(390, 1 / 1000))[-1] for n in (10, 100))
    >>> bool(few < many < path(rows, 0.9, np.full(390, 1 / 1000))[-1])
    True
    """
    found, of = reference
    x = np.asarray(hits, dtype=bool)
    spread = np.sqrt(1 / (found + 0.5) + 1 / (of - found + 0.5))
    edges = [0.0, *expit(logit((found + 0.5) / (of + 1)) + spread * _CELLS), 1.0]
    least = np.full(x.shape, np.inf)
    for begin, end in pairwise(edges):
        measured = betting.evidence([0, 1], [of - found, found], float(end), low=0, high=1, above=True)
        # Half a coin is not bet on the sample, so that near what was measured no more than this half is lost.
        told = np.logaddexp(0.0, measured) - np.log(2)
        least = np.minimum(least, path(x, float(begin) - margin, coins) + told)
    return least
