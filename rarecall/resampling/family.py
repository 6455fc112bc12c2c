"""imbalanced-learn's own samplers, searched by FaissNeighbors where they search, and with lineage where it can be had.

Nothing of them is written again: the subclasses only swap the search and write down what the draws used.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from imblearn.over_sampling import SMOTE as _SMOTE
from imblearn.over_sampling import SMOTENC as _SMOTENC
from imblearn.over_sampling import SVMSMOTE as _SVMSMOTE
from imblearn.over_sampling import BorderlineSMOTE as _BorderlineSMOTE
from imblearn.over_sampling import KMeansSMOTE as _KMeansSMOTE
from imblearn.over_sampling import RandomOverSampler as _RandomOverSampler
from imblearn.under_sampling import ClusterCentroids as _ClusterCentroids
from imblearn.under_sampling import EditedNearestNeighbours as _EditedNearestNeighbours
from numpy.typing import NDArray
from scipy import sparse
from sklearn.cluster import MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state

from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.borrowed import Arithmetic, Draws, lineage_of

Ints = NDArray[np.integer[Any]]


class _Searched:
    """Swaps scikit-learn's search, which a number of neighbours stands for, for FaissNeighbors."""

    def _validate_estimator(self) -> None:
        super()._validate_estimator()  # type: ignore[misc]  # imbalanced-learn's class stands beside this one
        for name in ("nn_k_", "nn_m_", "nn_"):
            search: Any = getattr(self, name, None)
            if type(search) is NearestNeighbors:
                setattr(self, name, FaissNeighbors(search.n_neighbors))


