r"""Bets on the mean of bounded outcomes: evidence that may be looked at as often as one likes.

Whoever claims that the mean of outcomes :math:`X_t \in [a, b]` is at most :math:`\mu` offers a game that is fair, or
one that the player loses: a stake :math:`s \in [0, 1]` turns a fortune :math:`K` into

.. math:: K \left(1 + s \frac{X_t - \mu}{\mu - a}\right),

which on average is not more than :math:`K`. So the fortune of a player who began with 1 reaches :math:`1/\alpha` at any
time at all with probability :math:`\alpha` at most (Ville 1939), if the claim is true; a fortune is evidence against
the claim. No stake is right for every truth. Here the player spreads the first coin over stakes :math:`s = u^2` with
:math:`u` uniform, and the sum of all those fortunes is a fortune too. It depends on how often each outcome came and not
on their order, so it can be worked out anew from counts.

Sources: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting", J. R. Stat. Soc. B 86:1
(the game, and confidence sequences as the means that no fortune refutes); Ramdas, Grünwald, Vovk & Shafer 2023,
"Game-theoretic statistics and safe anytime-valid inference", Stat. Sci. 38:576; Howard, Ramdas, McAuliffe & Sekhon
2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Stat. 49:1055 (mixtures).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rarecall.intervals import Interval
from rarecall.sequential.edge import edge

_STAKES = ((np.arange(64) + 0.5) / 64) ** 2
_LOWEST = 1e-12  # of the range: a claim that the mean is at its very end is refuted by any other outcome


def evidence(
    values: ArrayLike, counts: ArrayLike, mean: float, *, low: float, high: float, above: bool
) -> NDArray[np.float64]:
    """Return the log of the evidence that the mean lies above a claimed one, or below it.

    Parameters
    ----------
    values : array-like of shape (n_values,)
        The outcomes that came, each within [low, high].
    counts : array-like of shape (..., n_values)
        How often each came.
    mean : float
        The claim: that the mean is at most this (`above=True`), or at least this.
    low, high : float
        What an outcome can be.
    above : bool

    Returns
    -------
    array of shape (...)
        The log of the fortune of whoever bets against the claim. While the claim is true it ever exceeds log(1/alpha)
        with probability alpha at most, however often and whenever it is looked at.

    Examples
    --------
    Ten of twelve rows on which two models differ are for the second one; were the models equally good, such a row would
    be for either with probability 1/2:

    >>> won = evidence([-1, 1], [2, 10], 0.0, low=-1, high=1, above=True)
    >>> round(float(np.exp(won)), 1)
    6.8
    """
    x = np.asarray(values, dtype=float)
    room = max((mean - low) if above else (high - mean), _LOWEST * (high - low))
    gain = (x - mean) / room if above else (mean - x) / room
    # The worst outcome would lose the whole stake and, by rounding, a little more.
    each = np.log1p(_STAKES[:, None] * np.maximum(gain, -1.0))
    grown = np.asarray(counts, dtype=float) @ each.T
    most = grown.max(axis=-1, keepdims=True)
    fortune: NDArray[np.float64] = most[..., 0] + np.log(np.exp(grown - most).mean(axis=-1))
    return fortune


def interval(values: ArrayLike, counts: ArrayLike, *, low: float, high: float, alpha: float = 0.05) -> Interval:
    """Return the means that the outcomes do not refute: a confidence sequence.

    Parameters
    ----------
    values : array-like of shape (n_values,)
    counts : array-like of shape (n_values,)
    low, high : float
        What an outcome can be.
    alpha : float
        The probability that the true mean is ever outside, over all the times at which this is asked.

    Returns
    -------
    Interval
        All of [low, high] while nothing has come.

    Examples
    --------
    >>> low, high = interval([0, 1], [20, 80], low=0, high=1)
    >>> round(low, 3), round(high, 3)
    (0.654, 0.909)
    """
    limit = np.log(2 / alpha)

    def refuted(mean: float, *, above: bool) -> bool:
        return bool(evidence(values, counts, mean, low=low, high=high, above=above) >= limit)

    return Interval(
        edge(lambda mean: refuted(mean, above=True), low, high),
        edge(lambda mean: refuted(mean, above=False), high, low),
    )
