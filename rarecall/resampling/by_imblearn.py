"""imbalanced-learn's samplers on any table: they choose the pairs in its space, and its own rows are drawn of them."""

import warnings
from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
from sklearn.utils._param_validation import StrOptions

from rarecall.resampling import family
from rarecall.resampling.filled import filled
from rarecall.resampling.paired import PairedSampler, Pairs, Seat
from rarecall.resampling.plan import Ints
from rarecall.resampling.refusal import SamplingError

SVM_ROWS = 5_000
"""Rows that teach an SVM; its time grows with their square and more."""


class _ByImblearn(PairedSampler):
    """Pairs of a traced sampler of imbalanced-learn; see `rarecall.resampling.family`."""

    _nothing = "nothing was found to draw from"

    @abstractmethod
    def _chosen(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs | None:
        """Return the pairs that imbalanced-learn's sampler chooses, or None where it finds nothing."""

    def _pairs(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs:
        pairs = self._chosen(seat, n, seed, attempt)
        if pairs is None:
            if not attempt:
                self._notes.append(f"class {seat.label}: {self._nothing}, so the rows are shared out as by SMOTE")
            pairs = _by_smote(seat, n, seed, attempt)
        if pairs is None:
            raise SamplingError(f"expected rows of another class beside class {seat.label}, got none")
        return pairs


def _drawn_by(
    made: Any, seat: Seat, n: int, seed: int, attempt: int, *, crossing: bool = False, others: int | None = None
) -> Pairs | None:
    """Return n of the pairs that a sampler chooses, or None where it finds nothing to draw from."""
    seen = seat.seen(crossing=crossing)
    if others is not None:
        seen = _thinned(seen, seat.rows, others, seed)
    y = (seat.classes[seen] == seat.label).astype(np.int64)
    if y.all():  # no row of another class may be looked at
        return None
    chance = np.random.SeedSequence([seed, attempt]).generate_state(1)[0]
    sampler = made(sampling_strategy={1: int(y.sum()) + n}, random_state=int(chance))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of a mean over no cluster, before it says that there is none
        try:
            sampler.fit_resample(filled(seat.space, seen), y)
        except RuntimeError:  # KMeans-SMOTE, when no cluster holds enough rare rows
            return None
    lineage = sampler.lineage_
    if not len(lineage):
        return None
    rng = np.random.default_rng([seed, attempt, len(lineage)])
    # Some draw a few too many or too few: of those that there are, n, each as likely.
    kept = np.sort(rng.choice(len(lineage), n, replace=len(lineage) < n)) if len(lineage) != n else np.arange(n)
    step = lineage["step"].to_numpy()
    if "reach" in lineage.column_names:  # Borderline-SMOTE 2 goes half as far at most towards a common row
        step = step * lineage["reach"].to_numpy()
    parents, neighbors = (seen[lineage[name].to_numpy()] for name in ("parent_id", "neighbor_id"))
    return Pairs(parents[kept], neighbors[kept], step[kept])


def _by_smote(seat: Seat, n: int, seed: int, attempt: int) -> Pairs | None:
    """Return pairs of SMOTE, which looks at the rare rows alone: one more is there so that there are two classes."""
    return _drawn_by(partial(family.SMOTE, k_neighbors=seat.k), seat, n, seed, attempt, others=1)


def _thinned(seen: Ints, rare: Ints, most: int, seed: int) -> Ints:
    """Return the rare rows and of the others so many at most."""
    others = np.setdiff1d(seen, rare, assume_unique=True)
    if len(others) <= most:
        return seen
    return np.sort(np.concatenate([rare, np.random.default_rng(seed).choice(others, most, replace=False)]))


class PairedSMOTE(_ByImblearn):
    """SMOTE (Chawla et al. 2002), and with categories SMOTE-NC, in whose metric the table's space is measured.

    The parameters are those of `PairedSampler`.

    >>> import pandas as pd
    >>> X, y = pd.DataFrame({"age": [20, 24, 61, 66, 70], "job": list("aabbc")}), np.array([1, 1, 0, 0, 0])
    >>> drawn, _ = PairedSMOTE(n_neighbors=1, random_state=0).fit_resample(X, y)
    >>> drawn["job"].iloc[5], bool(20 <= drawn["age"].iloc[5] <= 24)
    ('a', True)
    """

    def _chosen(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs | None:
        return _by_smote(seat, n, seed, attempt)


class PairedBorderlineSMOTE(_ByImblearn):
    """Borderline-SMOTE 1 and 2 (Han, Wang and Mao 2005): rows in danger alone are parents.

    Parameters
    ----------
    kind : {"borderline-1", "borderline-2"}
        2 also draws towards rows of other classes, half the way at most.
    m_neighbors : int, default=10
        Of which more than half, and not all, are of other classes around a row in danger.

        The others are those of `PairedSampler`.
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn reads it from the class
        **PairedSampler._parameter_constraints,  # noqa: SLF001 - imbalanced-learn's way to inherit constraints
        "kind": [StrOptions({"borderline-1", "borderline-2"})],
        "m_neighbors": PairedSampler._parameter_constraints["n_neighbors"],  # noqa: SLF001 - as above
    }

    _nothing = "no row is in danger"

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        n_neighbors: int = 5,
        m_neighbors: int = 10,
        kind: Literal["borderline-1", "borderline-2"] = "borderline-1",
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
        self.m_neighbors = m_neighbors
        self.kind = kind

    def _chosen(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs | None:
        crossing = self.kind == "borderline-2"
        m = min(self.m_neighbors, len(seat.seen(crossing=crossing)) - 1)
        made = partial(family.BorderlineSMOTE, kind=self.kind, k_neighbors=seat.k, m_neighbors=m)
        return _drawn_by(made, seat, n, seed, attempt, crossing=crossing)


class PairedSVMSMOTE(_ByImblearn):
    """SVM-SMOTE (Nguyen, Cooper and Kamei 2009): the support vectors of an SVM are the parents.

    Where most of a support vector's neighbours are rare, rows lead away from them, beyond it; else towards them. An SVM
    of all rows would take hours, so at most 5,000 teach it, the rare ones among them; the neighbours are of these. The
    parameters are those of `PairedSampler`.
    """

    _nothing = "no support vector is a rare row that is worth a parent"

    def _chosen(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs | None:
        made = partial(family.SVMSMOTE, k_neighbors=seat.k, m_neighbors=min(10, len(seat.rows)))
        try:
            others = max(SVM_ROWS - len(seat.rows), len(seat.rows))
            return _drawn_by(made, seat, n, seed, attempt, others=others)
        except ValueError:  # every support vector stands alone among common rows
            return None


class PairedKMeansSMOTE(_ByImblearn):
    """KMeans-SMOTE (Last, Douzas and Bacao 2017): pairs within clusters, more where the rare rows lie apart.

    A cluster counts where the share of rare rows is that of the table or more, and there are enough of them to draw
    between. The parameters are those of `PairedSampler`.
    """

    _nothing = "no cluster holds enough rare rows"

    def _chosen(self, seat: Seat, n: int, seed: int, attempt: int) -> Pairs | None:
        share = len(seat.rows) / len(seat.classes)
        made = partial(family.KMeansSMOTE, k_neighbors=seat.k, cluster_balance_threshold=share)
        try:
            return _drawn_by(made, seat, n, seed, attempt)
        except ValueError:  # the rare rows of every cluster are one and the same point: no cluster is sparse
            return None
