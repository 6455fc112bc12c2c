"""Lineage: synthetic rows made again from their parents, and what a real row gave rise to."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rarecall.errors import DataError
from rarecall.resampling.borrowed import Arithmetic, Draws, drawn_again
from rarecall.resampling.center import nearer, with_center
from rarecall.resampling.columns import Columns
from rarecall.resampling.course import Course
from rarecall.resampling.crowd import Crowd
from rarecall.resampling.draw import COURSE, METADATA
from rarecall.resampling.frame import Frame
from rarecall.resampling.interpolation import between
from rarecall.strategies.known import KNOWN
from rarecall.strategies.strategy import LINEAGE_OF, dotted


def rebuild(lineage: pa.Table, X: Any, *, ids: Any = None) -> Any:
    """Return the synthetic rows of a lineage, bit for bit as they were drawn.

    Parameters
    ----------
    lineage : pyarrow.Table
        A sampler's `lineage_`, or any rows of it.
    X : array, sparse matrix, DataFrame, polars or Arrow table
        Rows among which all parents and neighbours are, with the columns and types that were drawn from.
    ids : array-like, optional
        The rows' ids, as they were given to the sampler; none: the rows' numbers.

    Returns
    -------
    As X
        One row for each row of the lineage.

    Raises
    ------
    DataError
        When a parent is not among the ids.

    >>> from rarecall.resampling import ADASYN
    >>> X, y = np.array([[0.0], [1.0], [2.0], [1.1], [1.2], [5.0], [6.0]]), np.array([1, 1, 1, 0, 0, 0, 0])
    >>> sampler = ADASYN(random_state=0, n_neighbors=2)
    >>> drawn = sampler.fit_resample(X, y)[0][len(X):]
    >>> bool((rebuild(sampler.lineage_, X) == drawn).all())
    True
    """
    said = lineage.schema.metadata or {}
    if again := KNOWN[said[LINEAGE_OF].decode()].again if LINEAGE_OF in said else None:
        return dotted(again)(lineage, X, ids=ids)
    text, course = said.get(METADATA), Course.from_json(said.get(COURSE))
    if text is None:
        raise DataError("expected a lineage as a sampler wrote it, got one without the columns in its metadata")
    frame = Frame.of(X)
    known = pd.Index(np.arange(len(frame)) if ids is None else np.asarray(ids))
    if (crowd := Crowd.of(lineage)) and crowd.role == "taught":
        raise DataError(
            "expected rows with parents, got rows of a generator, which has none to make them again of; "
            "make them again by the project's augmentation with the same seed"
        )
    if crowd:
        return frame.like(_towards_center(lineage, frame.table, known, crowd))
    parents, neighbors = _numbers(known, lineage["parent_id"]), _numbers(known, lineage["neighbor_id"])
    if borrowed := Arithmetic.of(lineage):
        return frame.like(drawn_again(frame.table, borrowed, _draws(lineage, known, parents, neighbors)))
    voters = None
    if "voter_ids" in lineage.column_names:
        voters = _rectangle(
            _numbers(known, pc.list_flatten(lineage["voter_ids"])),
            pc.list_value_length(lineage["voter_ids"]).to_numpy(),
        )
    step, shares, columns = lineage["step"].to_numpy(), None, Columns.from_json(text)
    if not course.straight:
        seed, attempt, index = (lineage[name].to_numpy().astype(np.int64) for name in ("seed", "attempt", "index"))
        if voters is not None and course.n_mixed > 1:
            choice = (voters == neighbors[:, None]).argmax(axis=1)
            neighbors, shares = course.partners(voters, choice, seed, attempt, index)
        step = course.steps(step, seed, attempt, index, columns.n)
    rows = between(frame.table, parents, neighbors, voters, step, columns, shares=shares)
    return frame.like(rows)


def descendants(lineage: pa.Table, ids: Any) -> pa.Table:
    """Return the lineage of the synthetic rows that any of the real rows had a part in: parent, neighbour or voter.

    Where it has a crowd, such as the rows that taught a generator, these had a part in every row.
    """
    if (crowd := Crowd.of(lineage)) and not set(np.atleast_1d(np.asarray(ids)).tolist()).isdisjoint(crowd.ids):
        return lineage
    wanted = pa.array(np.atleast_1d(np.asarray(ids)))
    touched = np.zeros(len(lineage), dtype=bool)
    for name in ("parent_id", "neighbor_id"):
        column = lineage[name]
        touched |= pc.is_in(column, value_set=wanted.cast(column.type)).to_numpy(zero_copy_only=False)
    if "voter_ids" in lineage.column_names:
        flat = pc.list_flatten(lineage["voter_ids"])
        rows = pc.list_parent_indices(lineage["voter_ids"].combine_chunks()).to_numpy()
        touched[rows[pc.is_in(flat, value_set=wanted.cast(flat.type)).to_numpy(zero_copy_only=False)]] = True
    return lineage.filter(pa.array(touched))


def partners(lineage: pa.Table) -> list[dict[Any, float]]:
    """Return the neighbours that each synthetic row was drawn towards, by their ids, with the share of each.

    Where several are mixed the shares sum to 1; else there is one neighbour, and it has all. A row that was drawn
    towards the mean of a crowd, or that was generated, has none.

    Parameters
    ----------
    lineage : pyarrow.Table
        A sampler's `lineage_`, or any rows of it.

    Returns
    -------
    list of dict
        One for each row.
    """
    course = Course.from_json((lineage.schema.metadata or {}).get(COURSE))
    neighbors = lineage["neighbor_id"].to_pylist()
    if course.n_mixed == 1 or "voter_ids" not in lineage.column_names:
        return [{} if neighbor is None else {neighbor: 1.0} for neighbor in neighbors]
    voters = lineage["voter_ids"].to_pylist()
    lengths = np.array([len(ids) for ids in voters])
    places = _rectangle(np.concatenate([np.empty(0, dtype=int), *(np.arange(length) for length in lengths)]), lengths)
    first = np.array([ids.index(neighbor) for ids, neighbor in zip(voters, neighbors, strict=True)])
    drawn = (lineage[name].to_numpy().astype(np.int64) for name in ("seed", "attempt", "index"))
    chosen, shares = course.partners(places, first, *drawn)
    return [
        {ids[at]: share for at, share in zip(row, share_of, strict=True)}
        for ids, row, share_of in zip(voters, chosen.tolist(), np.asarray(shares).tolist(), strict=True)
    ]


def _towards_center(lineage: pa.Table, table: Any, known: "pd.Index[Any]", crowd: Crowd) -> Any:
    """Return rows that were drawn towards the mean of a crowd."""
    said = lineage.schema.metadata or {}
    columns, course = Columns.from_json(said[METADATA]), Course.from_json(said.get(COURSE))
    parents = _numbers(known, lineage["parent_id"])
    seed, attempt, index = (lineage[name].to_numpy().astype(np.int64) for name in ("seed", "attempt", "index"))
    whole, center = with_center(table, _numbers(known, pa.array(list(crowd.ids))), columns), table.shape[0]
    ends, step = np.full(len(parents), center), lineage["step"].to_numpy()
    voters = nearer(parents, center, step) if columns.categorical else None
    return between(whole, parents, ends, voters, course.steps(step, seed, attempt, index, columns.n), columns)


def _draws(lineage: pa.Table, known: "pd.Index[Any]", parents: Any, neighbors: Any) -> Draws:
    """Return what imbalanced-learn drew some rows with."""
    winners = None
    if "category_ids" in lineage.column_names:
        winners = _numbers(known, pc.list_flatten(lineage["category_ids"])).reshape(len(lineage), -1)
    reach = lineage["reach"].to_numpy() if "reach" in lineage.column_names else None
    return Draws(None, parents, neighbors, lineage["step"].to_numpy(), reach=reach, winners=winners)


def _rectangle(flat: Any, lengths: Any) -> Any:
    """Return voters with a row for each synthetic row; classes may have unlike numbers of them, and -1 has no vote."""
    voters = np.full((len(lengths), lengths.max(initial=0)), -1, dtype=np.int64)
    voters[np.arange(voters.shape[1]) < lengths[:, None]] = flat
    return voters


def _numbers(known: "pd.Index[Any]", ids: Any) -> Any:
    asked = ids.to_numpy()
    rows = known.get_indexer(asked)
    if len(rows) and rows.min() < 0:
        raise DataError(
            f"expected every parent among the rows, but {asked[rows.argmin()]!r} is missing; "
            "give the table the rows were drawn from and its ids"
        )
    return rows
