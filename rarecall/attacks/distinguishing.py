"""Distinguishing: which rows of an augmented table are synthetic, told from the table alone.

A synthetic row lies between two real ones, a real row between none (DistinSMOTE: Ganev et al. 2026, "SMOTE and
Mirrors", arXiv 2510.15083, section 4).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecall.attacks.lines import between
from rarecall.deadline import Deadline

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]

_BLOCK = 128


def scores(points: Floats, scaled: Floats, rows: Ints, nearby: Ints, deadline: Deadline) -> dict[str, Floats]:
    """Return what several attackers say of rows: the higher, the more synthetic.

    Parameters
    ----------
    points : ndarray of shape (n, n_columns)
        All rows in the units their values are known to.
    scaled : ndarray of shape (n, n_columns)
        The same in spreads.
    rows : ndarray of int of shape (n_rows,)
        Which are asked about.
    nearby : ndarray of int of shape (n_rows, k)
        The rows nearest to each, nearest first.

    Returns
    -------
    dict of str to ndarray of shape (n_rows,)
        `on_lines`: rows in the middle of others to the last digit, then by straightness. `straight`: by the straightest
        way through the row from one neighbour to another. `close`: by the nearness of its neighbours.

    >>> ends = np.array([[0.0, 0.0], [2.0, 4.0], [5.0, 1.0]])
    >>> table = np.concatenate([ends, [[1.0, 2.0]]])
    >>> nearby = np.array([[other for other in range(4) if other != row] for row in range(4)])
    >>> scores(table * 1e6, table, np.arange(4), nearby, Deadline(9))["straight"].argmax()
    np.int64(3)
    """
    straight, close = np.zeros(len(rows)), np.zeros(len(rows))
    for at in range(0, len(rows), _BLOCK):
        if deadline.struck():
            break
        ways = scaled[nearby[at : at + _BLOCK]] - scaled[rows[at : at + _BLOCK]][:, None]
        length = np.sqrt((ways**2).sum(axis=2, keepdims=True))
        towards = np.divide(ways, length, out=np.zeros_like(ways), where=length > 0)
        straight[at : at + _BLOCK] = -(towards @ towards.transpose(0, 2, 1)).min(axis=(1, 2))
        close[at : at + _BLOCK] = -length[:, : min(5, nearby.shape[1])].mean(axis=(1, 2))
    middle = np.isin(rows, between(points, rows, nearby, deadline)[:, 0])
    return {"on_lines": 3.0 * middle + straight, "straight": straight, "close": close}
