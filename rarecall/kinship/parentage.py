"""Parentage: of whom each synthetic row of a dataset version was made, and whether it can be made again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rarecall.lineage import partners, rebuild
from rarecall.resampling.crowd import Crowd
from rarecall.strategies.known import KNOWN
from rarecall.strategies.strategy import dotted
from rarecall.transformations import MissingError
from rarecall.warehouse import Version

_SAID = {"difficulty": "r", "seed": "seed", "index": "index", "attempt": "attempt", "rule": "rule"}
"""What a lineage may say of a draw, by the names that the literature has for it."""


@dataclass(frozen=True, kw_only=True)
class Parentage:
    """A synthetic row's parents.

    Attributes
    ----------
    row : int
        Its `row_id`.
    parent : int or None
        None: it was generated.
    neighbors : dict of int to float
        The real rows that it was drawn towards, each with its share.
    voters : tuple of int
        The other rows that voted on its categories, or that it might have been drawn towards.
    step : float or None
        How far from the parent, 0 to 1.
    facts : dict
        `class`, and what the sampler kept of the draw: `r`, `seed`, `index`, `attempt`.
    is_rebuilt : bool or None
        Whether the lineage makes the row again, bit for bit; None: it was generated, so there is nothing to make it of,
        or what made it is not installed.
    crowd : Crowd or None
        The real rows that had a part in every row of its lineage.
    """

    row: int
    parent: int | None
    neighbors: dict[int, float]
    voters: tuple[int, ...]
    step: float | None
    facts: dict[str, Any]
    is_rebuilt: bool | None
    crowd: Crowd | None = None

    @property
    def real(self) -> tuple[int, ...]:
        """Every real row that had a part in it, but for the crowd's."""
        known = (self.parent,) if self.parent is not None else ()
        return tuple(dict.fromkeys((*known, *self.neighbors, *self.voters)))


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What all synthetic rows of a dataset version together were made of.

    Attributes
    ----------
    rows, parents, neighbors, real : int
        Synthetic rows; different rows among the parents, among the neighbours, and among all that had a part.
    """

    rows: int
    parents: int
    neighbors: int
    real: int


def synthetic_rows(dataset: Version) -> NDArray[np.int64]:
    """Return the `row_id` of each synthetic row of a dataset version, in the order of its lineage's rows."""
    rows = pd.read_parquet(dataset.file("train.parquet"), columns=["row_id", "is_synthetic"])
    made: NDArray[np.int64] = rows.loc[rows["is_synthetic"], "row_id"].to_numpy(dtype=np.int64)
    return made


def count(dataset: Version) -> Counts:
    """Count of how many real rows the synthetic rows of a dataset version were made."""
    lineage = _lineage(dataset)
    return Counts(
        rows=len(lineage),
        parents=pc.count_distinct(lineage["parent_id"]).as_py(),
        neighbors=pc.count_distinct(lineage["neighbor_id"]).as_py(),
        real=len(_real(lineage)),
    )


def trace(dataset: Version, rows: Sequence[int]) -> list[Parentage]:
    """Return of whom synthetic rows were made, in the order in which they are asked for.

    Parameters
    ----------
    dataset : Version
        With `train.parquet` and `lineage.parquet`.
    rows : sequence of int
        By their `row_id`; each must be synthetic.
    """
    if not len(rows):
        return []
    index = pd.Index(synthetic_rows(dataset)).get_indexer(pd.Index(np.asarray(rows, dtype=np.int64)))
    whole = _lineage(dataset)
    lineage = whole.take(index)  # by place: rows that broke a rule were left out, and their indexes with them
    crowd = Crowd.of(lineage)
    generated = crowd is not None and crowd.role == "taught"
    equal = [None] * len(rows) if generated else _rebuilt(dataset, lineage, rows)
    drawn_towards = partners(lineage)
    voters = lineage["voter_ids"].to_pylist() if "voter_ids" in lineage.column_names else [[]] * len(lineage)
    said = [name for name in _SAID if name in lineage.column_names]
    return [
        Parentage(
            row=int(row),
            parent=draw["parent_id"],
            neighbors=neighbors,
            voters=tuple(one for one in dict.fromkeys(votes) if one not in {draw["parent_id"], *neighbors}),
            step=draw["step"],
            facts={"class": draw["class"], **{_SAID[name]: draw[name] for name in said}},
            is_rebuilt=same,
            crowd=crowd,
        )
        for row, draw, neighbors, votes, same in zip(
            rows,
            lineage.select([*said, "class", "parent_id", "step"]).to_pylist(),
            drawn_towards,
            voters,
            equal,
            strict=True,
        )
    ]


def _lineage(dataset: Version) -> pa.Table:
    return pq.read_table(dataset.file("lineage.parquet"))


def _real(lineage: pa.Table) -> list[int]:
    """Return every real row that had a part in the synthetic rows of a lineage."""
    ids = [lineage["parent_id"], lineage["neighbor_id"]]
    ids += [pc.list_flatten(lineage[name]) for name in ("voter_ids", "category_ids") if name in lineage.column_names]
    found = pa.chunked_array([chunk for column in ids for chunk in column.chunks]).unique().drop_null().to_pylist()
    crowd = Crowd.of(lineage)
    return list(dict.fromkeys((*found, *crowd.ids))) if crowd else found


def _rebuilt(dataset: Version, lineage: pa.Table, rows: Sequence[int]) -> list[bool | None]:
    """Return which synthetic rows are, bit for bit, what their lineage makes again of their parents.

    None where that cannot be said, as the package that made them is not installed.
    """
    features = list(dataset.facts["features"])
    needed = [*_real(lineage), *map(int, rows)]
    kept = pd.read_parquet(
        dataset.file("train.parquet"),
        columns=["row_id", "is_synthetic", *features],
        filters=[("row_id", "in", needed)],
    )
    real = kept[~kept["is_synthetic"]]
    known = KNOWN.get(dataset.facts.get("sampler", ""))
    try:
        make = dotted(known.again) if known and known.again else rebuild
        again = make(lineage, real[features], ids=real["row_id"].to_numpy())
    except MissingError:
        return [None] * len(rows)
    made = kept.set_index("row_id").loc[list(rows), features]
    equal = np.full(len(rows), True)
    for name in features:
        equal &= _equal(made[name], again[name])
    return [bool(one) for one in equal]


def _equal(left: "pd.Series[Any]", right: "pd.Series[Any]") -> NDArray[np.bool_]:
    if pd.api.types.is_numeric_dtype(left.dtype) and left.dtype == right.dtype and isinstance(left.dtype, np.dtype):
        width = left.dtype.itemsize
        one, two = (np.ascontiguousarray(side).view(np.uint8).reshape(-1, width) for side in (left, right))
        return np.asarray((one == two).all(axis=1))
    # Text, or a nullable type, whose missing values have no bits of their own.
    text, other = (side.astype("string").to_numpy(dtype=object, na_value="\0") for side in (left, right))
    return np.asarray(text == other, dtype=bool)
