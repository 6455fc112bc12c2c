"""ADASYN: more synthetic rows where the rare class is harder to learn, exact in number and traceable to the row."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.annotations import Annotations
from rarecall.resampling.checked import Checked
from rarecall.resampling.columns import Columns
from rarecall.resampling.course import Course
from rarecall.resampling.frame import Frame
from rarecall.resampling.harvest import harvest
from rarecall.resampling.metric import Mixed, measure
from rarecall.resampling.plan import Plan
from rarecall.resampling.planning import Planner
from rarecall.resampling.quota import Quota
from rarecall.resampling.randomness import seed_of
from rarecall.resampling.rules import Rules, told
from rarecall.resampling.target import Target
from rarecall.search.blocks import Matrix


class ADASYN(Checked):
    """Adaptive synthetic sampling (He et al. 2008), one class against the rest.

    Each row of a class that is wanted larger gets r_i, the share of other classes among its nearest neighbours, and
    gives synthetic rows in proportion to it. Each lies on the line to one of its nearest neighbours of its own class.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn; a dict gives each class's rows after resampling.
    n_neighbors : int or estimator, default=5
        How many neighbours, or an estimator with `kneighbors` that knows how many.
    random_state : int, RandomState or None, default=None
        The same seed gives the same rows, whatever the number of threads.
    mode : {"auto", "exact", "approximate"}, default="auto"
    min_recall : float, default=0.985
        As in `rarecall.neighbors.FaissNeighbors`, which searches where `n_neighbors` is a number.
    n_jobs : int, optional
    categorical_features : "auto" or array-like, default="auto"
        Names, positions or a mask of the columns drawn by a vote of the neighbours. "auto" takes a table's
        categorical, text, object and boolean columns.
    scaling : {"auto", "robust", "none"}, default="auto"
        Numeric columns are divided by a robust spread before distances are taken: always, never, or where the table
        has categories.
    steps, bounds : mapping of column, optional
        Drawn numbers are rounded to multiples of the column's step and held within its (low, high).
    on_easy : {"smote", "uniform", "skip", "raise"}, default="smote"
        What to do where every r_i of a class is zero.
    max_synthetic : int, float or sequence of these, optional
        Most synthetic rows: a number, or the share of the resampled table.
    max_per_parent : int, optional
        Most rows that one real row may give.
    off_segment : float or "auto", default=0
        How far, as a share of the way to the neighbour, each column may stray from the line; 0 is the line, which gives
        the real rows away (`rarecall.privacy`).
    n_mixed : int, default=1
        How many of the parent's nearest rows of its class, weighted at random, make the point a row is drawn towards.
    memory_budget : int, optional
        Bytes that the synthetic rows may take.
    cohort_factors : mapping of cohort to float, optional
        Factors on r_i for the rows of a cohort; others keep 1.
    rules : mapping of name to rule or sequence of rules, optional
        pandas expressions or functions that every drawn row must satisfy.
    max_redraws : int, default=20
        How often a row that breaks a rule is drawn again before it is left out.

    Attributes
    ----------
    plan_ : Plan
    lineage_ : pyarrow.Table
        A row for each synthetic row, in their order; see `rarecall.lineage`.
    sample_indices_ : ndarray of shape (n_rows_after,)
        The row each row came from: itself, or its parent.
    neighbor_recall_ : float
        Share of the true neighbours that the search found.
    sampling_strategy_ : dict
        Synthetic rows asked for, by class.
    n_features_in_, feature_names_in_

    >>> from sklearn.datasets import make_classification
    >>> X, y = make_classification(n_samples=400, weights=[0.9], random_state=0)
    >>> sampler = ADASYN(random_state=0, sampling_strategy={1: 100})
    >>> X_res, y_res = sampler.fit_resample(X, y)
    >>> int((y_res == 1).sum()), sampler.lineage_.num_rows == 100 - int((y == 1).sum())
    (100, True)
    >>> ADASYN().fit_resample([[0.0], [1.0], [2.0]], [0, 0, 1])
    Traceback (most recent call last):
    ...
    rarecall.resampling.refusal.SamplingError: expected at least two eligible rows of class 1 to draw between, got 1; \
