"""Generators: samplers whose rows come of a model that the table has taught, and have no parent."""

import warnings
from abc import abstractmethod
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import Interval, StrOptions

from rarecall import digest
from rarecall.resampling.annotations import Annotations
from rarecall.resampling.checked import Checked
from rarecall.resampling.columns import Columns
from rarecall.resampling.crowd import Crowd
from rarecall.resampling.draw import METADATA
from rarecall.resampling.frame import as_frame, as_given
from rarecall.resampling.randomness import seed_of
from rarecall.resampling.refusal import SamplingError
from rarecall.resampling.rules import Rules
from rarecall.resampling.target import Target

Ints = NDArray[np.integer[Any]]

TAUGHT = b"rarecall.taught"
"""In the lineage's metadata: the digest of the rows that taught the generator, in place of parents."""


class Generated(Checked):
    """The base of samplers that generate; a subclass has `_taught_by`, `_learn` and `_draw`."""

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn reads it from the class
        **Checked._parameter_constraints,  # noqa: SLF001 - imbalanced-learn's way to inherit constraints
        "random_state": ["random_state"],
        "categorical_features": [StrOptions({"auto"}), "array-like", None],
        "steps": [Mapping, None],
        "bounds": [Mapping, None],
        "rules": [Mapping, list, tuple, None],
        "max_redraws": [Interval(Integral, 0, None, closed="left")],
    }

    _fewest = 2
    """Eligible rows of a class that it needs."""

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        categorical_features: Any = "auto",
        steps: Mapping[Any, float] | None = None,
        bounds: Mapping[Any, tuple[float | None, float | None]] | None = None,
        rules: Any = None,
        max_redraws: int = 20,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state
        self.categorical_features = categorical_features
        self.steps = steps
        self.bounds = bounds
        self.rules = rules
        self.max_redraws = max_redraws

    @abstractmethod
    def _taught_by(self, y: NDArray[Any], eligible: NDArray[np.bool_], label: Any) -> Ints:
        """Return the rows that teach the generator of a class."""

    @abstractmethod
    def _learn(self, table: pd.DataFrame, y: NDArray[Any], columns: Columns, label: Any, seed: int) -> Any:
        """Return a generator of a class, taught by these rows alone."""

    @abstractmethod
    def _draw(self, generator: Any, index: Ints, seed: int, attempt: int) -> pd.DataFrame:
        """Return the rows of these numbers, in the columns and types of the table."""

    def fit(self, X: Any, y: Any) -> Self:
        """Check the table and its classes, and learn how many rows each class wants; nothing is generated."""
        self._validate_params()
        target = Target.of(y)
        self._checked(X, target)
        self._wanted(target.classes)
        return self

    def fit_resample(self, X: Any, y: Any, *, ids: Any = None, eligible: Any = None) -> tuple[Any, Any]:
        """Return the real rows, unchanged and in order, and after them the generated ones.

        Parameters
        ----------
        X : DataFrame, polars or Arrow table, or dense array of shape (n_rows, n_features)
        y : array-like of shape (n_rows,)
        ids : array-like of shape (n_rows,), optional
            Unique names of the rows for the lineage; by default their numbers.
        eligible : array-like of bool of shape (n_rows,), optional
            Rows that may teach, such as those whose label is not suspect.

        Raises
        ------
        SamplingError
            A DataError and ValueError: a sparse matrix, infinities, too few rows, a rule that cannot be evaluated.
        """
        self._validate_params()
        target = Target.of(y)
        frame = self._checked(X, target)
        if sparse.issparse(frame.table):
            raise SamplingError(
                "expected a table or a dense array, got a sparse matrix; densify it, or draw with SMOTE"
            )
        wanted, columns = self._wanted(target.classes), self._columns(frame.table)
        known = Annotations.of(len(frame), ids=ids, eligible=eligible)
        table, rules = as_frame(frame.table), Rules(self.rules)
        seed, notes, first = seed_of(self.random_state), list[str](), 0
        blocks, labels, taught, index, attempts = [], [], [], [], []
        for label, count in wanted.items():
            if (of_it := int(((target.classes == label) & known.eligible).sum())) < self._fewest:
                raise SamplingError(
                    f"expected at least {self._fewest} eligible rows of class {label} to learn from, got {of_it}; "
                    "gather more rows of it, or oversample it at random"
                )
            teachers = self._taught_by(target.classes, known.eligible, label)
            generator = self._learn(table.iloc[teachers], target.classes[teachers], columns, label, seed)
            rows, places, attempt = self._made(generator, np.arange(first, first + count), seed, rules)
            if len(rows) < count:
                notes.append(
                    f"{count - len(rows)} of {count} rows still broke a rule after {self.max_redraws} redraws: left out"
                )
            blocks.append(rows)
            labels.append(np.full(len(rows), label))
            taught.append(teachers)
            index.append(places)
            attempts.append(attempt)
            first += count
        self.lineage_ = _lineage(table, columns, known, labels, index, attempts, taught, seed)
        self.notes_ = tuple(notes)
        self.facts_ = {"taught": self.lineage_.schema.metadata[TAUGHT].decode()}
        if rules:
            self.facts_["rejected"] = dict(rules.rejected)
        for note in self.notes_:
            warnings.warn(note, UserWarning, stacklevel=2)
        made = [as_given(rows, frame.table) for rows in blocks if len(rows)]
        classes = np.concatenate([target.classes, *labels]).astype(target.classes.dtype)
        return frame.extended(made, sum(map(len, blocks))), target.like(classes)

    def _fit_resample(self, X: Any, y: Any, **params: Any) -> tuple[Any, Any]:
        return self.fit_resample(X, y, **params)

    def _made(self, generator: Any, index: Ints, seed: int, rules: Rules) -> tuple[pd.DataFrame, Ints, Ints]:
        """Return the rows that keep the rules, their numbers and the attempt that each took."""
        parts, left, attempt = list[tuple[pd.DataFrame, Ints, Ints]](), index, 0
        while len(left) and attempt <= self.max_redraws:
            rows = self._draw(generator, left, seed, attempt)
            kept = rules.passed(rows) if rules else np.ones(len(rows), dtype=bool)
            parts.append((rows[kept], left[kept], np.full(int(kept.sum()), attempt)))
            left, attempt = left[~kept], attempt + 1
        numbers = np.concatenate([one for _, one, _ in parts])
        order = np.argsort(numbers, kind="stable")
        rows = pd.concat([one for one, _, _ in parts], ignore_index=True).iloc[order].reset_index(drop=True)
        return rows, numbers[order], np.concatenate([one for _, _, one in parts])[order]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.sampler_tags.sample_indices = False
        return tags


