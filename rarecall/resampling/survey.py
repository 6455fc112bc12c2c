"""What one machine must know of a table that lies scattered: its minority, its scale, its categories' levels."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from rarecall.errors import nearest
from rarecall.resampling.columns import Columns
from rarecall.resampling.metric import Mixed, fold, mismatch, numbers_of, spreads, stride
from rarecall.resampling.partitions import Partitions
from rarecall.resampling.plan import Floats, Ints
from rarecall.resampling.refusal import SamplingError
from rarecall.resampling.schema import Schema, kinds_of
from rarecall.search.blocks import Matrix

HEAD = 1000
"""Rows of the table's beginning that tell how many bytes a row takes."""


@dataclass(frozen=True)
class Roll:
    """What is known of every row of a scattered table.

    Attributes
    ----------
    table : DataFrame
        The columns that are no features: class, id, cohort and so on.
    offsets : ndarray of int of shape (n_parts + 1,)
        The number of each part's first row.
    schema : Schema
    head : DataFrame
        The features of the first rows.
    """

    table: pd.DataFrame
    offsets: Ints
    schema: Schema
    head: pd.DataFrame

    @classmethod
    def of(cls, partitions: Partitions, aside: list[str]) -> "Roll":
        """Ask every part for what is set aside, and for the kinds of its features."""
        known, kinds, heads = zip(*partitions.each(_called, None, aside), strict=True)
        schema = Schema.of(kinds)
        offsets = np.concatenate([[0], np.cumsum([len(frame) for frame in known])])
        needed = int(np.searchsorted(offsets, HEAD)) + 1
        head = pd.concat([schema.features(frame) for frame in heads[:needed]], ignore_index=True).head(HEAD)
        # An empty part has no kinds to tell, and would turn the others' whole numbers into objects.
        return cls(pd.concat([part for part in known if len(part)] or known, ignore_index=True), offsets, schema, head)


@dataclass(frozen=True)
class Survey:
    """What one machine knows of a scattered table: its minority, its scale and its categories' levels."""

    schema: Schema
    rows: Ints
    minority: pd.DataFrame
    columns: Columns
    scale: tuple[Floats, Floats] | None
    levels: tuple[tuple[Any, Ints], ...]
    mismatch: float

    @classmethod
    def of(cls, partitions: Partitions, roll: Roll, rows: Ints, columns: Columns, *, scaling: str) -> "Survey":
        """Ask every part for its minority, its part of the sample and its categories' values."""
        size = stride(int(roll.offsets[-1]))
        own = [
            (rows[(rows >= start) & (rows < stop)] - start, (-start) % size)
            for start, stop in pairwise(roll.offsets.tolist())
        ]
        scaled = bool(columns.categorical) or scaling == "robust"
        sampled = size if scaled and scaling != "none" else None
        looks = partitions.each(_looked, own, sampled, roll.schema, columns)
        frames, samples, counts = zip(*looks, strict=True)
        minority = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
        levels = tuple(_merged([part[at] for part in counts]) for at in range(len(columns.categorical)))
        survey = cls(roll.schema, rows, minority, columns, None, levels, 1.0)
        if not scaled:
            return survey
        n = len(columns.numeric)
        center, spread = (np.zeros(n), np.ones(n)) if scaling == "none" else spreads(np.concatenate(samples))
        apart = mismatch((numbers_of(minority, columns) - center) / spread)
        return replace(survey, scale=(center, spread), mismatch=apart)

    def light(self) -> "Survey":
        """Return the survey without its rows, small enough to travel with every task."""
        return replace(self, minority=self.minority.iloc[:0], rows=self.rows[:0])

    def space(self, frame: pd.DataFrame) -> Matrix | Mixed:
        """Return the space of some rows of the table, their features alone, in the whole table's scale."""
        numbers = numbers_of(frame, self.columns)
        if self.scale is None:
            return Matrix(numbers)
        codes = np.empty((len(frame), len(self.columns.categorical)), dtype=np.int32)
        for place, (at, (values, folded)) in enumerate(zip(self.columns.categorical, self.levels, strict=True)):
            number, own = pd.factorize(frame.iloc[:, at], use_na_sentinel=False)
            code = {_key(value): folded[place_] for place_, value in enumerate(values)}
            codes[:, place] = np.array([code[_key(value)] for value in own], dtype=np.int32)[number]
        sizes = [int(folded.max(initial=0)) + 1 for _, folded in self.levels]
        center, spread = self.scale
        return Mixed(numbers, codes, sizes, center=center, spread=spread, mismatch=self.mismatch)


def _called(part: pd.DataFrame, aside: list[str]) -> tuple[pd.DataFrame, dict[str, Any], pd.DataFrame]:
    """Return what is set aside, the features' kinds, and the first rows."""
    known = [str(name) for name in part.columns]
    for name in aside:
        if name not in part.columns:
            raise SamplingError(f"expected a column of the table, got {name!r}{nearest(name, known)}")
    if len(set(known)) < len(known):
        raise SamplingError("expected a table whose columns differ in their names; rename those that are alike")
    features = part.drop(columns=aside)
    return part[aside].copy(), kinds_of(features), features.head(HEAD).copy()  # a slice would keep the whole part alive


def _looked(
    part: pd.DataFrame, rows: Ints, first: int, size: int | None, schema: Schema, columns: Columns
) -> tuple[pd.DataFrame, Floats, list[tuple[Any, Ints]]]:
    """Return a part's minority, its rows of the sample, and its categories' values in order of appearance."""
    features = schema.features(part)
    counted: list[tuple[Any, Ints]] = []
    for at in columns.categorical:
        number, values = pd.factorize(features.iloc[:, at], use_na_sentinel=False)
        counts: Ints = np.bincount(number, minlength=len(values))
        counted.append((list(values), counts))
    sample = features.iloc[:0] if size is None else features.iloc[first::size]
    return features.iloc[rows], numbers_of(sample.copy(), columns), counted


def _merged(counted: Iterable[tuple[Any, Ints]]) -> tuple[Any, Ints]:
    """Return a category's values in order of appearance in the whole table, and the level each counts as."""
    total: dict[Any, int] = {}
    for values, counts in counted:
        for value, count in zip(values, counts.tolist(), strict=True):
            total[_key(value)] = total.get(_key(value), 0) + count
    return list(total), fold(np.array(list(total.values()), dtype=np.int64))


def _key(value: Any) -> Any:
    return None if pd.isna(value) else value