gather more rows of it, or oversample it at random
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn reads it from the class
        **Checked._parameter_constraints,  # noqa: SLF001 - imbalanced-learn's way to inherit constraints
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), HasMethods(["kneighbors", "kneighbors_graph"])],
        "mode": [StrOptions({"auto", "exact", "approximate"})],
        "min_recall": [Interval(Real, 0, 1, closed="right")],
        "n_jobs": [None, Integral],
        "categorical_features": [StrOptions({"auto"}), "array-like", None],
        "scaling": [StrOptions({"auto", "robust", "none"})],
        "steps": [Mapping, None],
        "bounds": [Mapping, None],
        "on_easy": [StrOptions({"smote", "uniform", "skip", "raise"})],
        "max_synthetic": [
            Interval(Integral, 0, None, closed="left"),
            Interval(Real, 0, 1, closed="left"),
            "array-like",
            None,
        ],
        "max_per_parent": [Interval(Integral, 1, None, closed="left"), None],
        "off_segment": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "n_mixed": [Interval(Integral, 1, None, closed="left")],
        "memory_budget": [Interval(Integral, 0, None, closed="left"), None],
        "cohort_factors": [Mapping, None],
        "rules": [Mapping, list, tuple, None],
        "max_redraws": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
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
        super().__init__(sampling_strategy=sampling_strategy)
        self.n_neighbors = n_neighbors
        self.random_state = random_state
        self.mode = mode
        self.min_recall = min_recall
        self.n_jobs = n_jobs
        self.categorical_features = categorical_features
        self.scaling = scaling
        self.steps = steps
        self.bounds = bounds
        self.on_easy = on_easy
        self.max_synthetic = max_synthetic
        self.max_per_parent = max_per_parent
        self.off_segment = off_segment
        self.n_mixed = n_mixed
        self.memory_budget = memory_budget
        self.cohort_factors = cohort_factors
        self.rules = rules
        self.max_redraws = max_redraws

    def fit(self, X: Any, y: Any) -> Self:
        """Check the table and its classes, and learn how many rows each class wants; nothing is drawn."""
        self._validate_params()
        target = Target.of(y)
        self._checked(X, target)
        self._wanted(target.classes)
        return self

    def fit_resample(
        self,
        X: Any,
        y: Any,
        *,
        ids: Any = None,
        eligible: Any = None,
        weights: Any = None,
        cohorts: Any = None,
    ) -> tuple[Any, Any]:
        """Return the real rows, unchanged and in order, and after them the synthetic ones.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame, polars or Arrow table of shape (n_rows, n_features)
        y : array-like of shape (n_rows,)
        ids : array-like of shape (n_rows,), optional
            Unique names of the rows for the lineage; by default their numbers.
        eligible : array-like of bool of shape (n_rows,), optional
            Rows that may be parents or neighbours of synthetic rows, such as those whose label is not suspect.
        weights : array-like of shape (n_rows,), optional
            Factors on r_i; zero keeps a row from being a parent.
        cohorts : array-like of shape (n_rows,), optional
            Each row's cohort, for `cohort_factors`.

        Returns
        -------
        X, y : as they came

        Raises
        ------
        SamplingError
            A DataError and ValueError: infinities, too few rows, a rule that cannot be evaluated.
        """
        frame, target, plan = self._plan(X, y, ids=ids, eligible=eligible, weights=weights, cohorts=cohorts)
        rules = Rules(self.rules)
        made = harvest(plan, frame, target.classes, rules, max_redraws=self.max_redraws, n_jobs=self.n_jobs)
        self.lineage_, self.sample_indices_ = made.lineage, made.origin
        self.plan_ = told(plan, rules.rejected, self.lineage_.num_rows, self.max_redraws)
        self.neighbor_recall_ = plan.neighbor_recall
        return made.X, target.like(made.classes)

    def plan(
        self, X: Any, y: Any, *, ids: Any = None, eligible: Any = None, weights: Any = None, cohorts: Any = None
    ) -> Plan:
        """Return the plan alone; `rarecall.resampling.draw` and `write` make its rows in blocks."""
        plan = self._plan(X, y, ids=ids, eligible=eligible, weights=weights, cohorts=cohorts)[2]
        self.plan_, self.neighbor_recall_ = plan, plan.neighbor_recall
        return plan

    def _fit_resample(self, X: Any, y: Any, **params: Any) -> tuple[Any, Any]:
        return self.fit_resample(X, y, **params)

    def _plan(
        self, X: Any, y: Any, *, ids: Any, eligible: Any, weights: Any, cohorts: Any
    ) -> tuple[Frame, Target, Plan]:
        self._validate_params()
        target = Target.of(y)
        frame = self._checked(X, target)
        wanted = self._wanted(target.classes)
        columns = self._columns(frame.table)
        known = Annotations.of(
            len(frame), ids=ids, eligible=eligible, weights=weights, cohorts=cohorts, factors=self.cohort_factors
        )
        minority = np.flatnonzero(np.isin(target.classes, list(wanted)) & known.eligible)
        planner = Planner(
            space=self._space(frame.table, columns, minority),
            y=target.classes,
            known=known,
            **self._choices(),
        )
        plan = planner.plan(wanted, columns, row_bytes=row_bytes(frame.table))
        plan = replace(plan, course=self._course())
        for note in plan.notes:
            warnings.warn(note, UserWarning, stacklevel=4)
        return frame, target, plan

    def _space(self, table: Any, columns: Columns, minority: Any) -> Matrix | Mixed:
        """Return the space in which neighbours are looked for."""
        return measure(table, columns, scaling=self.scaling, minority=minority)

    def _course(self) -> Course:
        return Course.of(self.off_segment, self.n_mixed)

    def _choices(self) -> dict[str, Any]:
        """Return what a planner takes from the parameters."""
        number = isinstance(self.n_neighbors, Integral)
        search = FaissNeighbors(mode=self.mode, min_recall=self.min_recall, n_jobs=self.n_jobs)
        return {
            "neighbors": search if number else self.n_neighbors,
            "n_neighbors": self.n_neighbors if number else self.n_neighbors.n_neighbors,
            "on_easy": self.on_easy,
            "quota": Quota.of(self.max_synthetic, self.max_per_parent, self.memory_budget),
            "seed": seed_of(self.random_state),
        }


def row_bytes(values: Any) -> float:
    """Return about how many bytes one row takes."""
    if isinstance(values, pd.DataFrame):
        return float(values.head(1000).memory_usage(deep=True, index=False).sum() / max(1, min(1000, len(values))))
    held: Any = values.data if hasattr(values, "nnz") else values
    return float(held.nbytes / max(1, values.shape[0]))
