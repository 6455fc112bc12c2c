"""MPP-SMOTE: hard and easy rare rows, told apart by how probably their surroundings call them rare."""

import numpy as np
from numpy.typing import NDArray

from rarecall.resampling.allocation import allocate
from rarecall.resampling.paired import PairedSampler, Pairs, Seat
from rarecall.resampling.plan import Floats

HARD = 0.5
"""Below this probability a row is hard to learn: its surroundings would call it common."""


FAR = 1e12


class MPPSMOTE(PairedSampler):
    """Minority-predictive-probability SMOTE, after Wei, Zhang and Zhao 2023 (Information Sciences 622).

    The probability of a rare row is the share of rare rows among its nearest ones. Where it is 0 the row is noise and
    no parent; below a half it is hard, else easy, and either kind gets its share of the rows by its number. A hard
    row is chosen in proportion to how near common rows lie beside rare ones; an easy row to how thinly rare ones lie
    around it. Rows of a hard parent lie in its half of the line to one of its nearest rare rows, those of an easy
    parent anywhere on it.

    The paper's abstract says so much; where it gives no formula, the ratio of mean distances and the half of the line
    are ours. The parameters are those of `PairedSampler`.

    >>> X, y = np.array([[0.0], [1.0], [2.0], [2.1], [9.0], [9.1], [9.2]]), np.array([1, 1, 1, 0, 0, 0, 1])
    >>> sampler = MPPSMOTE(sampling_strategy={1: 10}, n_neighbors=2, random_state=0)
    >>> _ = sampler.fit_resample(X, y)
    >>> 6 in sampler.lineage_["parent_id"].to_pylist()
    False
    """

    def _pairs(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs:
        rng = np.random.default_rng([seed, attempt])
        probability, weight = self._judged(seat)
        hard = probability < HARD
        if attempt:
            chosen = rng.choice(len(seat.rows), n, p=weight / weight.sum())
        else:
            chosen = np.repeat(np.arange(len(seat.rows)), allocate(weight, n))
        parents = seat.rows[chosen]
        giving, place = np.unique(parents, return_inverse=True)
        near = seat.nearest(giving, seat.k)[place.ravel()]
        neighbors = near[np.arange(n), rng.integers(0, near.shape[1], n)]
        return Pairs(parents, neighbors, rng.random(n) * np.where(hard[chosen], HARD, 1.0))

    def _judged(self, seat: Seat) -> tuple[Floats, Floats]:
        """Return each rare row's probability, and its weight as a parent."""
        distance, around = seat.around(seat.rows, 2 * seat.k)
        there = around >= 0
        rare = (seat.classes[around] == seat.label) & there
        probability = rare[:, : seat.k].mean(axis=1)
        parent = probability > 0
        if not parent.any():
            return probability, np.ones(len(seat.rows))
        # Rows that share no known number are as far apart as can be told.
        common_distance = _mean_where(np.minimum(distance, FAR), ~rare & there)
        rare_distance = np.minimum(seat.distances(), FAR).mean(axis=1)
        weight = np.zeros(len(seat.rows))
        for group, score in (
            (parent & (probability < HARD), rare_distance / np.maximum(common_distance, np.finfo(float).tiny)),
            (parent & (probability >= HARD), rare_distance),
        ):
            if group.any():
                of = np.minimum(score[group], FAR)
                of = of if of.sum() > 0 else np.ones(len(of))
                weight[group] = of / of.sum() * group.sum()
        return probability, weight


def _mean_where(values: Floats, mask: NDArray[np.bool_]) -> Floats:
    """Return each row's mean of some of its values; where there is none, its largest."""
    total = np.where(mask, values, 0.0).sum(axis=1)
    count = mask.sum(axis=1)
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), values.max(axis=1))
    return mean
