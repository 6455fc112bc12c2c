"""ADASYN in a learned space: neighbours are found among few coordinates, and rows are drawn of the raw ones."""

from collections.abc import Mapping
from itertools import pairwise
from numbers import Integral
from typing import Any, Literal

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.utils._param_validation import Interval, StrOptions

from rarecall.resampling.adasyn import ADASYN
from rarecall.resampling.columns import Columns
from rarecall.resampling.filled import filled
from rarecall.resampling.metric import Mixed, measure
from rarecall.resampling.plan import Floats
from rarecall.search.blocks import Matrix

SHARE = 0.95
"""Of the variance that principal components keep where nobody says how many they are."""

BINS = 8
"""Into which a number is cut for the company that categories keep."""


class LearnedADASYN(ADASYN):
    """ADASYN whose neighbours are found in a space that is learned from all rows, without their classes.

    Where there are many columns, or many categories, all rows are about as far from one another, and five nearest
    neighbours say little. What is drawn is drawn of the raw rows of parent and neighbour, so it is what ADASYN draws.

    Parameters
    ----------
    space : {"pca", "svd", "embedding"}
        `pca`: principal components of the table's space. `svd`: truncated singular vectors, which leave a sparse table
        sparse. `embedding`: each category as a short vector such that those that keep the same company lie near
        (the positive pointwise mutual information of levels, factored: Levy and Goldberg 2014), beside the numbers.
    n_components : int, optional
        None: of `pca` as many as keep 95% of the variance, of `svd` 16, of `embedding` 4 a column.

        The others are those of `ADASYN`.

    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 30)), np.repeat([0, 1], [50, 10])
    >>> sampler = LearnedADASYN(space="pca", n_components=3, random_state=0)
    >>> sampler.fit_resample(X, y)[0].shape
    (100, 30)
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn reads it from the class
        **ADASYN._parameter_constraints,  # noqa: SLF001 - imbalanced-learn's way to inherit constraints
        "space": [StrOptions({"pca", "svd", "embedding"})],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        *,
        space: Literal["pca", "svd", "embedding"] = "pca",
        n_components: int | None = None,
        sampling_strategy: Any = "auto",
        n_neighbors: Any = 5,
        random_state: Any = None,
        mode: Literal["auto", "exact", "approximate"] = "auto",
        min_recall: float = 0.985,
        n_jobs: int | None = None,
        categorical_features: Any = "auto",
        scaling: Literal["auto", "robust", "none"] = "auto",
        steps: Mapping[Any, float] | None = None,
        bounds: Mapping[Any, tuple[float | None, float | None]] | None = None,
        on_easy: Literal["smote", "uniform", "skip", "raise"] = "smote",
        max_synthetic: Any = None,
        max_per_parent: int | None = None,
        off_segment: float | Literal["auto"] = 0.0,
        n_mixed: int = 1,
        memory_budget: int | None = None,
        cohort_factors: Mapping[Any, float] | None = None,
        rules: Any = None,
        max_redraws: int = 20,
    ) -> None:
        super().__init__(
            sampling_strategy=sampling_strategy,
            n_neighbors=n_neighbors,
            random_state=random_state,
            mode=mode,
            min_recall=min_recall,
            n_jobs=n_jobs,
            categorical_features=categorical_features,
            scaling=scaling,
            steps=steps,
            bounds=bounds,
            on_easy=on_easy,
            max_synthetic=max_synthetic,
            max_per_parent=max_per_parent,
            off_segment=off_segment,
            n_mixed=n_mixed,
            memory_budget=memory_budget,
            cohort_factors=cohort_factors,
            rules=rules,
            max_redraws=max_redraws,
        )
        self.space = space
        self.n_components = n_components

    def _space(self, table: Any, columns: Columns, minority: Any) -> Matrix | Mixed:
        raw = measure(table, columns, scaling=self.scaling, minority=minority)
        if self.space == "embedding" and isinstance(raw, Mixed) and raw.levels:
            return Matrix(_embedded(raw, self.n_components or 4))
        return Matrix(_components(raw, "svd" if self.space == "svd" else "pca", self.n_components))


def _components(raw: Matrix | Mixed, how: str, n: int | None) -> Floats:
    """Return the rows in their leading components; the same rows give the same ones."""
    values = filled(raw, np.arange(raw.n_rows))
    most = min(values.shape) - 1
    if most < 1:
        return np.asarray(values.toarray() if sparse.issparse(values) else values)
    if how == "svd":
        return np.asarray(TruncatedSVD(min(n or 16, most), algorithm="arpack", random_state=0).fit_transform(values))
    # By the covariances, which a sparse table has too.
    found = PCA(min(n, most) if n else SHARE, svd_solver="covariance_eigh").fit_transform(values.astype(np.float64))
    return np.asarray(found)


def _embedded(raw: Mixed, width: int) -> Floats:
    """Return scaled numbers, and each category as the vector of the company that it keeps."""
    numbers = np.nan_to_num((raw.numbers - raw.center) / raw.spread)
    first = np.concatenate([[0], np.cumsum(raw.levels)]).astype(np.int64)
    placed = raw.codes + first[:-1]
    if numbers.shape[1]:
        varied = numbers[:, numbers.std(axis=0) > 0]
        bins = _cut(varied)
        placed = np.column_stack([placed, bins + int(first[-1])])
    size = int(placed.max()) + 1
    at = np.repeat(np.arange(len(placed)), placed.shape[1])
    present = sparse.csr_array((np.ones(placed.size), (at, placed.ravel())), shape=(len(placed), size))
    together = np.asarray((present.T @ present).toarray())
    share = together / together.sum()
    alone = share.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.maximum(np.log(share / np.outer(alone, alone)), 0.0)
    information[~np.isfinite(information)] = 0.0
    left, weight, _ = np.linalg.svd(information, hermitian=True)
    vectors = left[:, :width] * np.sqrt(weight[:width])
    parts = []
    for column, (start, stop) in enumerate(pairwise(first.tolist())):
        own = vectors[start:stop]
        deviation = own[raw.codes[:, column]].std(axis=0)
        # As far apart as two unequal categories of the table's space are, on average: a column keeps its weight.
        parts.append(own[raw.codes[:, column]] * (raw.mismatch / (np.sqrt(2.0 * np.sum(deviation**2)) or 1.0)))
    return np.column_stack([numbers, *parts])


def _cut(numbers: Floats) -> Any:
    """Return in which of eight parts of its column's range of ranks each number lies, counted on over the columns."""
    if not numbers.shape[1]:
        return np.empty((len(numbers), 0), dtype=np.int64)
    rank = np.argsort(np.argsort(numbers, axis=0, kind="stable"), axis=0, kind="stable")
    bins = rank * BINS // len(numbers)
    return bins + BINS * np.arange(numbers.shape[1])
