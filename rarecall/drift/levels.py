"""Levels of a category: its values by how common they were, one for all others, and one for what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST = 1000
"""Levels with a count of their own; what is rarer is counted together."""


@dataclass(frozen=True)
class Levels:
    """The values of a category that are told apart.

    Attributes
    ----------
    names : tuple of str
        The commonest first.
    is_whole : bool
        Whether the reference had no other, so that any other is new.

    Examples
    --------
    >>> known = Levels.of(pd.Series(["cook", "nurse", "cook", None]))
    >>> known.names, known.codes(pd.Series(["nurse", "pilot", None])).tolist()
    (('cook', 'nurse'), [1, 2, 3])
    """

    names: tuple[str, ...]
    is_whole: bool

    @classmethod
    def of(cls, column: "pd.Series[Any]") -> "Levels":
        """Return the levels of a column."""
        codes, names = factorized(column)
        counts = np.bincount(codes[codes >= 0], minlength=len(names))
        order = sorted(range(len(names)), key=lambda place: (-counts[place], names[place]))
        return cls(tuple(names[place] for place in order[:MOST]), len(names) <= MOST)

    @property
    def size(self) -> int:
        """How many cells there are: the levels, all others, and what is missing."""
        return len(self.names) + 2

    def codes(self, column: "pd.Series[Any]") -> NDArray[np.uint16]:
        """Return each row's cell, of shape (n_rows,)."""
        found, names = factorized(column)
        known = {name: place for place, name in enumerate(self.names)}
        place = [known.get(name, len(self.names)) for name in names]
        # What is missing has the code -1, which picks the last.
        cells: NDArray[np.uint16] = np.array([*place, len(self.names) + 1], dtype=np.uint16)[found]
        return cells


def factorized(column: "pd.Series[Any]") -> tuple[NDArray[np.intp], Sequence[str]]:
    """Return each row's place among the column's distinct values, -1 where it is missing, and these as texts.

    A truth value is written small and a whole number without its .0, as a snapshot writes them.
    """
    codes, values = pd.factorize(column)
    return codes, [_text(value) for value in values]


def _text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)
