"""polynom-fit-SMOTE: rows on the lines from each rare row to the mean of its class."""

from typing import Any

import numpy as np

from rarecall.resampling.allocation import allocate
from rarecall.resampling.center import nearer
from rarecall.resampling.paired import CENTER, PairedSampler, Pairs, Seat


class PolynomFitSMOTE(PairedSampler):
    """polynom-fit-SMOTE (Gazzah and Ben Amara 2008) in its star topology, one of the four that they give.

    Each rare row gives as many rows as every other, at equal distances on the line from it to the mean of its class.
    Nothing is left to chance but the way off the line (`off_segment`) and the rows that a rule has drawn again. A
    category is that of the nearer end; the mean's is the one that most rare rows have.

    The parameters are those of `PairedSampler`; `n_neighbors` is not read. The lineage has no `neighbor_id`: it names
    the crowd whose mean it is, once, for every row descends from each of them.

    >>> X, y = np.array([[0.0], [4.0], [9.0], [9.5], [8.0]]), np.array([1, 1, 0, 0, 0])
    >>> PolynomFitSMOTE(sampling_strategy={1: 4}).fit_resample(X, y)[0][5:].ravel().tolist()
    [1.0, 3.0]
    """

    _searches = False

    def _pairs(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs:
        if attempt:
            rng: Any = np.random.default_rng([seed, attempt])
            parents, step = rng.choice(seat.rows, n), rng.random(n)
        else:
            counts = allocate(np.ones(len(seat.rows)), n)
            parents = np.repeat(seat.rows, counts)
            place = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
            step = (place + 1.0) / (np.repeat(counts, counts) + 1.0)
        voters = nearer(parents, CENTER, step) if seat.categorical else None
        return Pairs(parents, np.full(n, CENTER), step, voters)
