"""ProWSyn: more rows of the rare class the nearer it lies to the common one, in levels that are found one by one."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from sklearn.utils._param_validation import Interval

from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.allocation import allocate
from rarecall.resampling.filled import filled
from rarecall.resampling.paired import PairedSampler, Pairs, Seat, part_of
from rarecall.resampling.plan import Ints


class ProWSyn(PairedSampler):
    """Proximity weighted synthetic oversampling (Barua, Islam and Murase 2013).

    The rare rows that are among the `n_neighbors` nearest ones of any common row are level 1; of those that are left,
    the ones that then are, level 2; and so on, the last level being whatever remains. A row of level l weighs
    exp(-theta (l - 1)). Each row lies on the line to one of the nearest rows of its own level, or of its class where
    it is alone on it.

    Parameters
    ----------
    n_neighbors : int, default=5
        Of a common row among the rare ones, and of a rare row on its level.
    n_levels : int, default=5
    theta : float, default=1.0
        How fast the weight falls from level to level; 0 weighs all alike.

        The others are those of `PairedSampler`.

    >>> X, y = np.array([[0.0], [1.0], [2.0], [5.0], [6.0]]), np.array([1, 1, 1, 0, 0])
    >>> sampler = ProWSyn(sampling_strategy={1: 9}, n_neighbors=1, n_levels=3, random_state=0)
    >>> _ = sampler.fit_resample(X, y)
    >>> sorted(sampler.lineage_["parent_id"].to_pylist())
    [0, 1, 2, 2, 2, 2]
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn reads it from the class
        **PairedSampler._parameter_constraints,  # noqa: SLF001 - imbalanced-learn's way to inherit constraints
        "n_levels": [Interval(Integral, 1, None, closed="left")],
        "theta": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        n_neighbors: int = 5,
        n_levels: int = 5,
        theta: float = 1.0,
        random_state: Any = None,
        categorical_features: Any = "auto",
        scaling: Literal["auto", "robust", "none"] = "auto",
        steps: Mapping[Any, float] | None = None,
        bounds: Mapping[Any, tuple[float | None, float | None]] | None = None,
        max_per_parent: int | None = None,
        off_segment: float | Literal["auto"] = 0.0,
        rules: Any = None,
        max_redraws: int = 20,
    ) -> None:
        super().__init__(
            sampling_strategy=sampling_strategy,
            n_neighbors=n_neighbors,
            random_state=random_state,
            categorical_features=categorical_features,
            scaling=scaling,
            steps=steps,
            bounds=bounds,
            max_per_parent=max_per_parent,
            off_segment=off_segment,
            rules=rules,
            max_redraws=max_redraws,
        )
        self.n_levels = n_levels
        self.theta = theta

    def _pairs(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs:
        rng = np.random.default_rng([seed, attempt])
        level = self._levels(seat)
        weights = np.exp(-self.theta * level)
        if attempt:
            parents = rng.choice(seat.rows, n, p=weights / weights.sum())
        else:
            parents = np.repeat(seat.rows, allocate(weights, n))
        own = level[np.searchsorted(seat.rows, parents)]
        neighbors = np.empty(n, dtype=np.int64)
        for one in np.unique(own):
            rows = np.flatnonzero(own == one)
            mates = seat.rows[level == one]
            mates = mates if len(mates) > 1 else seat.rows
            giving, place = np.unique(parents[rows], return_inverse=True)
            k = min(self.n_neighbors, len(mates) - 1)
            near = mates[_near(part_of(seat.space, mates), np.searchsorted(mates, giving), k)]
            neighbors[rows] = near[place.ravel(), rng.integers(0, k, len(rows))]
        return Pairs(parents, neighbors, rng.random(n))

    def _levels(self, seat: Seat) -> Ints:
        """Return each rare row's level, from 0."""
        level = np.full(len(seat.rows), self.n_levels - 1)
        common = filled(seat.space, np.flatnonzero(seat.classes != seat.label))
        rare = filled(seat.space, seat.rows)
        left = np.arange(len(seat.rows))
        for one in range(self.n_levels - 1):
            if not len(left):
                break
            search = FaissNeighbors(min(self.n_neighbors, len(left))).fit(rare[left])
            hit: Ints = np.unique(search.kneighbors(common, return_distance=False))
            level[left[hit]] = one
            left = np.delete(left, hit)
        return level


def _near(space: Any, rows: Ints, k: int) -> Ints:
    ids: Ints = FaissNeighbors().fit(space).neighbors_of(rows, k)[1]
    return ids
