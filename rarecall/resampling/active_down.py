"""Active down-sampling: of the common class keep the rows that tell most, a few at a time."""

import heapq
from numbers import Integral, Real
from typing import Any

import numpy as np
from imblearn.under_sampling.base import BaseUnderSampler
from imblearn.utils import check_target_type
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import validate_data

from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.columns import describe
from rarecall.resampling.frame import Frame
from rarecall.resampling.metric import Mixed, measure
from rarecall.resampling.randomness import seed_of
from rarecall.search.blocks import Matrix

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


class ActiveDownSampler(BaseUnderSampler):
    """Keep of each common class the rows that are uncertain, and stand for many that are like them.

    The first share of the rows to keep is drawn at random. Then, round after round, a learner is taught by what was
    kept and by the rare class, and of the rows left those are kept that gain most: uncertainty (one less the margin
    between the two likeliest classes; Scheffer et al. 2001) times the density among their nearest rows of the class
    (Settles & Craven 2008). A row that is kept takes from those around it what it tells of them.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn; a dict gives each class's rows after resampling.
    estimator : classifier, optional
        With `predict_proba`; it is taught numbers, categories as indicators. By default a random forest of 100 trees.
    n_rounds : int, default=5
        Shares in which rows are kept, the first of them at random. 1 is random under-sampling.
    n_neighbors : int, default=15
        From how many rows of its class the density around a row is taken.
    density : float, default=1
        The power of the density; 0 goes by uncertainty alone.
    categorical_features : "auto" or array-like, default="auto"
        Names, positions or a mask of the columns that hold categories. "auto" takes a table's categorical, text, object
        and boolean columns.
    scaling : {"auto", "robust", "none"}, default="auto"
        As of `rarecall.resampling.ADASYN`.
    random_state : int, RandomState or None, default=None
    n_jobs : int, optional
        Of the search for neighbours.

    Attributes
    ----------
    sample_indices_ : ndarray of int of shape (n_kept,)
        The rows kept, in their order.
    rounds_ : ndarray of int of shape (n_kept,)
        In which round each was: 0 where no row of its class was left out, 1 where it was drawn at random.
    sampling_strategy_ : dict
        Rows to keep, by class.
    n_features_in_, feature_names_in_

    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(n_samples=400, weights=[0.9], random_state=0)
    >>> sampler = ActiveDownSampler(random_state=0)
    >>> X_res, y_res = sampler.fit_resample(X, y)
    >>> bool((y_res == 1).sum() == (y_res == 0).sum()), bool((X[sampler.sample_indices_] == X_res).all())
    (True, True)
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn reads it from the class
        **BaseUnderSampler._parameter_constraints,  # noqa: SLF001 - imbalanced-learn's way to inherit constraints
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "density": [Interval(Real, 0, None, closed="left")],
        "categorical_features": [StrOptions({"auto"}), "array-like", None],
        "scaling": [StrOptions({"auto", "robust", "none"})],
        "random_state": ["random_state"],
        "n_jobs": [None, Integral],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        estimator: Any = None,
        n_rounds: int = 5,
        n_neighbors: int = 15,
        density: float = 1.0,
        categorical_features: Any = "auto",
        scaling: str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.estimator = estimator
        self.n_rounds = n_rounds
        self.n_neighbors = n_neighbors
        self.density = density
        self.categorical_features = categorical_features
        self.scaling = scaling
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_X_y(self, X: Any, y: Any) -> tuple[Any, Any, bool]:  # noqa: N802 - imbalanced-learn's name
        y, binarize = check_target_type(y, indicate_one_vs_all=True)
        if hasattr(X, "columns"):
            X, y = validate_data(self, X=X, y=y, reset=True, skip_check_array=True)
        else:
            mixed = self.categorical_features is not None and not isinstance(self.categorical_features, str)
            X, y = validate_data(
                self,
                X=X,
                y=y,
                reset=True,
                accept_sparse=["csr", "csc"],
                dtype=None if mixed else "numeric",
                ensure_all_finite=False if mixed else "allow-nan",
            )
        return X, y, binarize

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        seed = seed_of(self.random_state)
        table = Frame.of(X).table
        columns = describe(table, categorical=self.categorical_features, steps=None, bounds=None)
        kept_whole = np.flatnonzero(~np.isin(y, list(self.sampling_strategy_)))
        space = measure(table, columns, scaling=self.scaling, minority=kept_whole)
        numbers = space.take(slice(None))
        rounds = np.full(len(y), -1)
        rounds[kept_whole] = 0
        wanted = {label: _shares(int(many), self.n_rounds) for label, many in self.sampling_strategy_.items()}
        around = {label: self._around(space, np.flatnonzero(y == label), seed) for label in wanted}
        random = check_random_state(seed)
        for turn in range(self.n_rounds):
            learner = self._taught(numbers, y, np.flatnonzero(rounds >= 0), seed + turn) if turn else None
            for label, shares in wanted.items():
                left = np.flatnonzero((y == label) & (rounds < 0))
                if learner is None:
                    chosen = around[label].told(random.permutation(left)[: shares[turn]])
                else:
                    chosen = around[label].best(left, _uncertain(learner, numbers[left]), shares[turn])
                rounds[chosen] = turn + 1
        self.sample_indices_ = np.flatnonzero(rounds >= 0)
        self.rounds_ = rounds[self.sample_indices_]
        return _safe_indexing(X, self.sample_indices_), _safe_indexing(y, self.sample_indices_)

    def _taught(self, numbers: Any, y: Any, kept: Ints, seed: int) -> Any:
        """Return a learner of the rows kept so far; None where they are of one class, of which nothing is learned."""
        if len(np.unique(y[kept])) < 2:
            return None
        learner = RandomForestClassifier(class_weight="balanced") if self.estimator is None else clone(self.estimator)
        if "random_state" in learner.get_params():
            learner.set_params(random_state=seed % 2**32)
        return learner.fit(numbers[kept], y[kept])

    def _around(self, space: Any, members: Ints, seed: int) -> "_Around":
        k = min(self.n_neighbors, len(members) - 1)
        if k < 1 or self.n_rounds == 1:
            return _Around(members, np.empty((len(members), 0)), np.empty((len(members), 0), dtype=np.intp), 0.0)
        search = FaissNeighbors(k, random_state=seed % 2**31, n_jobs=self.n_jobs).fit(_part(space, members))
        distance, near = search.neighbors_of(np.arange(len(members)))
        reach = float(np.median(distance[:, -1])) or 1.0
        return _Around(members, np.exp(-((distance.astype(float) / reach) ** 2)), near.astype(np.intp), self.density)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.sampler_tags.sample_indices = True
        return tags


class _Around:
    """The rows of a class, what is near each of them, and how much of its gain is left beside those that were kept."""

    def __init__(self, members: Ints, likeness: Floats, near: Ints, power: float) -> None:
        self._members, self._likeness, self._near = members, likeness, near
        mean = likeness.mean(axis=1) if likeness.shape[1] else np.ones(len(members))
        self._dense: Floats = mean**power
        self._untold = np.ones(len(members))

    def told(self, kept: Ints) -> Ints:
        """Take from the rows around those that are kept what these tell of them; return the rows kept."""
        for at in np.searchsorted(self._members, kept):
            self._untold[self._near[at]] *= 1.0 - self._likeness[at]
        return kept

    def best(self, left: Ints, uncertain: Floats, many: int) -> Ints:
        """Return the rows that gain most, one after another."""
        place = np.searchsorted(self._members, left)
        worth = np.zeros(len(self._members))
        # One that is certain may be kept too, where the others are fewer than are wanted: the denser one first.
        worth[place] = (uncertain + 1e-9) * self._dense[place]
        # A gain only ever falls, so one that is out of date stands too near the top, and is put back.
        waiting = list(zip((-worth * self._untold)[place].tolist(), place.tolist(), strict=True))
        heapq.heapify(waiting)
        chosen: list[int] = []
        while len(chosen) < many:
            known, at = heapq.heappop(waiting)
            gain = float(worth[at] * self._untold[at])
            if -known > gain:
                heapq.heappush(waiting, (-gain, at))
                continue
            chosen.append(at)
            self._untold[self._near[at]] *= 1.0 - self._likeness[at]
        return self._members[chosen]


def _part(space: Matrix | Mixed, rows: Ints) -> Matrix | Mixed:
    return space.part(rows) if isinstance(space, Mixed) else Matrix(space.X[rows])


def _uncertain(learner: Any, numbers: Any) -> Floats:
    """Return one less the margin between the two likeliest classes."""
    two = np.sort(learner.predict_proba(numbers), axis=1)[:, -2:]
    found: Floats = 1.0 - (two[:, 1] - two[:, 0])
    return found


def _shares(many: int, rounds: int) -> list[int]:
    """Return how many rows each round keeps, the larger shares first.

    >>> _shares(8, 3)
    [3, 3, 2]
    """
    return [len(part) for part in np.array_split(np.arange(many), rounds)]
