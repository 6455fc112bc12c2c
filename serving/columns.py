"""The columns that a served model reads, and what each of them may hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from struct import Struct
from typing import Any

import numpy as np
import orjson

_NAN = float("nan")


@dataclass(frozen=True)
class Columns:
    """A model's features.

    Attributes
    ----------
    names : tuple of str
        In the model's order.
    categories : dict of str to frozenset of str
        Of each categorical feature the values that were learned from; the others are numeric.
    required : frozenset of str
        Features of which the model does not take a missing value.
    """

    names: tuple[str, ...]
    categories: dict[str, frozenset[str]]
    required: frozenset[str] = frozenset()

    def unseen(self, cells: Sequence[Sequence[Any]]) -> list[str]:
        """Return the name of a column for each of its values that was never learned from.

        Parameters
        ----------
        cells : sequence of sequence
            Of each column, in the model's order, its values.

        >>> Columns(("amount", "job"), {"job": frozenset({"nurse"})}).unseen([[3.0, 4.0], ["astronaut", None]])
        ['job']
        """
        found: list[str] = []
        for place, name, known in self._categorical:
            if strange := set(cells[place]) - known - {None}:
                found += [name for value in cells[place] if value in strange]
        return found

    def unseen_of(self, row: Sequence[Any]) -> list[str]:
        """Return the same of one row."""
        return [
            name for place, name, known in self._categorical if (value := row[place]) is not None and value not in known
        ]

    def digest(self, row: Sequence[Any]) -> str:
        """Return the digest of a row's values, given in the model's order.

        It is BLAKE2b, 128 bits, of the numbers as little-endian doubles (NaN where one is missing) and then of the
        texts as JSON, each in the model's order.

        >>> Columns(("amount", "job"), {"job": frozenset()}).digest([1.5, "nurse"])
        'a44a0831e4a502b48e026570c7e19820'
        """
        numbers = self._numbers.pack(*[_NAN if (one := row[place]) is None else one for place in self._numeric])
        return blake2b(numbers + _texts([row[place] for place, _, _ in self._categorical]), digest_size=16).hexdigest()

    def digests(self, cells: Sequence[Any]) -> list[str]:
        """Return the same of each of many rows, given a column each."""
        numbers = np.array([cells[place] for place in self._numeric], dtype="<f8").T.tobytes()
        width, texts = 8 * len(self._numeric), [cells[place] for place, _, _ in self._categorical]
        rows = list(zip(*texts, strict=True)) if texts else [()] * len(cells[0])
        known = {row: _texts(row) for row in set(rows)}
        return [
            blake2b(numbers[place * width : place * width + width] + known[row], digest_size=16).hexdigest()
            for place, row in enumerate(rows)
        ]

    @cached_property
    def _numeric(self) -> list[int]:
        return [place for place, name in enumerate(self.names) if name not in self.categories]

    @cached_property
    def _numbers(self) -> Struct:
        return Struct(f"<{len(self._numeric)}d")

    @cached_property
    def _categorical(self) -> list[tuple[int, str, frozenset[str]]]:
        places = {name: place for place, name in enumerate(self.names)}
        return [(places[name], name, known) for name, known in self.categories.items()]

    @classmethod
    def of(cls, pipeline: Any, required: frozenset[str] = frozenset()) -> "Columns":
        """Return the columns of a pipeline as `rarecall.training.estimator` makes it."""
        columns = pipeline["columns"]
        categories: dict[str, frozenset[str]] = {}
        for name, fitted, chosen in columns.transformers_:
            if name == "categorical" and len(chosen):
                for column, values in zip(chosen, fitted.categories_, strict=True):
                    categories[str(column)] = frozenset(one for one in values if isinstance(one, str))
        names = tuple(str(name) for name in pipeline.feature_names_in_)
        used = {str(column) for name, _, chosen in columns.transformers_ if name != "remainder" for column in chosen}
        return cls(tuple(name for name in names if name in used), categories, required)


def _texts(values: Sequence[str | None]) -> bytes:
    return orjson.dumps(values) if values else b""
