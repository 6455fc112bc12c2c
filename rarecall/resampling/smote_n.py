"""SMOTE-N: rows of categories alone, by the vote of a rare row and its nearest ones."""

import numpy as np
from imblearn.metrics.pairwise import ValueDifferenceMetric

from rarecall.resampling.metric import Mixed
from rarecall.resampling.paired import PairedSampler, Pairs, Seat
from rarecall.resampling.plan import Ints
from rarecall.resampling.refusal import SamplingError

BLOCK = 1 << 10
"""Rare rows whose distances to all others are in memory at a time."""


class PairedSMOTEN(PairedSampler):
    """SMOTE-N (Chawla et al. 2002, section 6.2), its distances imbalanced-learn's value difference metric.

    Two categories are the nearer the more alike the classes are among which they stand. In each column the category
    wins that most of the parent and its nearest rare rows have; among equals the parent's. The parameters are those of
    `PairedSampler`.

    >>> import pandas as pd
    >>> X = pd.DataFrame({"job": list("aabbcc"), "town": list("pqpqrr")})
    >>> sampler = PairedSMOTEN(sampling_strategy={1: 4}, n_neighbors=2, random_state=0)
    >>> drawn, _ = sampler.fit_resample(X, np.array([1, 1, 1, 0, 0, 0]))
    >>> set(drawn["job"].iloc[6:]) <= {"a", "b"}
    True
    """

    def _pairs(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs:
        if not isinstance(seat.space, Mixed) or seat.space.numbers.shape[1]:
            raise SamplingError("expected categories alone, got numbers; take smote_nc, or smote where all are numbers")
        rng = np.random.default_rng([seed, attempt])
        near = self._nearest(seat)
        chosen = rng.integers(0, len(seat.rows), n)
        parents, voters = seat.rows[chosen], seat.rows[near[chosen]]
        return Pairs(parents, voters[:, 0], np.zeros(n), np.column_stack([parents, voters]))

    def _nearest(self, seat: Seat) -> Ints:
        """Return the places of each rare row's nearest ones."""
        codes = seat.space.codes  # type: ignore[union-attr]  # checked above
        metric = ValueDifferenceMetric(n_categories=np.array(seat.space.levels))  # type: ignore[union-attr]  # as above
        metric.fit(codes, seat.classes)
        rare, found = codes[seat.rows], []
        for start in range(0, len(rare), BLOCK):
            distance = metric.pairwise(rare[start : start + BLOCK], rare)
            distance[np.arange(len(distance)), start + np.arange(len(distance))] = np.inf
            found.append(np.argsort(distance, axis=1, kind="stable")[:, : seat.k])
        near: Ints = np.concatenate(found)
        return near
