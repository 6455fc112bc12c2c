"""The harvest of a plan: the real rows and all rows of the plan behind them, drawn by several threads where it pays."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rarecall.neighbors import cores
from rarecall.resampling.columns import Columns
from rarecall.resampling.draw import BLOCK, METADATA, draw
from rarecall.resampling.frame import Frame
from rarecall.resampling.plan import Ints, Plan
from rarecall.resampling.rules import Rules

SPAN = 8 * BLOCK
"""Rows that a thread fills at a time: with fewer to draw, one thread is as fast."""


@dataclass(frozen=True)
class Harvest:
    """A resampled table.

    Attributes
    ----------
    X : as it came
        The real rows, unchanged and in order, and after them the synthetic ones.
    classes : ndarray of shape (n_rows_after,)
    origin : ndarray of int of shape (n_rows_after,)
        The row each row came from: itself, or its parent.
    lineage : pyarrow.Table
        A row for each synthetic row.
    """

    X: Any
    classes: NDArray[Any]
    origin: Ints
    lineage: pa.Table


def harvest(
    plan: Plan, frame: Frame, classes: NDArray[Any], rules: Rules, *, max_redraws: int, n_jobs: int | None
) -> Harvest:
    """Draw all rows of a plan.

    Parameters
    ----------
    plan : Plan
    frame : Frame
        The table that was planned for.
    classes : ndarray of shape (n_rows,)
    rules : Rules
        With any, one thread draws: they are their owner's functions.
    max_redraws : int
    n_jobs : int, optional
        Threads, by default as many as the process has cores; the rows do not depend on it.
    """
    # Filled as the blocks come: a list of them would hold everything twice before it is joined.
    n, most = len(frame), len(frame) + plan.n_synthetic
    all_classes, origin = np.empty(most, dtype=classes.dtype), np.arange(most)
    all_classes[:n] = classes
    lineage: list[pa.Table] = []

    def noted(start: int, stop: int | None) -> Iterator[tuple[slice, Any, pa.Table]]:
        at = n + start
        for block in draw(plan, frame.table, rules=rules, max_redraws=max_redraws, start=start, stop=stop):
            span = slice(at, at := at + len(block.y))
            all_classes[span], origin[span] = block.y, block.parents
            yield span, block.rows, block.lineage

    if rules or not isinstance(frame.table, np.ndarray):

        def blocks() -> Iterator[Any]:
            for _, rows, traced in noted(0, None):
                lineage.append(traced)
                yield rows

        X = frame.extended(blocks(), plan.n_synthetic)
    else:
        whole = np.empty((most, frame.table.shape[1]), dtype=frame.table.dtype)

        def fill(start: int) -> list[pa.Table]:
            if start < n:
                whole[start : min(start + SPAN, n)] = frame.table[start : start + SPAN]
                return []
            found = []
            for span, rows, traced in noted(start - n, start - n + SPAN):
                whole[span] = rows
                found.append(traced)
            return found

        with ThreadPoolExecutor(cores(n_jobs)) as pool:
            each = pool.map if plan.n_synthetic > SPAN else map
            lineage = [traced for part in each(fill, [*range(0, n, SPAN), *range(n, most, SPAN)]) for traced in part]
        X = frame.whole(whole)
    traced = pa.concat_tables(lineage) if lineage else _nothing(plan.columns)
    return Harvest(X, all_classes[: n + len(traced)], origin[: n + len(traced)], traced)


def _nothing(columns: Columns) -> pa.Table:
    """Return the lineage of no rows."""
    kinds = dict.fromkeys(("index", "class", "parent_id", "neighbor_id", "seed"), pa.int64())
    kinds |= {"step": pa.float64(), "difficulty": pa.float64(), "attempt": pa.int16()}
    return pa.schema(kinds.items(), metadata={METADATA: columns.to_json()}).empty_table()
