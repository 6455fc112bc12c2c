"""Lines among points: which rows of a table lie on one, told from what would lie so by chance.

Coordinates are counted in units, a unit being what a value is known to: the step it was rounded to, or a small share of
the column's spread. Three points are on a line when the one in the middle is no more than a unit off it in any
coordinate, and when so close a fit of any of the pairs around it would be rare by chance.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rarecall.deadline import Deadline

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]

FINE = 1e-7
"""What a number without a step is known to, as a share of its spread: far above a double's rounding."""

RARE = 0.01
"""Chance finds allowed for each row that is looked at."""

SLACK = 1.05
"""Units that rounded points may be off their line: two of three by half a unit each, and a little for arithmetic."""

_STEPS = (1.0, 0.1, 0.01, 0.001)
_BLOCK = 128  # rows at a time: their tables of pairs stay within some tens of megabytes


@dataclass(frozen=True)
class Lines:
    """Lines through points.

    Attributes
    ----------
    start, end : ndarray of shape (n_lines, n_columns)
        The two points of a line that are farthest apart, in units.
    first, last : ndarray of int of shape (n_lines,)
        Which points they are.
    """

    start: Floats
    end: Floats
    first: Ints
    last: Ints

    def __len__(self) -> int:
        return len(self.first)


def steps(numbers: Floats) -> Floats:
    """Return the step that each column's values are multiples of: 1, 0.1, 0.01 or 0.001, or 0 where there is none.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows, n_columns)

    >>> steps(np.array([[1.0, 0.13, 0.5], [2.0, 0.21, np.pi], [4.0, 0.58, 0.1]])).tolist()
    [1.0, 0.01, 0.0]
    """
    return np.array([next((step for step in _STEPS if _multiples(column, step)), 0.0) for column in numbers.T])


def _multiples(values: Floats, step: float) -> bool:
    return bool(np.abs(values / step - np.rint(values / step)).max() < 1e-6)


def spreads(numbers: Floats) -> Floats:
    """Return each column's interquartile range as a standard deviation; that itself where the quartiles coincide."""
    low, high = np.percentile(numbers, [25, 75], axis=0)
    robust, plain = (high - low) / 1.349, numbers.std(axis=0)
    return np.where(robust > 0, robust, np.where(plain > 0, plain, 1.0))


def between(points: Floats, rows: Ints, nearby: Ints, deadline: Deadline) -> Ints:
    """Return triples of points on a line, the first of each among `rows` and in the middle.

    Parameters
    ----------
    points : ndarray of shape (n, n_columns)
        In units.
    rows : ndarray of int of shape (n_rows,)
    nearby : ndarray of int of shape (n_rows, k)
        The points that each row is tried with.

    Returns
    -------
    ndarray of int of shape (n_triples, 3)

    >>> points = np.array([[0.0, 0.0], [3e6, 3e6], [9e6, 9e6], [2e6, 7e6]])
    >>> between(points, np.array([1]), np.array([[0, 2, 3]]), Deadline(9)).tolist()
    [[1, 0, 2]]
    """
    return _triples(points, rows, nearby, deadline, opposite=True)


def beyond(points: Floats, rows: Ints, nearby: Ints, deadline: Deadline) -> Ints:
    """Return triples of points on a line, the first of each among `rows` and at its end; else as `between`."""
    return _triples(points, rows, nearby, deadline, opposite=False)


