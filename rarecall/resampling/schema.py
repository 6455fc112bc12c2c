"""The columns of a table that lies in parts: the same names and kinds in each, or a sentence on what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_object_dtype, is_string_dtype, union_categoricals

from rarecall.resampling.refusal import SamplingError


@dataclass(frozen=True)
class Schema:
    """A column's kind by its name, in the order of the first part.

    A part that misses all values of a column says nothing of its kind. Whole numbers beside fractions are fractions,
    and a category has the levels of all parts, in the order of the parts: as if the table had been read in one piece.
    """

    kinds: dict[Any, Any]

    @classmethod
    def of(cls, parts: Sequence[dict[Any, Any]]) -> Self:
        """Return what the parts have in common.

        Parameters
        ----------
        parts : sequence of dict of name to (dtype, bool)
            As `kinds_of` returns them.

        Raises
        ------
        SamplingError
            When a part lacks a column or has one more, or a column holds kinds that do not go together.

        >>> parts = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [0.5]}), pd.DataFrame({"a": [None]})
        >>> Schema.of([kinds_of(part) for part in parts]).kinds
        {'a': dtype('float64')}
        """
        for at, part in enumerate(parts):
            if differing := sorted(set(parts[0]) ^ set(part), key=str):
                lacks = "lacks" if differing[0] in parts[0] else "also has"
                raise SamplingError(
                    f"expected the same columns in every part, but part {at} {lacks} {differing[0]!r}; "
                    "write the parts with the same columns"
                )
        return cls({name: _common(name, [part[name] for part in parts]) for name in parts[0]})

    def features(self, part: pd.DataFrame) -> pd.DataFrame:
        """Return a part's features, in the table's order and kinds."""
        return part[list(self.kinds)].astype(self.kinds)


def kinds_of(features: pd.DataFrame) -> dict[Any, tuple[Any, bool]]:
    """Return each column's dtype, and whether it is more than what pandas takes where there is no value at all.

    >>> kinds_of(pd.DataFrame({"a": [1.0, None], "b": [None, None]}))
    {'a': (dtype('float64'), True), 'b': (dtype('O'), False)}
    """
    return {
        name: (column.dtype, not (column.dtype in (object, np.float64) and column.isna().all()))
        for name, column in features.items()
    }


def _common(name: Any, found: list[tuple[Any, bool]]) -> Any:
    told = [kind if tells else None for kind, tells in found]
    known = list(dict.fromkeys(kind for kind in told if kind is not None))
    if not known:
        return found[0][0]
    if all(map(_has_levels, known)):
        return _levels(name, known, told)
    kind: Any = known[0] if len(known) == 1 else pd.concat([pd.Series(dtype=each) for each in known]).dtype
    if is_object_dtype(kind) and not all(map(_is_voted, known)):
        raise _refusal(name, known, told)
    if None in told and isinstance(kind, np.dtype) and kind.kind in "iub":
        return np.dtype(object if kind.kind == "b" else float)  # as pandas reads them where some are missing
    return kind


def _levels(name: Any, known: list[Any], told: list[Any]) -> Any:
    if len(known) == 1:
        return known[0]
    try:
        return union_categoricals([pd.Categorical([], dtype=kind) for kind in known]).dtype
    except TypeError as error:  # ordered ones have no order together, and numbers and text no levels
        raise _refusal(name, known, told) from error


def _is_voted(kind: Any) -> bool:
    return is_object_dtype(kind) or is_bool_dtype(kind) or is_string_dtype(kind) or _has_levels(kind)


def _refusal(name: Any, known: list[Any], told: list[Any]) -> SamplingError:
    def shown(kind: Any) -> str:
        if not _has_levels(kind):
            return str(kind)
        return f"{'ordered ' if kind.ordered else ''}category of {kind.categories.dtype}"

    first, other = known[0], next(kind for kind in known[1:] if kind != known[0])
    return SamplingError(
        f"expected one kind of value in column {name!r}, got {shown(first)} in part {told.index(first)} and "
        f"{shown(other)} in part {told.index(other)}; write the parts with one type"
    )


def _has_levels(kind: Any) -> bool:
    return isinstance(kind, pd.CategoricalDtype)
