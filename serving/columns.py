"""The columns that a served model reads, and what each of them may hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any


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
        return [
            name
            for place, name, known in self._categorical
            for value in cells[place]
            if value is not None and value not in known
        ]

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
