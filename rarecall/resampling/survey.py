"""What one machine must know of a table that lies scattered: its minority, its scale, its categories' levels."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rarecall.blocks import Matrix
from rarecall.resampling.columns import Columns
from rarecall.resampling.metric import Mixed, fold, mismatch, numbers_of, spreads, stride
from rarecall.resampling.plan import Floats, Ints


@dataclass(frozen=True)
class Survey:
    """What one machine knows of a scattered table: its minority, its scale and its categories' levels."""

    parts: list[Any]
    aside: list[str]
    offsets: Ints
    rows: Ints
    minority: pd.DataFrame
    columns: Columns
    scale: tuple[Floats, Floats] | None
    levels: tuple[tuple[Any, Ints], ...]
    mismatch: float

    @classmethod
    def of(
        cls, dask: Any, parts: list[Any], aside: list[str], offsets: Ints, rows: Ints, columns: Columns, *, scaling: str
    ) -> "Survey":
        """Ask every partition for its minority, its part of the sample and its categories' values."""
        look = dask.delayed(_look)
        size = stride(int(offsets[-1]))
        found = dask.compute(
            *(
                look(part, aside, rows[(rows >= start) & (rows < stop)] - start, (-start) % size, size, columns)
                for part, start, stop in zip(parts, offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
            )
        )
        minority = pd.concat([frame for frame, _, _ in found], ignore_index=True)
        levels = tuple(_merged([counts[at] for _, _, counts in found]) for at in range(len(columns.categorical)))
        if not columns.categorical and scaling != "robust":
            return cls(parts, aside, offsets, rows, minority, columns, None, levels, 1.0)
        sample = np.concatenate([sample for _, sample, _ in found])
        n = len(columns.numeric)
        center, spread = (np.zeros(n), np.ones(n)) if scaling == "none" else spreads(sample)
        apart = mismatch((numbers_of(minority, columns) - center) / spread)
        return cls(parts, aside, offsets, rows, minority, columns, (center, spread), levels, apart)

    def space(self, frame: pd.DataFrame) -> Matrix | Mixed:
        """Return the space of some rows of the table, in the whole table's scale."""
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


def _look(
    part: pd.DataFrame, aside: list[str], rows: Ints, first: int, size: int, columns: Columns
) -> tuple[pd.DataFrame, Floats, list[tuple[Any, Ints]]]:
    """Return a partition's minority, its rows of the sample, and its categories' values in order of appearance."""
    features = part.drop(columns=aside)
    counted: list[tuple[Any, Ints]] = []
    for at in columns.categorical:
        number, values = pd.factorize(features.iloc[:, at], use_na_sentinel=False)
        counts: Ints = np.bincount(number, minlength=len(values))
        counted.append((list(values), counts))
    return features.iloc[rows], numbers_of(features.iloc[first::size], columns), counted


def _merged(counted: Iterable[tuple[Any, Ints]]) -> tuple[Any, Ints]:
    """Return a category's values in order of appearance in the whole table, and the level each counts as."""
    total: dict[Any, int] = {}
    for values, counts in counted:
        for value, count in zip(values, counts.tolist(), strict=True):
            total[_key(value)] = total.get(_key(value), 0) + count
    return list(total), fold(np.array(list(total.values()), dtype=np.int64))


def _key(value: Any) -> Any:
    return None if pd.isna(value) else value
