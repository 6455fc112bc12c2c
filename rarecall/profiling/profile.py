"""What a table is, before anything is known about it: kinds, missing markers, the rare class, time, ids, cohorts.

Everything here is a proposal that a person reads in the project file; where a guess could be wrong it is not made.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rarecall.errors import DataError, nearest
from rarecall.profiling import kinds, names
from rarecall.profiling.kinds import ColumnKind
from rarecall.sections import Cohort, Kind

ROWS = 200_000
"""Larger tables are sampled: a kind or a marker that does not show in so many rows does not matter."""

MARKERS = frozenset(
    ["", "?", "??", "-", "--", ".", "na", "n/a", "#n/a", "nan", "null", "nil", "unknown", "unk", "missing",
     "not available", "not known", "not recorded", "not specified", "unspecified", "undefined", "no data"]
)  # fmt: skip
"""Texts that mean 'not known' in any column, in lower case."""

DOUBTFUL = frozenset(["none", "other", "not applicable", "not in universe", "refused"])
"""Texts that mean 'not known' in one table and something in the next: shown to the reader, never proposed."""

_MOST_COHORTS = 3
_MOST_VALUES = 20  # of a cohort column that is proposed
_POSITIVES = 30  # a cohort value with fewer cannot be judged


@dataclass(frozen=True, kw_only=True)
class Marker:
    """A text that means 'not known': how many of the cells looked at hold it, and in which columns."""

    text: str
    cells: int
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a table is.

    Attributes
    ----------
    rows, positives : int
        Of the whole table.
    label, positive
        The label's column, and the rare class's value as it stands in the table.
    kinds : mapping of str to str
        Each column but the label: numeric, categorical, boolean, id, date or constant.
    declared : mapping of str to str
        The kinds that the product's own inference would get wrong, as the project file declares them.
    markers, doubtful : tuple of Marker
        What means 'not known', and what may.
    time, entity : str or None
        As given, or proposed.
    cohorts : tuple of Cohort
        As given, or proposed.
    proposed : frozenset of str
        Which of `positive`, `time`, `entity` and `cohorts` were not given.
    """

    rows: int
    positives: int
    label: str
    positive: str | int | float | bool
    kinds: Mapping[str, ColumnKind]
    declared: Mapping[str, Kind]
    markers: tuple[Marker, ...]
    doubtful: tuple[Marker, ...]
    time: str | None
    entity: str | None
    cohorts: tuple[Cohort, ...]
    proposed: frozenset[str]

    @property
    def prevalence(self) -> float:
        """Share of the rows that are of the rare class."""
        return self.positives / self.rows

    @property
    def features(self) -> dict[str, ColumnKind]:
        """The kinds of the columns that are neither time nor entity."""
        return {name: kind for name, kind in self.kinds.items() if name not in {self.time, self.entity}}

    def target(self, frame: pd.DataFrame) -> "pd.Series[bool]":
        """Return which rows are of the rare class, under the label's name."""
        return frame[self.label] == self.positive