def through(points: Floats, triples: Ints) -> Lines:
    """Return the lines through triples; those that share two points are one line."""
    triples = np.unique(np.sort(triples, axis=1), axis=0)
    pairs = np.concatenate([triples[:, [0, 1]], triples[:, [0, 2]], triples[:, [1, 2]]]).astype(np.int64)
    pair, place = np.unique(pairs[:, 0] * len(points) + pairs[:, 1], return_inverse=True)
    first, second, third = place.reshape(3, -1)
    joined = coo_array(
        (np.ones(2 * len(first)), (np.tile(first, 2), np.concatenate([second, third]))), shape=(len(pair), len(pair))
    )
    line = connected_components(joined, directed=False)[1]
    of_line = np.concatenate([np.column_stack([line, end]) for end in (pair // len(points), pair % len(points))])
    line, member = np.unique(of_line, axis=0).T
    one = np.flatnonzero(np.diff(line, prepend=-1))
    # The point farthest from any point of a line is one of its ends, and the point farthest from that the other.
    start = _farthest(points, line, member, points[member[one]])
    end = _farthest(points, line, member, points[start])
    return Lines(points[start], points[end], start, end)


def surprise(extent: Floats, tolerance: Any) -> Floats:
    """Return, for each column, how unlikely it is to be within the tolerance by chance: minus the logarithm.

    Parameters
    ----------
    extent : ndarray of shape (n, n_columns)
        The room that a chance value would have had, in units.
    """
    return np.asarray(np.log(np.maximum((np.abs(extent) + 1.0) / (2.0 * tolerance), 1.0)))


def _triples(points: Floats, rows: Ints, nearby: Ints, deadline: Deadline, *, opposite: bool) -> Ints:
    enough = np.log(nearby.shape[1] ** 2 / 2 / RARE)
    wide = SLACK * np.sqrt(points.shape[1])  # the farthest that a point within the slack can be off
    found: list[Ints] = [np.empty((0, 3), dtype=np.int64)]
    for at in range(0, len(rows), _BLOCK):
        if deadline.struck():
            break
        row, others = rows[at : at + _BLOCK], nearby[at : at + _BLOCK]
        ways = points[others] - points[row][:, None]
        length = np.sqrt((ways**2).sum(axis=2))
        apart = length > 2.0
        inverse = np.where(apart, 1.0 / np.where(apart, length, 1.0), 0.0)
        towards = ways * inverse[:, :, None]
        cosine = towards @ towards.transpose(0, 2, 1)
        # A first sieve by angle, as fine as a double's cosine allows; what passes is looked at column by column.
        sieve = (wide * (inverse[:, :, None] + inverse[:, None, :])) ** 2 + 1e-11
        passed = (1.0 - cosine**2 <= sieve) & ((cosine < 0) if opposite else (cosine > 0))
        passed &= np.triu(np.ones(passed.shape[1:], dtype=bool), 1)
        one, left, right = np.nonzero(passed & apart[:, :, None] & apart[:, None, :])
        if len(one):
            true = _on_line(ways[one, left], ways[one, right], enough, opposite=opposite)
            found.append(np.column_stack([row[one], others[one, left], others[one, right]])[true])
    return np.concatenate(found)


def _on_line(left: Floats, right: Floats, enough: float, *, opposite: bool) -> NDArray[np.bool_]:
    """Tell which pairs of ways from a point lie on one line with it, closer than chance would have it."""
    if opposite:
        extent, start = right - left, -left
    else:
        farther = ((left**2).sum(axis=1) > (right**2).sum(axis=1))[:, None]
        extent, start = np.where(farther, left, right), np.where(farther, right, left)
    share = (start * extent).sum(axis=1) / (extent**2).sum(axis=1)
    off = np.abs(start - share[:, None] * extent)
    unlikely = surprise(extent, SLACK)
    # Along the line the point is free, so the column that says most says nothing.
    rare = unlikely.sum(axis=1) - unlikely.max(axis=1) >= enough
    return np.asarray((off <= SLACK).all(axis=1) & (share > 0) & (share < 1) & rare)


def _farthest(points: Floats, line: Ints, member: Ints, origin: Floats) -> Ints:
    """Return each line's point that is farthest from its origin."""
    distance = ((points[member] - origin[line]) ** 2).sum(axis=1)
    order = np.lexsort((distance, line))
    last = np.append(np.flatnonzero(np.diff(line[order])), len(order) - 1)
    return np.asarray(member[order[last]])
