"""imbalanced-learn's own samplers, searched by FaissNeighbors where they search, and with lineage where it can be had.

Nothing of them is written again: the subclasses only swap the search and write down what the draws used.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from imblearn.over_sampling import SMOTE as _SMOTE
from imblearn.over_sampling import SMOTENC as _SMOTENC
from imblearn.over_sampling import SVMSMOTE as _SVMSMOTE
from imblearn.over_sampling import BorderlineSMOTE as _BorderlineSMOTE
from imblearn.over_sampling import RandomOverSampler as _RandomOverSampler
from imblearn.under_sampling import EditedNearestNeighbours as _EditedNearestNeighbours
from numpy.typing import NDArray
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.columns import Columns
from rarecall.resampling.draw import METADATA

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
        self._draws: list[tuple[Any, Ints, Ints, NDArray[np.float64]]] = []
        self._classes, self._traceable = y, True
        drawn = super()._fit_resample(X, y)  # type: ignore[misc]  # as above
        if self._traceable:
            self.lineage_ = _lineage(self._draws, X.shape[1])
        del self._draws, self._classes, self._traceable
        return drawn

    def _generate_samples(
        self, X: Any, nn_data: Any, nn_num: Ints, rows: Ints, cols: Ints, steps: Any, y_type: Any = None, y: Any = None
    ) -> Any:
        if y is None:
            members = np.flatnonzero(self._classes == y_type)
            parents = rows if X is nn_data else _places(X, nn_data)[rows]
            self._draws.append((y_type, members[parents], members[nn_num[rows, cols]], np.asarray(steps).ravel()))
        else:  # Borderline-SMOTE 2 shortens some steps by numbers it tells nobody
            self._traceable = False
        return super()._generate_samples(X, nn_data, nn_num, rows, cols, steps, y_type, y)  # type: ignore[misc]  # as above


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
    """imbalanced-learn's Borderline-SMOTE with lineage, but for kind "borderline-2"."""


class SVMSMOTE(_Traced, _SVMSMOTE):
    """imbalanced-learn's SVM-SMOTE with lineage; a step below zero leads away from the neighbour."""


class SMOTENC(_Searched, _SMOTENC):
    """imbalanced-learn's SMOTE-NC. Its ties are broken at random, so it has no lineage; ADASYN draws mixed types."""


class EditedNearestNeighbours(_Searched, _EditedNearestNeighbours):
    """imbalanced-learn's edited nearest neighbours; `sample_indices_` says which rows stayed."""


class RandomOverSampler(_RandomOverSampler):
    """imbalanced-learn's random oversampling with lineage, unless it shrinks: every step is 0, every row its parent."""

    def _fit_resample(self, X: Any, y: Any) -> Any:
        drawn = super()._fit_resample(X, y)
        if self.shrinkage is None:
            parents = np.asarray(self.sample_indices_[X.shape[0] :])
            labels = np.asarray(drawn[1])[X.shape[0] :]
            at = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())]
            draws = [(labels[rows[0]], parents[rows], parents[rows], np.zeros(len(rows))) for rows in at]
            self.lineage_ = _lineage(draws, X.shape[1])
        return drawn


def _places(rows: Any, among: Any) -> Ints:
    """Return the number of the row in `among` that equals each row; of duplicates the first."""
    rows, among = (part.toarray() if sparse.issparse(part) else np.ascontiguousarray(part) for part in (rows, among))
    first: dict[bytes, int] = {}
    for number, row in enumerate(among):
        first.setdefault(row.tobytes(), number)
    return np.array([first[row.tobytes()] for row in rows], dtype=np.int64)


def _lineage(draws: list[tuple[Any, Ints, Ints, NDArray[np.float64]]], n_columns: int) -> pa.Table:
    counts = [len(step) for _, _, _, step in draws]
    table = {
        "index": pa.array(np.arange(sum(counts))),
        "class": pa.array(np.repeat(np.array([label for label, *_ in draws]), counts) if draws else []),
        "parent_id": pa.array(np.concatenate([[], *(parents for _, parents, _, _ in draws)]).astype(np.int64)),
        "neighbor_id": pa.array(np.concatenate([[], *(neighbors for _, _, neighbors, _ in draws)]).astype(np.int64)),
        "step": pa.array(np.concatenate([[], *(step for *_, step in draws)])),
    }
    return pa.table(table).replace_schema_metadata({METADATA: Columns(n=n_columns).to_json()})
