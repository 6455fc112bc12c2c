"""Augmentation by rule: rare rows as a user's transformations make them of one parent each, where that is safe."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils._param_validation import Interval, StrOptions

from rarecall import transformations as registered
from rarecall.resampling.annotations import Annotations
from rarecall.resampling.checked import Checked
from rarecall.resampling.columns import Columns
from rarecall.resampling.draw import METADATA
from rarecall.resampling.frame import Frame, as_frame, as_given
from rarecall.resampling.randomness import seed_of, strays
from rarecall.resampling.refusal import SamplingError
from rarecall.resampling.rules import Rules
from rarecall.resampling.target import Target
from rarecall.transformations import DRAWS, Transformation

Ints = NDArray[np.integer[Any]]

_ALONE = 5  # rows that are made once more by themselves


class ByRule(Checked):
    """Rows that transformations make of single rare rows; every one is held against its safety predicate.

    Parents give rows in turn, each with a transformation drawn at random. A row whose predicate, or one of the rules,
    does not hold is counted as refused and made anew of the parent that has given least.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn; a dict gives each class's rows after resampling.
    transformations : sequence of str, or mapping of str to Transformation
        Names under which installed packages register them (`rarecall.transformations`), or the things themselves.
    random_state : int, RandomState or None, default=None
    categorical_features : "auto" or array-like, default="auto"
        Names, positions or a mask of the columns that are not numbers.
    steps, bounds : mapping of column, optional
        Changed numbers are rounded to multiples of the column's step; a row beyond its (low, high) is refused.
    max_per_parent : int, optional
        Most rows that one real row may give.
    rules : mapping of name to rule or sequence of rules, optional
        What every row must satisfy besides; see `rarecall.resampling.rules`.
    max_redraws : int, default=20
        How often a row that was refused is made anew before it is left out.

    Attributes
    ----------
    lineage_ : pyarrow.Table
        A row for each synthetic row: its one parent, its `rule`, and what to make it again by (`again`).
    sample_indices_ : ndarray of shape (n_rows_after,)
        The row each row came from: itself, or its parent.
    facts_ : dict
        `made` and `refused` by transformation, `rejected` by rule, `origin` of each transformation.
    notes_ : tuple of str
    sampling_strategy_ : dict
    n_features_in_, feature_names_in_

    >>> later = Transformation(
    ...     change=lambda rows, draws: rows.assign(hour=rows["hour"] + np.floor(4 * draws[:, 0])),
    ...     safe=lambda before, after: after["hour"] < 24,
    ...     says="some hours later",
    ... )
    >>> X = pd.DataFrame({"hour": [1.0, 5.0, 9.0, 12.0, 21.0, 23.0]})
    >>> sampler = ByRule(transformations={"later": later}, random_state=0)
    >>> rows, labels = sampler.fit_resample(X, [0, 0, 0, 0, 1, 1])
    >>> float(rows["hour"].max()), sampler.facts_["made"], sampler.lineage_["parent_id"].to_pylist()
    (23.0, {'later': 2}, [4, 5])
    """

    _parameter_constraints: dict[str, list[Any]] = {  # noqa: RUF012 - scikit-learn reads it from the class
        **Checked._parameter_constraints,  # noqa: SLF001 - imbalanced-learn's way to inherit constraints
        "transformations": [Mapping, list, tuple],
        "random_state": ["random_state"],
        "categorical_features": [StrOptions({"auto"}), "array-like", None],
        "steps": [Mapping, None],
        "bounds": [Mapping, None],
        "max_per_parent": [Interval(Integral, 1, None, closed="left"), None],
        "rules": [Mapping, list, tuple, None],
        "max_redraws": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        transformations: Any = (),
        random_state: Any = None,
        categorical_features: Any = "auto",
        steps: Mapping[Any, float] | None = None,
        bounds: Mapping[Any, tuple[float | None, float | None]] | None = None,
        max_per_parent: int | None = None,
        rules: Any = None,
        max_redraws: int = 20,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.transformations = transformations
        self.random_state = random_state
        self.categorical_features = categorical_features
        self.steps = steps
        self.bounds = bounds
        self.max_per_parent = max_per_parent
        self.rules = rules
        self.max_redraws = max_redraws

    def fit(self, X: Any, y: Any) -> Self:
        """Check the table and its classes, and learn how many rows each class wants; nothing is made."""
        self._validate_params()
        target = Target.of(y)
        self._checked(X, target)
        self._wanted(target.classes)
        return self

    def fit_resample(self, X: Any, y: Any, *, ids: Any = None, eligible: Any = None) -> tuple[Any, Any]:
        """Return the real rows, unchanged and in order, and after them the synthetic ones.

        Parameters
        ----------
        X : DataFrame, polars or Arrow table, or dense array of shape (n_rows, n_features)
            An array's columns are named 0, 1, ... to the transformations.
        y : array-like of shape (n_rows,)
        ids : array-like of shape (n_rows,), optional
            Unique names of the rows for the lineage; by default their numbers.
        eligible : array-like of bool of shape (n_rows,), optional
            Rows that may be parents, such as those whose label is not suspect.

        Raises
        ------
        SamplingError
            There is no transformation or no parent; a transformation raises, or returns other rows or columns than it
            was given, or makes of a row something else when it is given alone.
        """
        self._validate_params()
        ways, origin = self._ways()
        target = Target.of(y)
        frame = self._checked(X, target)
        if sparse.issparse(frame.table):
            raise SamplingError("expected a table with named columns or a dense array, got a sparse matrix; densify it")
        wanted, columns = self._wanted(target.classes), self._columns(frame.table)
        known = Annotations.of(len(frame), ids=ids, eligible=eligible)
        maker = _Maker(as_frame(frame.table), ways, columns, Rules(self.rules), seed_of(self.random_state))
        drawn, first = list[_Made](), 0
        for label, count in wanted.items():
            rows = np.flatnonzero((target.classes == label) & known.eligible)
            if not len(rows):
                raise SamplingError(f"expected an eligible row of class {label} to change, got none; gather some")
            drawn.append(maker.make(label, rows, count, first, self.max_per_parent, self.max_redraws))
            first += count
        self.sample_indices_ = np.concatenate([np.arange(len(frame)), *(one.parents for one in drawn)])
        self.lineage_ = _lineage(drawn, columns, known, maker.seed)
        self.notes_ = tuple(maker.notes)
        self.facts_ = {"made": maker.made, "refused": maker.refused, "origin": origin}
        if maker.rules:
            self.facts_["rejected"] = dict(maker.rules.rejected)
        for note in self.notes_:
            warnings.warn(note, UserWarning, stacklevel=2)
        classes = np.concatenate([target.classes, *(np.full(len(one.parents), one.label) for one in drawn)])
        blocks = [as_given(one.rows, frame.table) for one in drawn if len(one.parents)]
        resampled = frame.extended(blocks, sum(len(one.parents) for one in drawn))
        return resampled, target.like(classes.astype(target.classes.dtype))

    def _fit_resample(self, X: Any, y: Any, **params: Any) -> tuple[Any, Any]:
        return self.fit_resample(X, y, **params)

    def _ways(self) -> tuple[dict[str, Transformation], dict[str, str]]:
        if not self.transformations:
            raise SamplingError(
                "expected the name of a transformation at least, got none; name one that an installed package "
                f"registers under {registered.GROUP} in augmentation.parameters.transformations"
            )
        if isinstance(self.transformations, Mapping):
            return dict(self.transformations), {}
        return registered.named(self.transformations), registered.origin(self.transformations)


def again(lineage: pa.Table, X: Any, *, ids: Any = None, transformations: Any = None) -> Any:
    """Return the rows of a lineage once more, bit for bit.

    Parameters
    ----------
    lineage : pyarrow.Table
        Any rows of a `ByRule`'s `lineage_`.
    X : as it was drawn from
    ids : array-like, optional
    transformations : mapping of str to Transformation, optional
        By default those that are installed under the names in the lineage: the code that they are today.
    """
    frame = Frame.of(X)
    names = list(dict.fromkeys(lineage["rule"].to_pylist()))
    ways = registered.named(names) if transformations is None else dict(transformations)
    columns = Columns.from_json((lineage.schema.metadata or {})[METADATA])
    index = pd.Index(np.arange(len(frame)) if ids is None else np.asarray(ids))
    parents = index.get_indexer(lineage["parent_id"].to_numpy())
    if len(parents) and parents.min() < 0:
        raise SamplingError("expected every parent among the rows; give the table the rows were made from and its ids")
    table = as_frame(frame.table)
    which = lineage["rule"].to_numpy(zero_copy_only=False)
    places, attempts = lineage["index"].to_numpy(), lineage["attempt"].to_numpy()
    rows = table.iloc[parents].reset_index(drop=True)
    for attempt in np.unique(attempts):
        for name in names:
            at = np.flatnonzero((attempts == attempt) & (which == name))
            maker = _Maker(table, ways, columns, Rules(None), int(lineage["seed"][0].as_py()))
            changed = maker.changed(name, parents[at], places[at], int(attempt))
            rows = _put(rows, at, changed)
    return frame.like(as_given(rows, frame.table)) if isinstance(X, pd.DataFrame) else as_given(rows, frame.table)


@dataclass(frozen=True)
class _Made:
    """One class's rows, by row numbers of the table."""

    label: Any
    rows: pd.DataFrame
    parents: Ints
    index: Ints
    attempt: Ints
    rule: NDArray[Any]