def _lineage(
    table: pd.DataFrame, columns: Columns, known: Annotations, labels: list[NDArray[Any]], index: list[Ints],
    attempts: list[Ints], taught: list[Ints], seed: int,
) -> pa.Table:  # fmt: skip
    nothing = np.empty(0, dtype=np.int64)
    rows = np.unique(np.concatenate([nothing, *taught]))
    names = rows if known.ids is None else known.ids[rows]
    number = sum(map(len, index))
    nobody = pa.nulls(number, pa.array(names).type)
    lineage = pa.table(
        {
            "index": pa.array(np.concatenate([nothing, *index])),
            "class": pa.array(np.concatenate(labels) if labels else nothing),
            "parent_id": nobody,
            "neighbor_id": nobody,
            "step": pa.nulls(number, pa.float64()),
            "attempt": pa.array(np.concatenate([nothing, *attempts]).astype(np.int16)),
            "seed": pa.array(np.full(number, seed, dtype=np.int64)),
        }
    )
    said = {METADATA: columns.to_json(), TAUGHT: digest_of(table.iloc[rows])}
    return Crowd.named(list(names), "taught").on(lineage.replace_schema_metadata(said))


def digest_of(rows: pd.DataFrame) -> str:
    """Return the digest of some rows, in their order.

    >>> people = pd.DataFrame({"age": [30, 41]})
    >>> digest_of(people) == digest_of(people.copy()) != digest_of(people[::-1])
    True
    """
    hashed = pd.util.hash_pandas_object(rows.reset_index(drop=True), index=False)
    return digest.of_value([list(map(str, rows.columns)), hashed.to_numpy().tolist()])
