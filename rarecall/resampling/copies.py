"""Random oversampling: rare rows again, as they are."""

from typing import Any

import numpy as np

from rarecall.resampling.allocation import allocate
from rarecall.resampling.course import Course
from rarecall.resampling.paired import PairedSampler, Pairs, Seat


class Copies(PairedSampler):
    """Random oversampling: every rare row as often as every other, and which of them once more by chance.

    The parameters are those of `PairedSampler`; `n_neighbors` and `off_segment` are not read, for a copy goes nowhere.

    >>> X, y = np.array([[7.0], [1.0], [2.0], [3.0]]), np.array([1, 0, 0, 0])
    >>> Copies(random_state=0).fit_resample(X, y)[0][4:].ravel().tolist()
    [7.0, 7.0]
    """

    _fewest = 1
    _searches = False

    def _course(self) -> Course:
        return Course()

    def _pairs(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs:
        rng: Any = np.random.default_rng([seed, attempt])
        parents = np.sort(np.repeat(rng.permutation(seat.rows), allocate(np.ones(len(seat.rows)), n)))
        return Pairs(parents, parents, np.zeros(n), parents[:, None] if seat.categorical else None)
