"""What a sampler must know of a table's columns to draw values that could stand in them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse

from rarecall.errors import nearest
from rarecall.resampling.refusal import SamplingError


@dataclass(frozen=True)
class Columns:
    """Columns by position: which are drawn by vote, and what the drawn numbers are held to.

    Attributes
    ----------
    n : int
        How many columns.
    categorical : tuple of int
        Drawn by a vote of the neighbours; all others are interpolated.
    steps : dict of int to float
        Drawn numbers are rounded to whole multiples of the step.
    bounds : dict of int to (float or None, float or None)
        Drawn numbers are held between these.
    """

    n: int
    categorical: tuple[int, ...] = ()
    steps: Mapping[int, float] | None = None
    bounds: Mapping[int, tuple[float | None, float | None]] | None = None

    @property
    def numeric(self) -> tuple[int, ...]:
        """The columns that are interpolated."""
        voted = set(self.categorical)
        return tuple(position for position in range(self.n) if position not in voted)

    def to_json(self) -> str:
        """Return the text that `from_json` reads; it travels in the lineage's metadata."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the columns that `to_json` wrote."""
        value = json.loads(text)
        steps = {int(key): step for key, step in (value["steps"] or {}).items()}
        bounds = {int(key): (low, high) for key, (low, high) in (value["bounds"] or {}).items()}
        return cls(n=value["n"], categorical=tuple(value["categorical"]), steps=steps, bounds=bounds)


def describe(
    X: Any,
    *,
    categorical: str | Sequence[Any] | None,
    steps: Mapping[Any, float] | None,
    bounds: Mapping[Any, tuple[float | None, float | None]] | None,
) -> Columns:
    """Return the columns of a DataFrame, array or sparse matrix.

    Parameters
    ----------
    categorical : "auto" or sequence, optional
        Names, positions or a mask. "auto" takes a DataFrame's categorical, text, object and boolean columns.
    steps, bounds : mapping of name or position, optional

    >>> frame = pd.DataFrame({"job": ["a", "b"], "age": [30, 41]})
    >>> describe(frame, categorical="auto", steps=None, bounds=None).categorical
    (0,)
    """
    names = [str(name) for name in X.columns] if isinstance(X, pd.DataFrame) else []
    n = X.shape[1]
    if isinstance(categorical, str):
        voted = [at for at in range(n) if isinstance(X, pd.DataFrame) and _is_categorical(X.dtypes.iloc[at])]
    elif categorical is None:
        voted = []
    else:
        given = np.asarray(categorical)
        voted = np.flatnonzero(given).tolist() if given.dtype == bool else [_position(c, names, n) for c in categorical]
    columns = Columns(
        n=n,
        categorical=tuple(sorted(set(voted))),
        steps={_position(key, names, n): float(step) for key, step in (steps or {}).items()},
        bounds={_position(key, names, n): (low, high) for key, (low, high) in (bounds or {}).items()},
    )
    _check_holds(columns, names)
    if sparse.issparse(X) and (columns.categorical or columns.steps or columns.bounds):
        raise SamplingError(
            "expected no categories, steps or bounds with a sparse matrix, which leaves zeros out; give a dense table"
        )
    if isinstance(X, pd.DataFrame):
        for at in columns.numeric:
            if _is_categorical(X.dtypes.iloc[at]):
                raise SamplingError(
                    f"expected numbers in column {names[at]!r}, got {X.dtypes.iloc[at]}; "
                    "name it in categorical_features or leave categorical_features at 'auto'"
                )
    return columns


def _check_holds(columns: Columns, names: list[str]) -> None:
    """Refuse steps and bounds that no drawn number could be held to."""
    for at in {*(columns.steps or ()), *(columns.bounds or ())} & set(columns.categorical):
        raise SamplingError(
            f"expected a numeric column for steps and bounds, but {names[at] if names else at!r} is drawn by a vote; "
            "leave it out of them, or out of categorical_features"
        )
    for at, step in (columns.steps or {}).items():
        if not 0.0 < step < math.inf:
            raise SamplingError(f"expected a step above zero for column {names[at] if names else at!r}, got {step}")
    for at, (low, high) in (columns.bounds or {}).items():
        plain = all(bound is None or isinstance(bound, Real) for bound in (low, high))
        if not plain or not (low is None or high is None or low <= high):
            raise SamplingError(
                f"expected bounds (low, high) in numbers, or None, for column {names[at] if names else at!r}, "
                f"got ({low}, {high})"
            )


def _is_categorical(dtype: Any) -> bool:
    if isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype):
        return True
    return not (
        pd.api.types.is_numeric_dtype(dtype)
        or pd.api.types.is_datetime64_any_dtype(dtype)
        or pd.api.types.is_timedelta64_dtype(dtype)
    )


def _position(key: Any, names: list[str], n: int) -> int:
    if isinstance(key, int | np.integer) and -n <= key < n:
        return int(key) % n
    if str(key) in names:
        return names.index(str(key))
    raise SamplingError(f"expected a column of the table, got {key!r}{nearest(str(key), names)}")