@dataclass
class _Maker:
    """Makes rows and counts what was refused."""

    table: pd.DataFrame
    ways: dict[str, Transformation]
    columns: Columns
    rules: Rules
    seed: int
    notes: list[str] = field(default_factory=list)
    made: dict[str, int] = field(init=False)
    refused: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.made, self.refused = dict.fromkeys(self.ways, 0), dict.fromkeys(self.ways, 0)

    def make(self, label: Any, rows: Ints, count: int, first: int, most: int | None, redraws: int) -> _Made:
        """Make rows of one class, anew where they are refused, and leave out those that stay so."""
        asked = count
        if most is not None and count > most * len(rows):
            count = most * len(rows)
            self.notes.append(
                f"class {label}: {asked} rows wanted, {count} made: {most} of each of {len(rows)} parents"
            )
        order = np.random.Generator(np.random.Philox(key=[self.seed, first])).permutation(rows)
        names, given = np.array(list(self.ways), dtype=object), np.zeros(len(rows), dtype=np.int64)
        index, parents = np.arange(first, first + count), np.empty(count, dtype=np.int64)
        attempt, rule = np.zeros(count, dtype=np.int16), np.empty(count, dtype=object)
        whole, left = self.table.iloc[order[np.arange(count) % len(order)]].reset_index(drop=True), np.arange(count)
        for turn in range(redraws + 1):
            if not len(left):
                break
            # Those that have given least come first, each in its turn.
            rank = np.argsort(given, kind="stable")
            chosen = rank[np.arange(len(left)) % len(rank)]
            parents[left], attempt[left] = order[chosen], turn
            draws = strays(self.seed, turn, first, first + count, DRAWS + 1)[left, DRAWS]
            rule[left] = names[(draws * len(names)).astype(int)]
            kept = np.zeros(len(left), dtype=bool)
            for name in names:
                at = np.flatnonzero(rule[left] == name)
                if not len(at):
                    continue
                after = self.changed(name, parents[left[at]], index[left[at]], turn)
                kept[at] = self._held(name, self.table.iloc[parents[left[at]]].reset_index(drop=True), after)
                whole = _put(whole, left[at[kept[at]]], after[kept[at]])
            kept &= _within(chosen, kept, given, most)
            np.add.at(given, chosen[kept], 1)
            left = left[~kept]
        if len(left):
            self.notes.append(f"{len(left)} of {count} rows were still refused after {redraws} redraws: left out")
        stay = np.setdiff1d(np.arange(count), left)
        for name in names:
            self.made[name] += int((rule[stay] == name).sum())
        rows_made = whole.iloc[stay].reset_index(drop=True)
        self._check_alone(rows_made, parents[stay], index[stay], attempt[stay], rule[stay])
        return _Made(label, rows_made, parents[stay], index[stay], attempt[stay], rule[stay])

    def changed(self, name: str, parents: Ints, index: Ints, attempt: int) -> pd.DataFrame:
        """Return what a transformation makes of parents; each row's numbers are its own, whoever else is made."""
        before = self.table.iloc[parents].reset_index(drop=True)
        if before.empty:
            return before
        first, last = int(index.min()), int(index.max()) + 1
        draws = strays(self.seed, attempt, first, last, DRAWS)[index - first]
        try:
            after = self.ways[name].change(before.copy(), draws)
        except Exception as error:
            raise SamplingError(f"the transformation {name!r} failed: {error!r}; mend it") from error
        if not isinstance(after, pd.DataFrame) or len(after) != len(before) or set(after) != set(before):
            raise SamplingError(
                f"the transformation {name!r}: expected {len(before)} rows with the columns it was given, got "
                f"{_shape(after)}; return every row, and no column more or less"
            )
        after = after[list(before)].reset_index(drop=True)
        numbers = {}
        for at, step in (self.columns.steps or {}).items():
            column = before.columns[at]
            numbers[column] = np.round(after[column].astype(float) / step) * step
        try:
            return after.assign(**numbers).astype(before.dtypes.to_dict())
        except (TypeError, ValueError) as error:
            raise SamplingError(
                f"the transformation {name!r} gave values that its columns cannot hold: {error}; keep their types"
            ) from error

    def _held(self, name: str, before: pd.DataFrame, after: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rows are safe, keep their bounds and every rule; count the others."""
        try:
            said = np.asarray(self.ways[name].safe(before, after))
        except Exception as error:
            raise SamplingError(f"the safety predicate of {name!r} failed: {error!r}; mend it") from error
        if said.shape != (len(after),) or said.dtype != bool:
            raise SamplingError(
                f"the safety predicate of {name!r}: expected one true or false a row, got {said.dtype} of shape "
                f"{said.shape}; answer for each of the {len(after)} rows"
            )
        for at, (low, high) in (self.columns.bounds or {}).items():
            values = after.iloc[:, at].to_numpy(dtype=float)
            said = said & ~(
                (values < (-np.inf if low is None else low)) | (values > (np.inf if high is None else high))
            )
        self.refused[name] += int((~said).sum())
        return said & self.rules.passed(after) if self.rules else said

    def _check_alone(self, rows: pd.DataFrame, parents: Ints, index: Ints, attempt: Ints, rule: NDArray[Any]) -> None:
        """Refuse a transformation that makes of a row by itself something else than among others."""
        for at in range(0, len(rows), max(1, len(rows) // _ALONE)):
            one = slice(at, at + 1)
            alone = self.changed(rule[at], parents[one], index[one], int(attempt[at]))
            if not alone.equals(rows.iloc[[at]].reset_index(drop=True)):
                raise SamplingError(
                    f"the transformation {rule[at]!r} makes of a row by itself something else than among others, so "
                    "it could not be made again; let it depend on the row and its numbers alone"
                )


def _within(chosen: Ints, kept: NDArray[np.bool_], given: Ints, most: int | None) -> NDArray[np.bool_]:
    """Return which of the rows that held are not more than their parent may give."""
    if most is None:
        return kept
    room, stay = most - given, np.zeros(len(kept), dtype=bool)
    for at in np.flatnonzero(kept):
        stay[at] = room[chosen[at]] > 0
        room[chosen[at]] -= 1
    return stay


def _lineage(drawn: list[_Made], columns: Columns, known: Annotations, seed: int) -> pa.Table:
    nothing = np.empty(0, dtype=np.int64)
    parents = np.concatenate([nothing, *(one.parents for one in drawn)])
    ids = pa.array(parents if known.ids is None else known.ids[parents])
    labels = (
        np.repeat(np.array([one.label for one in drawn]), [len(one.parents) for one in drawn]) if drawn else nothing
    )
    table = {
        "index": pa.array(np.concatenate([nothing, *(one.index for one in drawn)])),
        "class": pa.array(labels),
        "parent_id": ids,
        "neighbor_id": ids,
        "step": pa.array(np.zeros(len(parents))),
        "attempt": pa.array(np.concatenate([nothing, *(one.attempt for one in drawn)]).astype(np.int16)),
        "seed": pa.array(np.full(len(parents), seed, dtype=np.int64)),
        "rule": pa.array([name for one in drawn for name in one.rule], pa.string()),
    }
    return pa.table(table).replace_schema_metadata({METADATA: columns.to_json()})


def _put(whole: pd.DataFrame, at: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """Return a table with rows in some places, of the same types."""
    if not len(at):
        return whole
    place = np.arange(len(whole))
    place[at] = len(whole) + np.arange(len(at))
    return pd.concat([whole, rows.astype(whole.dtypes.to_dict())], ignore_index=True).iloc[place].reset_index(drop=True)


def _shape(after: Any) -> str:
    return (
        f"{len(after)} rows with {', '.join(map(str, after))}" if isinstance(after, pd.DataFrame) else repr(type(after))
    )
