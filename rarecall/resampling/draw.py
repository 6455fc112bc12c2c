"""Drawing: rows from a plan, block after block, each with its lineage."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from rarecall.resampling.interpolation import between
from rarecall.resampling.plan import ClassPlan, Plan
from rarecall.resampling.randomness import uniforms
from rarecall.resampling.rules import Rules

BLOCK = 1 << 12  # rows drawn at a time: a megabyte or so stays in the cache
GROUP = 1 << 5  # blocks written at a time: readers want row groups of 100,000 rows or so
METADATA = b"rarecall.columns"
COURSE = b"rarecall.course"

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Drawn:
    """One block of synthetic rows.

    Attributes
    ----------
    rows : ndarray, sparse matrix or DataFrame
        As the table they were drawn from.
    y : ndarray of shape (n,)
        Their classes.
    lineage : pyarrow.Table
        A row for each row: index, class, parent_id, neighbor_id, voter_ids (where there are categories, or
        several neighbours mixed), step, difficulty, attempt, seed.
    parents : ndarray of int of shape (n,)
        Row numbers of the parents.
    """

    rows: Any
    y: NDArray[Any]
    lineage: pa.Table
    parents: Ints


def draw(
    plan: Plan,
    X: Any,
    *,
    rules: Rules | None = None,
    max_redraws: int = 20,
    block_rows: int = BLOCK,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[Drawn]:
    """Yield the plan's rows in blocks.

    Parameters
    ----------
    plan : Plan
    X : ndarray, sparse matrix or DataFrame
        The table that was planned for; row numbers in the plan are its positions.
    rules : Rules, optional
        A row that breaks one is drawn again from the same parent, another neighbour and step, up to `max_redraws`
        times, and then left out.
    block_rows : int
        The rows do not depend on it.
    start, stop : int, optional
        Which synthetic rows, by index; by default all.
    """
    offset = 0
    for part in plan.classes:
        first, last = max(start - offset, 0), min(part.planned, (plan.n_synthetic if stop is None else stop) - offset)
        ends = np.cumsum(part.counts)
        for begin in range(first, last, block_rows):
            index = np.arange(begin, min(begin + block_rows, last))
            slot = np.searchsorted(ends, index, side="right")
            yield _block(plan, part, X, index + offset, slot, rules or Rules(None), max_redraws)
        offset += part.planned


def write(
    plan: Plan, X: Any, rows: str | Path, lineage: str | Path, *, rules: Rules | None = None, max_redraws: int = 20
) -> int:
    """Draw a plan's rows into two Parquet files, never more than a row group in memory; return how many there are.

    Parameters
    ----------
    rows, lineage : str or Path
        The files to be made. The rows have the table's columns and `class`; with no rows to draw there are no files.
    """
    written = 0
    rows_writer = lineage_writer = None
    schema, blocks = schema_of(X), draw(plan, X, rules=rules, max_redraws=max_redraws)
    try:
        while held := list(islice(blocks, GROUP)):
            table = pa.concat_tables([as_arrow(drawn, schema) for drawn in held])
            traced = pa.concat_tables([drawn.lineage for drawn in held])
            rows_writer = rows_writer or pq.ParquetWriter(rows, table.schema)
            lineage_writer = lineage_writer or pq.ParquetWriter(lineage, traced.schema)
            rows_writer.write_table(table)
            lineage_writer.write_table(traced)
            written += len(table)
    finally:
        for writer in (rows_writer, lineage_writer):
            if writer is not None:
                writer.close()
    return written


def schema_of(X: Any) -> pa.Schema | None:
    """Return the Arrow types of a DataFrame: a block in which a column misses all values would not tell its own."""
    return pa.Schema.from_pandas(X, preserve_index=False) if isinstance(X, pd.DataFrame) else None


def as_arrow(drawn: Drawn, schema: pa.Schema | None) -> pa.Table:
    """Return a block's rows with their class; an array's columns are named by position.

    Parameters
    ----------
    schema : pyarrow.Schema, optional
        As `schema_of` the table that was drawn from.
    """
    rows = drawn.rows.toarray() if sparse.issparse(drawn.rows) else drawn.rows
    if isinstance(rows, pd.DataFrame):
        table = pa.Table.from_pandas(rows, schema=schema, preserve_index=False)
    else:
        table = pa.table({str(at): pa.array(np.ascontiguousarray(rows[:, at])) for at in range(rows.shape[1])})
    return table.append_column("class", pa.array(drawn.y))


def _block(plan: Plan, part: ClassPlan, X: Any, index: Ints, slot: Ints, rules: Rules, max_redraws: int) -> Drawn:
    step, choice = _steps(plan.seed, 0, index, part)
    attempt = np.zeros(len(index), dtype=np.int16)
    rows = _rows(plan, part, X, index, slot, choice, step, attempt)
    if rules:
        broken = np.flatnonzero(~rules.passed(rows))
        for again in range(1, max_redraws + 1):
            if not len(broken):
                break
            new_step, new_choice = _steps(plan.seed, again, index[broken], part)
            step[broken], choice[broken], attempt[broken] = new_step, new_choice, again
            tried = _rows(plan, part, X, index[broken], slot[broken], new_choice, new_step, attempt[broken])
            passed = rules.passed(tried)
            broken = broken[~passed]
        kept = np.setdiff1d(np.arange(len(index)), broken)
        index, slot, step, choice, attempt = index[kept], slot[kept], step[kept], choice[kept], attempt[kept]
        rows = _rows(plan, part, X, index, slot, choice, step, attempt)
    y = np.full(len(index), part.label)
    return Drawn(rows, y, _lineage(plan, part, index, slot, choice, step, attempt), part.parents[slot])


def _steps(seed: int, attempt: int, index: Ints, part: ClassPlan) -> tuple[NDArray[np.float64], Ints]:
    """Return each row's step and which of its parent's neighbours it goes to."""
    if not len(index):
        return np.empty(0), np.empty(0, dtype=np.int64)
    first = int(index[0])
    numbers = uniforms(seed, attempt, first, int(index[-1]) + 1)[index - first]
    return numbers[:, 1].copy(), (numbers[:, 0] * part.neighbors.shape[1]).astype(np.int64)


def _rows(
    plan: Plan, part: ClassPlan, X: Any, index: Ints, slot: Ints, choice: Ints, step: NDArray[np.float64], attempt: Ints
) -> Any:
    nearest = part.neighbors[slot]
    voters = nearest if plan.columns.categorical else None
    row = np.full(len(index), plan.seed), attempt, index
    neighbors, shares = plan.course.partners(nearest, choice, *row)
    steps = plan.course.steps(step, *row, X.shape[1])
    return between(X, part.parents[slot], neighbors, voters, steps, plan.columns, shares=shares)


@lru_cache(maxsize=64, typed=True)
def _same(value: Any, n: int) -> pa.Array:
    """Return an array of one value: nearly all blocks are of one size, so that they share it and its memory."""
    return pa.array(np.full(n, value))


def _lineage(
    plan: Plan, part: ClassPlan, index: Ints, slot: Ints, choice: Ints, step: NDArray[np.float64], attempt: Ints
) -> pa.Table:
    def ids(rows: Ints) -> pa.Array:
        return pa.array(rows if plan.ids is None else plan.ids[rows])

    neighbors = part.neighbors[slot]
    columns = {
        "index": pa.array(index),
        "class": _same(part.label, len(index)),
        "parent_id": ids(part.parents[slot]),
        "neighbor_id": ids(part.neighbors[slot, choice]),
        "step": pa.array(step),
        "difficulty": pa.array(part.difficulty[slot]),
        "attempt": pa.array(attempt.astype(np.int16)),
        "seed": _same(np.int64(plan.seed), len(index)),
    }
    if plan.columns.categorical or plan.course.n_mixed > 1:
        width = neighbors.shape[1]
        flat = ids(neighbors.ravel())
        columns["voter_ids"] = pa.ListArray.from_arrays(
            pa.array(np.arange(0, len(flat) + 1, width, dtype=np.int32)), flat
        )
    return pa.table(columns).replace_schema_metadata({METADATA: plan.columns.to_json(), COURSE: plan.course.to_json()})