class _Traced(_Searched):
    """Keeps each draw's parent, neighbour and step; `lineage_` is what `rarecall.lineage` reads.

    There is no difficulty, since these samplers have none, and no seed a row: they draw from one stream.
    """

    def _fit_resample(self, X: Any, y: Any) -> Any:
        self._draws: list[Draws] = []
        self._classes, self._kind = y, getattr(X, "dtype", None)
        drawn = super()._fit_resample(X, y)  # type: ignore[misc]  # imbalanced-learn's class stands beside this one
        voted = tuple(np.asarray(getattr(self, "categorical_features_", ())).tolist())
        self.lineage_ = lineage_of(self._draws, X.shape[1], Arithmetic(str(self._kind), voted))
        del self._draws, self._classes, self._kind
        return drawn

    def _generate_samples(
        self, X: Any, nn_data: Any, nn_num: Ints, rows: Ints, cols: Ints, steps: Any, y_type: Any = None, y: Any = None
    ) -> Any:
        members = np.flatnonzero(self._classes == y_type)
        step, ends = np.asarray(steps).ravel(), nn_num[rows, cols]
        if y is None:
            parents = rows if X is nn_data else _places(X, nn_data)[rows]
            self._draws.append(Draws(y_type, members[parents], members[ends], step))
        else:
            parents = members[_places(X, nn_data[members])[rows]]
            self._draws.append(Draws(y_type, parents, ends, step, self._reach(y[ends] != y_type)))
        return super()._generate_samples(X, nn_data, nn_num, rows, cols, steps, y_type, y)  # type: ignore[misc]  # as above

    def _reach(self, other: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the numbers that Borderline-SMOTE 2 is about to draw for neighbours of another class."""
        random = check_random_state(self.random_state)  # type: ignore[attr-defined]  # the sampler has it
        state = random.get_state()
        reach = np.ones(len(other))
        reach[other] = random.uniform(low=0.0, high=0.5, size=(other.sum(), 1))[:, 0]
        random.set_state(state)  # drawn once more by the sampler itself
        return reach


class SMOTE(_Traced, _SMOTE):
    """imbalanced-learn's SMOTE with lineage.

    >>> from rarecall.lineage import rebuild
    >>> X, y = np.random.default_rng(0).normal(size=(60, 3)), np.repeat([0, 1], [50, 10])
    >>> sampler = SMOTE(random_state=0)
    >>> drawn = sampler.fit_resample(X, y)[0][60:]
    >>> bool((rebuild(sampler.lineage_, X) == drawn).all())
    True
    """


class BorderlineSMOTE(_Traced, _BorderlineSMOTE):
    """imbalanced-learn's Borderline-SMOTE with lineage; kind 2 also draws towards rows of other classes."""


class SVMSMOTE(_Traced, _SVMSMOTE):
    """imbalanced-learn's SVM-SMOTE with lineage; a step below zero leads away from the neighbour."""


class KMeansSMOTE(_Traced, _KMeansSMOTE):
    """imbalanced-learn's KMeans-SMOTE with lineage; it draws in each cluster, and a few rows too many."""

    def _fit_resample(self, X: Any, y: Any) -> Any:
        self._table = X
        drawn = super()._fit_resample(X, y)
        del self._table
        return drawn

    def _generate_samples(
        self, X: Any, nn_data: Any, nn_num: Ints, rows: Ints, cols: Ints, steps: Any, y_type: Any = None, y: Any = None
    ) -> Any:
        members = np.flatnonzero(self._classes == y_type)
        inside = members[_places(nn_data, self._table[members])]
        draws = Draws(y_type, inside[rows], inside[nn_num[rows, cols]], np.asarray(steps).ravel())
        drawn = super()._generate_samples(X, nn_data, nn_num, rows, cols, steps, y_type, y)
        self._draws[-1] = draws  # what was noted beside it counts the rows of the cluster alone
        return drawn


class SMOTENC(_Traced, _SMOTENC):
    """imbalanced-learn's SMOTE-NC with lineage; it breaks ties at random, so the lineage names who won the vote."""

    def _generate_samples(
        self, X: Any, nn_data: Any, nn_num: Ints, rows: Ints, cols: Ints, steps: Any, y_type: Any = None, y: Any = None
    ) -> Any:
        drawn = super()._generate_samples(X, nn_data, nn_num, rows, cols, steps, y_type, y)
        members, first = np.flatnonzero(self._classes == y_type), self.continuous_features_.size
        if math.isclose(self.median_std_[y_type], 0):  # then the class's categories were set to zero
            known = self._X_categorical_minority_encoded
        else:
            known = nn_data[:, first:].toarray()
        made, winners, last = drawn[:, first:].toarray(), [], 0
        for categories in self.categorical_encoder_.categories_:
            part = slice(last, last := last + categories.size)
            cast = known[:, part].argmax(axis=1)[nn_num[rows]]
            place = (cast == made[:, part].argmax(axis=1)[:, None]).argmax(axis=1)
            winners.append(members[nn_num[rows, place]])
        self._kind = X.dtype
        self._draws[-1] = replace(self._draws[-1], voters=members[nn_num[rows]], winners=np.column_stack(winners))
        return drawn


class EditedNearestNeighbours(_Searched, _EditedNearestNeighbours):
    """imbalanced-learn's edited nearest neighbours; `sample_indices_` says which rows stayed."""


class ClusterCentroids(_ClusterCentroids):
    """imbalanced-learn's cluster centroids, each of which a real row stands for; `sample_indices_` says which.

    The centroids are found in small batches: with as many of them as there are rare rows, all rows at once take hours.
    Where one row stands for two of them it stays once.
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        estimator: Any = None,
        voting: str = "hard",
    ) -> None:
        super().__init__(
            sampling_strategy=sampling_strategy, random_state=random_state, estimator=estimator, voting=voting
        )

    def _validate_estimator(self) -> None:
        super()._validate_estimator()
        if self.estimator is None:
            self.estimator_ = MiniBatchKMeans(random_state=self.random_state, n_init=1)

    def _fit_resample(self, X: Any, y: Any) -> Any:
        X_res, y_res = super()._fit_resample(X, y)
        if self.voting_ != "hard":
            return X_res, y_res
        kept = []
        for label in np.unique(y):
            members = np.flatnonzero(y == label)
            kept.append(np.unique(members[_places(X_res[y_res == label], X[members])]))
        self.sample_indices_ = np.sort(np.concatenate(kept))
        return X[self.sample_indices_], y[self.sample_indices_]


class RandomOverSampler(_RandomOverSampler):
    """imbalanced-learn's random oversampling with lineage, unless it shrinks: every row is its parent's copy."""

    def _fit_resample(self, X: Any, y: Any) -> Any:
        drawn = super()._fit_resample(X, y)
        if self.shrinkage is None:
            parents = np.asarray(self.sample_indices_[X.shape[0] :])
            labels = np.asarray(drawn[1])[X.shape[0] :]
            at = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())]
            draws = [Draws(labels[rows[0]], parents[rows], parents[rows], np.zeros(len(rows))) for rows in at]
            self.lineage_ = lineage_of(draws, X.shape[1], Arithmetic(None))
        return drawn


def _places(rows: Any, among: Any) -> Ints:
    """Return the number of the row in `among` that equals each row; of duplicates the first."""
    rows, among = (part.toarray() if sparse.issparse(part) else np.ascontiguousarray(part) for part in (rows, among))
    first: dict[bytes, int] = {}
    for number, row in enumerate(among):
        first.setdefault(row.tobytes(), number)
    return np.array([first[row.tobytes()] for row in rows], dtype=np.int64)
