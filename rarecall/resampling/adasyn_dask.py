"""ADASYN on a cluster: the same rows as on one machine, whatever the partitions and the number of workers.

Needs the extra `rarecall[dask]`. The majority's rows stay where they are; `rarecall.resampling.scattered` says what
travels. The search is exact, so the result equals `ADASYN(mode="exact")` on the same rows in the same order.
"""

import importlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rarecall.resampling.adasyn import ADASYN
from rarecall.resampling.draw import Drawn, as_arrow, draw, schema_of
from rarecall.resampling.partitions import frame_of, row_groups
from rarecall.resampling.plan import Ints, Plan
from rarecall.resampling.refusal import SamplingError
from rarecall.resampling.rules import Rules, told
from rarecall.resampling.scattered import Scattered, scattered


class Scaled:
    """Synthetic rows that are drawn where they are wanted.

    Attributes
    ----------
    plan : Plan
        Once the rows are drawn, also what the rules refused on all workers together.
    blocks : list of dask Delayed
        Each a `Drawn`.
    """

    def __init__(self, source: Scattered, sampler: ADASYN, *, blocks: int) -> None:
        self._source, self._most = source, sampler.max_redraws
        self.plan: Plan = source.plan
        dask = _dask()
        shared = [dask.delayed(value, traverse=False) for value in (source.local, source.minority, source.rows)]
        ends = np.linspace(0, source.plan.n_synthetic, max(1, blocks) + 1).astype(int).tolist()
        task = dask.delayed(_drawn, nout=2)
        self._drawn = [
            task(*shared, sampler.rules, sampler.max_redraws, start, stop)
            for start, stop in pairwise(ends)
            if start < stop
        ]
        self.blocks = [block for block, _ in self._drawn]

    def compute(self) -> tuple[pd.DataFrame, pa.Table]:
        """Return all synthetic rows, with their `class`, and their lineage."""
        drawn = _dask().compute(*self._drawn)
        if not drawn:
            drawn = (_drawn(self._source.local, self._source.minority, self._source.rows, None, 0, 0, 0),)
        rows = pd.concat([block.rows for block, _ in drawn], ignore_index=True)
        rows["class"] = np.concatenate([block.y for block, _ in drawn])
        self._tell((rejected for _, rejected in drawn), len(rows))
        return rows, pa.concat_tables([block.lineage for block, _ in drawn])

    def to_parquet(self, folder: str | Path) -> list[str]:
        """Let every worker write its rows and lineage into a folder that all of them see; return the files' names."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        dask = _dask()
        save = dask.delayed(_save)
        schema = schema_of(self._source.minority)
        saved = dask.compute(*(save(drawn, schema, folder, at) for at, drawn in enumerate(self._drawn)))
        self._tell((rejected for _, rejected, _ in saved), sum(made for *_, made in saved))
        return [name for names, *_ in saved for name in names]

    def _tell(self, rejected: Iterator[Mapping[str, int]], made: int) -> None:
        total: Counter[str] = Counter()
        for one in rejected:
            total.update(one)
        self.plan = told(self._source.plan, total, made, self._most)


def adasyn_dask(
    source: Any,
    label: str,
    *,
    sampler: ADASYN,
    ids: str | None = None,
    eligible: str | None = None,
    weights: str | None = None,
    cohorts: str | None = None,
    features: Sequence[str] | None = None,
) -> Scaled:
    """Plan on every partition, and return rows that will be drawn on the cluster.

    Parameters
    ----------
    source : dask DataFrame, path, or sequence of dask Delayed
        A path names a folder of Parquet files, read in the order of their names. The partitions are read three times:
        persist a frame that is dear to make.
    label : str
        The column that holds the class.
    sampler : ADASYN
        Its parameters are used; the search is exact.
    ids, eligible, weights, cohorts : str, optional
        Columns that hold what `ADASYN.fit_resample` takes by these names; they are no features.
    features : sequence of str, optional
        The other columns, where these are not all: what is not named is not read. Of a path only.

    Raises
    ------
    SamplingError
        As ADASYN does, where the partitions' columns differ, and when dask is not installed.
    """
    _dask()
    aside = [name for name in (label, ids, eligible, weights, cohorts) if name is not None]
    cluster = _Cluster(_parts_of(source, None if features is None else [*features, *aside]))
    found = scattered(cluster, label, sampler=sampler, ids=ids, eligible=eligible, weights=weights, cohorts=cohorts)
    return Scaled(found, sampler, blocks=cluster.n_parts)


class _Cluster:
    """Partitions where dask has them."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts, self.n_parts = parts, len(parts)

    def each(self, work: Callable[..., Any], own: Sequence[tuple[Any, ...]] | None, *shared: Any) -> Iterator[Any]:
        """Yield `work(frame, *own[i], *shared)` for every part, in order."""
        dask = _dask()
        task = dask.delayed(_worked)
        for_all = [dask.delayed(value, traverse=False) for value in shared]
        tasks = [
            task(work, part, mine, *for_all) for part, mine in zip(self.parts, own or [()] * self.n_parts, strict=True)
        ]
        yield from dask.compute(*tasks)


def _worked(work: Callable[..., Any], part: Any, own: tuple[Any, ...], *shared: Any) -> Any:
    return work(frame_of(part), *own, *shared)


def _dask() -> Any:
    """Return dask, which is an extra: imported by whoever scales out."""
    try:
        return importlib.import_module("dask")
    except ImportError as error:
        raise SamplingError("expected dask, which is not installed; run: pip install 'rarecall[dask]'") from error


def _parts_of(source: Any, columns: Sequence[str] | None) -> Sequence[Any]:
    if isinstance(source, str | Path):
        return row_groups(source, columns)
    return list(source.to_delayed()) if hasattr(source, "to_delayed") else list(source)


def _drawn(
    plan: Plan, minority: pd.DataFrame, numbers: Ints, rules: Any, max_redraws: int, start: int, stop: int
) -> tuple[Drawn, dict[str, int]]:
    """Return some of the plan's rows as one block, and how many draws each rule refused."""
    checked = Rules(rules)
    drawn = list(draw(plan, minority, rules=checked, max_redraws=max_redraws, start=start, stop=stop))
    block = Drawn(
        rows=pd.concat([block.rows for block in drawn], ignore_index=True),
        y=np.concatenate([block.y for block in drawn]),
        lineage=pa.concat_tables([block.lineage for block in drawn]),
        parents=numbers[np.concatenate([block.parents for block in drawn])],
    )
    return block, checked.rejected


def _save(
    drawn: tuple[Drawn, dict[str, int]], schema: pa.Schema, folder: str | Path, at: int
) -> tuple[list[str], dict[str, int], int]:
    block, rejected = drawn
    rows, lineage = Path(folder) / f"rows-{at:05d}.parquet", Path(folder) / f"lineage-{at:05d}.parquet"
    pq.write_table(as_arrow(block, schema), rows)
    pq.write_table(block.lineage, lineage)
    return [str(rows), str(lineage)], rejected, len(block.y)