def profile(
    frame: pd.DataFrame,
    *,
    label: str,
    positive: str | float | None = None,
    time: str | None = None,
    entity: str | None = None,
    cohorts: Sequence[str] = (),
    seed: int = 0,
) -> Profile:
    """Look at a table and propose how to describe it.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        As read from the source, without markers.
    label : str
        The column that says what is rare.
    positive : optional
        The rare class's value, as text or as it stands; by default the rarer of two.
    time, entity, cohorts : optional
        Columns. What is not given is proposed: the first column of ISO dates and the first id that differs in every
        row, neither with a name that is only known afterwards; and up to three columns that people ask about.
    seed : int
        Of the sample that is looked at when there are more than `ROWS` rows.

    Raises
    ------
    DataError
        A column is absent, the label cannot be learned from or leaves open what is rare, the time does not parse.

    >>> table = pd.DataFrame({"who": range(60), "sum": [1.5, 2.5, 4.0] * 20, "won": ["no"] * 57 + ["yes"] * 3})
    >>> found = profile(table, label="won")
    >>> found.positive, found.positives, found.entity, dict(found.kinds)
    ('yes', 3, 'who', {'who': 'id', 'sum': 'numeric'})
    >>> profile(table, label="wonn")
    Traceback (most recent call last):
    rarecall.errors.DataError: --label: the table has no column 'wonn'; did you mean 'won'?
    """
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    _check_names(frame, {"--label": [label], "--time": [time], "--entity": [entity], "--cohort": cohorts})
    sample = frame.sample(ROWS, random_state=seed).sort_index() if len(frame) > ROWS else frame
    markers = _marked(sample, MARKERS)
    truth = _known(frame[label], markers)
    value = _rare(truth, positive)
    features = sample.drop(columns=label).apply(_known, markers=markers)
    found = {str(name): kinds.infer(features[name], unique=frame[name].is_unique) for name in features}
    if time is not None:
        _check_time(features[time])
    return Profile(
        rows=len(frame),
        positives=int((truth == value).sum()),
        label=label,
        positive=value,
        kinds=found,
        declared=kinds.declared(sample, found),
        markers=markers,
        doubtful=_marked(sample.drop(columns=label), DOUBTFUL),
        time=time or _first_time(features, found, label),
        entity=entity or _first_id(frame, found, label),
        cohorts=_given(features, found, cohorts) or _proposed(features, found, truth[features.index] == value),
        proposed=frozenset(
            name
            for name, given in {"positive": positive, "time": time, "entity": entity, "cohorts": cohorts}.items()
            if given is None or given == ()
        ),
    )


def _check_names(frame: pd.DataFrame, asked: Mapping[str, Sequence[str | None]]) -> None:
    if frame.empty:
        raise DataError("expected a table with rows, got an empty one; check the source")
    for option, columns in asked.items():
        for name in columns:
            if name is not None and name not in frame.columns:
                raise DataError(f"{option}: the table has no column {name!r}{nearest(name, list(frame.columns))}")


def _marked(frame: pd.DataFrame, texts: Collection[str]) -> tuple[Marker, ...]:
    """Return which of the texts stand in the table, as they are written there, the most frequent first."""
    found: dict[str, dict[str, int]] = {}
    for name in frame.select_dtypes(["object", "string", "category"]):
        counts = frame[name].value_counts()
        for text in counts.index:
            if isinstance(text, str) and text.strip().lower() in texts:
                found.setdefault(text, {})[str(name)] = int(counts[text])
    markers = [Marker(text=text, cells=sum(by.values()), columns=tuple(by)) for text, by in found.items()]
    return tuple(sorted(markers, key=lambda marker: -marker.cells))


def _known(column: "pd.Series[Any]", markers: Sequence[Marker]) -> "pd.Series[Any]":
    """Empty the cells that hold a marker; a column that then holds only numbers becomes numeric, as a CSV's would."""
    if not any(column.name in marker.columns for marker in markers):
        return column
    column = column.astype(object).mask(column.isin([marker.text for marker in markers]))
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers if numbers.notna().sum() == column.notna().sum() else column


def _rare(truth: "pd.Series[Any]", positive: str | float | None) -> Any:
    """Return the rare class's value as it stands in the label."""
    counts = truth.value_counts()
    values, shown = [_plain(value) for value in counts.index], ", ".join(map(repr, counts.index[:5].tolist()))
    if not values:
        raise DataError(f"--label: every value of {truth.name!r} is missing; expected two classes")
    if len(values) == 1:
        raise DataError(f"--label: {truth.name!r} is constant: every known value is {shown}; expected two classes")
    if positive is not None:
        index = next((i for i, value in enumerate(values) if _same(value, positive)), None)
        if index is None:
            raise DataError(
                f"--positive: {positive!r} never occurs in {truth.name!r}{nearest(str(positive), [*map(str, values)])}"
            )
    elif len(values) > 2:
        raise DataError(
            f"--label: {truth.name!r} has {len(values)} values ({shown}{', ...' if len(values) > 5 else ''}), so what "
            "is rare is not clear; say which with --positive"
        )
    elif counts.iloc[0] == counts.iloc[1]:
        raise DataError(f"--label: {shown} occur equally often in {truth.name!r}; say which is rare with --positive")
    else:
        index = 1
    if counts.iloc[index] < 2:
        raise DataError(f"--label: {truth.name!r} has one row with {values[index]!r}; at least 2 are needed")
    return values[index]


