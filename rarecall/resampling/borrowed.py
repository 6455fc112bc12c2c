"""Rows that imbalanced-learn drew: their lineage, and its own arithmetic, by which they are made again bit for bit.

It draws in one type for the whole table and casts to the columns' types at the end, which cuts whole numbers off where
ADASYN rounds them. So these rows cannot be made again by `rarecall.resampling.interpolation`.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from rarecall.resampling.columns import Columns
from rarecall.resampling.draw import METADATA

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]

ARITHMETIC = b"rarecall.arithmetic"


@dataclass(frozen=True)
class Arithmetic:
    """How the numbers of a table were drawn.

    Attributes
    ----------
    kind : str or None
        The type that they were drawn in; None: the rows are copies of their parents.
    categorical : tuple of int
        Columns whose values are those of the rows in `category_ids`, in this order.
    """

    kind: str | None
    categorical: tuple[int, ...] = ()

    @classmethod
    def of(cls, lineage: pa.Table) -> Self | None:
        """Return the arithmetic of a lineage, or None where the rows are ADASYN's."""
        text = (lineage.schema.metadata or {}).get(ARITHMETIC)
        if text is None:
            return None
        value = json.loads(text)
        return cls(value["kind"], tuple(value["categorical"]))


@dataclass(frozen=True)
class Draws:
    """What one class's rows were drawn with, by row numbers of the table.

    Attributes
    ----------
    parents, neighbors : ndarray of int of shape (n,)
    step : ndarray of shape (n,)
    reach : ndarray of shape (n,), optional
        The share of the way to the neighbour that the step is a share of: Borderline-SMOTE 2 goes half as far at most
        towards a neighbour of another class.
    voters : ndarray of int of shape (n, k), optional
        The neighbours that voted on the categories.
    winners : ndarray of int of shape (n, n_categorical), optional
        For each category a row that holds the one that won.
    """

    label: Any
    parents: Ints
    neighbors: Ints
    step: Floats
    reach: Floats | None = None
    voters: Ints | None = None
    winners: Ints | None = None


def lineage_of(draws: list[Draws], n_columns: int, arithmetic: Arithmetic) -> pa.Table:
    """Return the lineage of the rows of some classes, in their order."""
    counts = [len(one.step) for one in draws]
    table = {
        "index": pa.array(np.arange(sum(counts))),
        "class": pa.array(np.repeat(np.array([one.label for one in draws]), counts) if draws else []),
        "parent_id": pa.array(np.concatenate([[], *(one.parents for one in draws)]).astype(np.int64)),
        "neighbor_id": pa.array(np.concatenate([[], *(one.neighbors for one in draws)]).astype(np.int64)),
        "step": pa.array(np.concatenate([[], *(one.step for one in draws)])),
    }
    if any(one.reach is not None for one in draws):
        table["reach"] = pa.array(np.concatenate([one.reach for one in draws if one.reach is not None]))
    for name, lists in (("voter_ids", [one.voters for one in draws]), ("category_ids", [one.winners for one in draws])):
        if arithmetic.categorical:
            table[name] = pa.array(
                [row for rows in lists if rows is not None for row in rows.tolist()], pa.list_(pa.int64())
            )
    columns = Columns(n=n_columns, categorical=arithmetic.categorical)
    return pa.table(table).replace_schema_metadata(
        {METADATA: columns.to_json(), ARITHMETIC: json.dumps(asdict(arithmetic), sort_keys=True)}
    )


def drawn_again(X: Any, arithmetic: Arithmetic, draws: Draws) -> Any:
    """Return the rows of some draws, as imbalanced-learn computed them.

    Parameters
    ----------
    X : ndarray, sparse matrix or DataFrame
        The table that was drawn from; `draws` number its rows.
    """
    if arithmetic.kind is None:
        return X.iloc[draws.parents].reset_index(drop=True) if isinstance(X, pd.DataFrame) else X[draws.parents]
    if sparse.issparse(X):
        start = X[draws.parents]
        way = X[draws.neighbors] - start
        if draws.reach is not None:
            way = type(X)(way.multiply(draws.reach[:, None])).astype(X.dtype)
        return type(X)((start + type(X)(draws.step[:, None]).multiply(way)).astype(X.dtype))
    numeric = [at for at in range(X.shape[1]) if at not in set(arithmetic.categorical)]
    if isinstance(X, pd.DataFrame):
        numbers = _line(X.iloc[:, numeric].to_numpy(dtype=arithmetic.kind), draws)
        columns: dict[int, Any] = dict(zip(numeric, numbers.T, strict=True))
        for place, at in enumerate(arithmetic.categorical):
            columns[at] = X.iloc[_winners(draws)[:, place], at].reset_index(drop=True)
        return pd.DataFrame({at: columns[at] for at in range(X.shape[1])}).set_axis(X.columns, axis=1)
    rows = np.empty((len(draws.step), X.shape[1]), dtype=X.dtype)
    rows[:, numeric] = _line(X[:, numeric].astype(arithmetic.kind), draws)
    for place, at in enumerate(arithmetic.categorical):
        rows[:, at] = X[_winners(draws)[:, place], at]
    return rows


def _line(numbers: NDArray[Any], draws: Draws) -> NDArray[Any]:
    way = numbers[draws.neighbors] - numbers[draws.parents]
    if draws.reach is not None:
        way = (way * draws.reach[:, None]).astype(way.dtype)
    rows: NDArray[Any] = (numbers[draws.parents] + draws.step[:, None] * way).astype(numbers.dtype)
    return rows


def _winners(draws: Draws) -> Ints:
    assert draws.winners is not None  # noqa: S101 - a lineage with categories has them
    return draws.winners
