"""What is known of each row beside its features: its id, whether it may be a parent, its weight, its cohort."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rarecall.errors import nearest
from rarecall.resampling.refusal import SamplingError


@dataclass(frozen=True)
class Annotations:
    """Checked facts, one a row.

    Attributes
    ----------
    eligible : ndarray of bool
        Whether the row may be the parent or neighbour of a synthetic one.
    weights : ndarray of float
        Factors on r_i, those of the cohorts included.
    ids : ndarray, optional
        Unique; none: the rows' numbers.
    targets : dict of cohort to ndarray of int
        The rows of each cohort that has a factor.
    """

    eligible: NDArray[np.bool_]
    weights: NDArray[np.float64]
    ids: NDArray[Any] | None = None
    targets: dict[Any, NDArray[np.intp]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        n: int,
        *,
        ids: Any = None,
        eligible: Any = None,
        weights: Any = None,
        cohorts: Any = None,
        factors: Mapping[Any, float] | None = None,
    ) -> Self:
        """Return what was given, checked, with everything else at its default.

        >>> Annotations.of(2, cohorts=["north", "south"], factors={"south": 3.0}).weights.tolist()
        [1.0, 3.0]
        """
        weighed = np.ones(n) if weights is None else np.array(weights, dtype=np.float64)
        if weighed.shape != (n,) or not np.isfinite(weighed).all() or (weighed < 0).any():
            raise SamplingError(f"expected one finite weight >= 0 for each of {n} rows, got shape {weighed.shape}")
        targets = _targets(cohorts, factors or {}, n)
        for cohort, factor in (factors or {}).items():
            weighed[targets[cohort]] *= factor
        return cls(_eligible(eligible, n), weighed, _ids(ids, n), targets)


def _targets(cohorts: Any, factors: Mapping[Any, float], n: int) -> dict[Any, NDArray[np.intp]]:
    if not factors:
        return {}
    if cohorts is None or len(cohorts) != n:
        raise SamplingError(f"expected the cohort of each of {n} rows for cohort_factors; hand in cohorts=")
    names = np.asarray(cohorts)
    rows = {cohort: np.flatnonzero(names == cohort) for cohort in factors}
    for cohort, found in rows.items():
        if not len(found):
            known = sorted({str(name) for name in names})
            raise SamplingError(f"expected a cohort of the table, got {cohort!r}{nearest(str(cohort), known)}")
    return rows


def _eligible(eligible: Any, n: int) -> NDArray[np.bool_]:
    if eligible is None:
        return np.ones(n, dtype=bool)
    mask = np.asarray(eligible)
    if mask.dtype != bool or mask.shape != (n,):
        raise SamplingError(f"expected eligible as one boolean for each of {n} rows, got {mask.dtype} {mask.shape}")
    return mask


def _ids(ids: Any, n: int) -> NDArray[Any] | None:
    if ids is None:
        return None
    names = np.asarray(ids)
    if names.shape != (n,) or not pd.Index(names).is_unique:
        raise SamplingError(f"expected {n} ids, each different, got {len(pd.unique(names.ravel()))} different ones")
    return names
