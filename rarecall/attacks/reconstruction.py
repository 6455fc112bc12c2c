"""Reconstruction: real rows read off the synthetic rows drawn between them, without a look at any real one.

A row that was drawn between two real rows lies on the line between them, and so do others; where lines end and meet
stands a real row (ReconSMOTE: Ganev et al. 2026, "SMOTE and Mirrors", arXiv 2510.15083, section 5). What is added here:
values rounded to steps, a chance level for every find, and rounds, in which a row that has been found serves to find
lines of two points, and these more rows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from rarecall.attacks.lines import FINE, RARE, SLACK, Lines, between, beyond, spreads, steps, surprise, through
from rarecall.deadline import Deadline

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]

NEARBY = 128
"""Rows that a row is tried with: those of the same line are among them unless there are very many rows."""

_LINES = 48  # lines that a line is crossed with
_ROUNDS = 4
_PAIRS = 100_000
_FAR = 20.0  # how many lengths beyond its points a line may meet another
_WITHIN = 0.02  # how far inside its points, as a share of their extent: rounding moves ends
_AROUND = 6  # rows whose nearness says how dense a spot is
_SAME = 0.003  # meetings within this share of a spread are one


@dataclass(frozen=True)
class Candidates:
    """Rows that an attacker says are real.

    Attributes
    ----------
    numbers : ndarray of shape (n, n_columns)
    witness : ndarray of int of shape (n,)
        A synthetic row each was found by, whose categories it is given.
    """

    numbers: Floats
    witness: Ints


def reconstruct(numbers: Floats, nearby: Ints, deadline: Deadline, *, loose: float = 0.0) -> Candidates:
    """Return the rows where lines through synthetic rows end and meet.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows, n_columns)
        The synthetic rows' numbers, none missing, no row twice.
    nearby : ndarray of int of shape (n_rows, k)
        The rows nearest to each, by a distance that the attacker believes the sampler used.
    deadline : Deadline
    loose : float
        How far off the lines the rows are believed to be, as a share of each column's spread.

    >>> rng = np.random.default_rng(0)
    >>> real = rng.normal(size=(3, 4))
    >>> drawn = np.concatenate([real[[0]] + rng.random((4, 1)) * (real[[at]] - real[[0]]) for at in (1, 2)])
    >>> nearby = np.array([[other for other in range(8) if other != row] for row in range(8)])
    >>> found = reconstruct(drawn, nearby, Deadline(9)).numbers
    >>> bool(np.allclose(found, real[[0]]))
    True
    """
    varied = numbers.std(axis=0) > 0
    space = _Space.of(numbers[:, varied], loose)
    triples = between(space.points, np.arange(len(numbers)), nearby, deadline)
    vertices, witness = np.empty((0, space.points.shape[1])), np.empty(0, dtype=np.int64)
    for _ in range(_ROUNDS if len(triples) else 0):
        known = np.concatenate([space.points, space.snapped(vertices)])
        found, by = _vertices(through(known, triples), space, deadline)
        grown = len(found) > len(vertices)
        vertices, witness = found, np.concatenate([np.arange(len(numbers)), witness])[by]
        if not grown or deadline.struck():
            break
        rows = len(numbers) + np.arange(len(vertices))
        known = np.concatenate([space.points, space.snapped(vertices)])
        around = space.nearest(vertices, min(nearby.shape[1] + 1, len(numbers)))
        rays = beyond(known, rows, around, deadline)
        triples = np.concatenate([triples[(triples < len(numbers)).all(axis=1)], rays])
    whole = np.tile(numbers[0], (len(vertices), 1))
    whole[:, varied] = space.values(space.snapped(vertices))
    return Candidates(whole, witness)


def modes(numbers: Floats, nearby: Ints) -> Candidates:
    """Return the centres of the densest spots: a parent's rows lie around it, the closest together near it.

    What is left to an attacker where the rows are off their lines; parameters as of `reconstruct`.
    """
    scaled = numbers / spreads(numbers)
    close = nearby[:, : min(_AROUND, nearby.shape[1])]
    distance = np.sqrt(((scaled[close] - scaled[:, None]) ** 2).sum(axis=2)).mean(axis=1)
    densest = np.flatnonzero(distance <= distance[close].min(axis=1))
    spots = np.concatenate([densest[:, None], close[densest, :2]], axis=1)
    return Candidates(numbers[spots].mean(axis=1), densest)


@dataclass(frozen=True)
class _Space:
    """Synthetic rows in units, and the way back."""

    points: Floats
    unit: Floats
    step: Floats
    spread: Floats
    center: Floats

    @classmethod
    def of(cls, numbers: Floats, loose: float) -> "_Space":
        step, spread, center = steps(numbers), spreads(numbers), np.median(numbers, axis=0)
        unit = np.maximum(step, max(FINE, loose) * spread)
        return cls((numbers - center) / unit, unit, step, spread, center)

    def values(self, points: Floats) -> Floats:
        """Return points as numbers, on the nearest step in the columns that have one."""
        values = points * self.unit + self.center
        step = np.where(self.step > 0, self.step, 1.0)
        return np.where(self.step > 0, np.rint(values / step) * step, values)

    def snapped(self, points: Floats) -> Floats:
        return (self.values(points) - self.center) / self.unit

    def nearest(self, points: Floats, k: int) -> Ints:
        """Return the rows nearest to points."""
        return _nearest(self.points * self.scale, points * self.scale, k)

    @property
    def scale(self) -> Floats:
        """What turns units into spreads."""
        return self.unit / self.spread

    def together(self, points: Floats) -> Ints:
        """Return a number for each point, the same for those that cannot be told apart."""
        within = np.maximum(_SAME * self.spread, 0.6 * self.unit) / self.unit
        pairs = cKDTree(points / within).query_pairs(1.0, p=np.inf, output_type="ndarray")
        joined = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(points), len(points)))
        return np.asarray(connected_components(joined, directed=False)[1])


def _vertices(lines: Lines, space: _Space, deadline: Deadline) -> tuple[Floats, Ints]:
    """Return the points where lines meet, each with the point of one of these lines that is nearest to it."""
    points, pairs, sure, witness = _meetings(lines, space, deadline)
    if not len(points):
        return np.empty((0, space.points.shape[1])), np.empty(0, dtype=np.int64)
    place = space.together(points)
    order = np.argsort(place, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(place[order])) + 1)
    # Two lines that meet so closely by chance are rare, or there are three; in a plane any two lines meet.
    real = [group for group in groups if sure[group].any() or len(np.unique(pairs[group])) > 2]
    vertices = np.array([np.median(points[group], axis=0) for group in real]).reshape(-1, points.shape[1])
    return vertices, np.array([witness[group[0]] for group in real], dtype=np.int64)


def _meetings(lines: Lines, space: _Space, deadline: Deadline) -> tuple[Floats, Ints, NDArray[np.bool_], Ints]:
    """Return points where two lines meet outside their extents, which they are, whether by no chance, and a witness."""
    k = min(_LINES, len(lines))
    middle = (lines.start + lines.end) / 2
    partner = _nearest(middle * space.scale, middle * space.scale, k)
    pairs = np.column_stack([np.repeat(np.arange(len(lines)), k), partner.ravel()])
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    found = [_crossed(lines, pairs[:0])]
    for at in range(0, len(pairs), _PAIRS):
        if deadline.struck():
            break
        found.append(_crossed(lines, pairs[at : at + _PAIRS]))
    points, met, sure, witness = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return points, met, sure, witness


def _crossed(lines: Lines, pairs: Ints) -> tuple[Floats, Ints, NDArray[np.bool_], Ints]:
    one, two = pairs.T
    way, other = lines.end[one] - lines.start[one], lines.end[two] - lines.start[two]
    gap = lines.start[one] - lines.start[two]
    aa, bb, ab = (way**2).sum(axis=1), (other**2).sum(axis=1), (way * other).sum(axis=1)
    ag, bg = (way * gap).sum(axis=1), (other * gap).sum(axis=1)
    det = aa * bb - ab**2
    slanted = det > 1e-10 * aa * bb
    det = np.where(slanted, det, 1.0)
    at = np.column_stack([(ab * bg - bb * ag) / det, (aa * bg - ab * ag) / det])
    outside = np.maximum(np.maximum(-at, at - 1.0), 0.0)  # lengths beyond the points of each line
    ends = ((at < _WITHIN) | (at > 1 - _WITHIN)) & (outside < _FAR)
    kept = slanted & ends.all(axis=1)
    one, two, at, outside, way, other = one[kept], two[kept], at[kept], outside[kept], way[kept], other[kept]
    here, there = lines.start[one] + at[:, :1] * way, lines.start[two] + at[:, 1:] * other
    # What the ends were rounded by grows with the way beyond them.
    tolerance = SLACK * (1.0 + outside.sum(axis=1))[:, None]
    met = (np.abs(here - there) <= tolerance).all(axis=1)
    unlikely = np.sort(surprise(np.maximum(np.abs(way), np.abs(other)), tolerance), axis=1)
    sure = unlikely[:, :-2].sum(axis=1) >= np.log(_LINES / RARE)
    trust = 1.0 / (1.0 + outside)
    points = (here * trust[:, :1] + there * trust[:, 1:]) / trust.sum(axis=1, keepdims=True)
    witness = np.where(at[:, 0] < 0.5, lines.first[one], lines.last[one])
    return points[met], np.column_stack([one, two])[met], sure[met], witness[met]


def _nearest(points: Floats, queries: Floats, k: int) -> Ints:
    if not len(queries):
        return np.empty((0, k), dtype=np.int64)
    return np.asarray(cKDTree(points).query(queries, k=k)[1]).reshape(len(queries), k)