def _plain(value: Any) -> Any:
    """Return a value of Python's own: 1 where a column with missing labels holds 1.0."""
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _same(value: Any, asked: str | float) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value) == float(asked)
        except ValueError:
            return False
    said, wanted = str(value).strip(), str(asked).strip()
    return said.lower() == wanted.lower() if isinstance(value, bool) else said == wanted


def _check_time(column: "pd.Series[Any]") -> None:
    if not kinds.is_iso(column):
        raise DataError(
            f"--time: expected ISO 8601 dates in {column.name!r}, such as 2026-03-01 or 2026-03-01T12:00:00Z, "
            f"got {column.dropna().iloc[0]!r}; name another column or write them so in the source"
        )


def _first_time(features: pd.DataFrame, found: Mapping[str, ColumnKind], label: str) -> str | None:
    dates = (name for name, kind in found.items() if kind == "date" and names.outcome(name, label) is None)
    return next((name for name in dates if features[name].notna().all() and kinds.is_iso(features[name])), None)


def _first_id(frame: pd.DataFrame, found: Mapping[str, ColumnKind], label: str) -> str | None:
    ids = (name for name, kind in found.items() if kind == "id" and names.outcome(name, label) is None)
    return next((name for name in ids if frame[name].is_unique and frame[name].notna().all()), None)


def _given(features: pd.DataFrame, found: Mapping[str, ColumnKind], columns: Sequence[str]) -> tuple[Cohort, ...]:
    return tuple(
        Cohort(column=name, edges=_edges(features[name]) if found[name] == "numeric" else None) for name in columns
    )


def _proposed(features: pd.DataFrame, found: Mapping[str, ColumnKind], rare: "pd.Series[bool]") -> tuple[Cohort, ...]:
    """Return columns that people ask about, in which at least two values have positives enough to be judged."""
    cohorts = []
    for name, kind in found.items():
        said = names.words(name)
        if kind == "numeric" and "age" in said and len(said) == 1:
            cohorts.append(Cohort(column=name, edges=_edges(features[name])))
        elif kind in {"categorical", "boolean"} and said & names.SEGMENTS and features[name].nunique() <= _MOST_VALUES:
            judged = (features[name][rare.to_numpy()].value_counts() >= _POSITIVES).sum()
            if judged >= 2:
                cohorts.append(Cohort(column=name))
    return tuple(cohorts[:_MOST_COHORTS])


def _edges(column: "pd.Series[Any]") -> list[float] | None:
    """Return inner edges near the quartiles, as round as a person would choose them; None for a handful of values.

    >>> _edges(pd.Series(range(18, 95)))
    [35.0, 55.0, 75.0]
    """
    known = column.dropna().astype(float)
    if known.nunique() <= _MOST_VALUES / 2:
        return None
    quartiles = known.quantile([0.25, 0.5, 0.75])
    width = max(quartiles.iloc[2] - quartiles.iloc[0], np.finfo(float).tiny)
    magnitude = 10.0 ** np.floor(np.log10(width))
    step = magnitude * (0.5 if width / magnitude < 5 else 1.0)
    rounded = np.unique(np.round(np.round(quartiles / step) * step, 10))
    return [float(edge) for edge in rounded if known.min() < edge <= known.max()] or None
