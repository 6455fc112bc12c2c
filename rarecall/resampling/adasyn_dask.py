"""ADASYN on a cluster: the same rows as on one machine, whatever the partitions and the number of workers.

Needs the extra `rarecall[dask]`. What travels are the classes, a sample for the scale, the minority rows, and each
partition's k best neighbours of them; the majority's rows stay where they are. The search is exact, so the result
equals `ADASYN(mode="exact")` on the same rows in the same order.
"""

import importlib
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rarecall.blocks import Matrix, Table
from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.adasyn import ADASYN, row_bytes
from rarecall.resampling.annotations import Annotations
from rarecall.resampling.draw import Drawn, as_arrow, draw
from rarecall.resampling.metric import Mixed
from rarecall.resampling.plan import Floats, Ints, Plan
from rarecall.resampling.planning import Planner
from rarecall.resampling.refusal import SamplingError
from rarecall.resampling.rules import Rules
from rarecall.resampling.survey import Survey
from rarecall.topk import TopK


@dataclass(frozen=True)
class Scaled:
    """Synthetic rows that are drawn where they are wanted.

    Attributes
    ----------
    plan : Plan
    blocks : list of dask Delayed
        Each a `Drawn`.
    """

    plan: Plan
    blocks: list[Any]

    def compute(self) -> tuple[pd.DataFrame, pa.Table]:
        """Return all synthetic rows, with their `class`, and their lineage."""
        dask = _dask()
        drawn = dask.compute(*self.blocks)
        rows = pd.concat([block.rows for block in drawn], ignore_index=True)
        rows["class"] = np.concatenate([block.y for block in drawn])
        return rows, pa.concat_tables([block.lineage for block in drawn])

    def to_parquet(self, folder: str | Path) -> list[str]:
        """Let every worker write its rows and lineage into a folder that all of them see; return the files' names."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        dask = _dask()
        save = dask.delayed(_save)
        return [
            name
            for pair in dask.compute(*(save(block, folder, at) for at, block in enumerate(self.blocks)))
            for name in pair
        ]


def adasyn_dask(
    source: Any,
    label: str,
    *,
    sampler: ADASYN,
    ids: str | None = None,
    eligible: str | None = None,
    weights: str | None = None,
    cohorts: str | None = None,
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

    Raises
    ------
    SamplingError
        As ADASYN does, and when dask is not installed.
    """
    dask = _dask()
    aside = [name for name in (label, ids, eligible, weights, cohorts) if name is not None]
    parts = _partitions(source)
    sampler._validate_params()  # noqa: SLF001 - scikit-learn's hook, which fit_resample would run
    known, heads = zip(*dask.compute(*(dask.delayed(_set_aside)(part, aside) for part in parts)), strict=True)
    table = pd.concat(known, ignore_index=True)
    y = table[label].to_numpy()
    wanted = sampler._wanted(y)  # noqa: SLF001 - this file is the sampler's other half
    columns = sampler._columns(heads[0])  # noqa: SLF001 - as above
    notes = Annotations.of(
        len(y),
        ids=None if ids is None else table[ids],
        eligible=None if eligible is None else table[eligible].to_numpy(dtype=bool),
        weights=None if weights is None else table[weights],
        cohorts=None if cohorts is None else table[cohorts],
        factors=sampler.cohort_factors,
    )
    minority = np.flatnonzero(np.isin(y, list(wanted)) & notes.eligible)
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in known])])
    survey = Survey.of(dask, parts, aside, offsets, minority, columns, scaling=sampler.scaling)
    planner = _Scattered(
        space=survey.space(survey.minority),
        y=y,
        known=notes,
        survey=survey,
        **sampler._choices() | {"neighbors": FaissNeighbors(mode="exact", n_jobs=sampler.n_jobs)},  # noqa: SLF001 - as above
    )
    plan = planner.plan(wanted, columns, row_bytes=row_bytes(survey.minority))
    return Scaled(plan, _drawing(plan, survey, sampler, blocks=len(parts)))


@dataclass
class _Scattered(Planner):
    """A planner whose rows lie elsewhere: the space it holds is the minority's alone."""

    survey: Survey = field(kw_only=True)

    def among_all(self, rows: Ints, k: int) -> tuple[Floats, Ints]:
        """Ask every partition for its best, and keep the best of these; equals go to the lower row number."""
        queries = self.space.take(np.searchsorted(self.survey.rows, rows))
        dask = _dask()
        ask = dask.delayed(_best)
        asked, rows_, scale = dask.delayed(queries), dask.delayed(rows), dask.delayed(self._scale())
        found = dask.compute(
            *(
                ask(part, self.survey.aside, start, asked, rows_, k, scale)
                for part, start in zip(self.survey.parts, self.survey.offsets[:-1].tolist(), strict=True)
            )
        )
        squared = np.concatenate([distance for distance, _ in found], axis=1)
        ids = np.concatenate([numbers for _, numbers in found], axis=1)
        order = np.lexsort((np.where(ids < 0, np.iinfo(np.int64).max, ids), squared), axis=1)[:, :k]
        self.recalls.append(1.0)
        return np.sqrt(np.take_along_axis(squared, order, axis=1)), np.take_along_axis(ids, order, axis=1)

    def space_of(self, rows: Ints) -> Table:
        """Return the space of some minority rows."""
        places = np.searchsorted(self.survey.rows, rows)
        return self.space.part(places) if isinstance(self.space, Mixed) else Matrix(self.space.X[places])

    def _scale(self) -> Survey:
        """Return the survey without its rows, small enough to travel with every task."""
        return replace(self.survey, parts=[], minority=self.survey.minority.iloc[:0])


def _dask() -> Any:
    """Return dask, which is an extra: imported by whoever scales out."""
    try:
        return importlib.import_module("dask")
    except ImportError as error:
        raise SamplingError("expected dask, which is not installed; run: pip install 'rarecall[dask]'") from error


def _partitions(source: Any) -> list[Any]:
    if isinstance(source, str | Path):
        path = Path(source)
        files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        if not files:
            raise SamplingError(f"expected Parquet files in {path}, found none; give the folder that holds them")
        dask = _dask()
        return [dask.delayed(pd.read_parquet)(file) for file in files]
    return list(source.to_delayed()) if hasattr(source, "to_delayed") else list(source)


def _set_aside(part: pd.DataFrame, aside: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return part[aside], part.drop(columns=aside).iloc[:0]


def _best(
    part: pd.DataFrame, aside: list[str], start: int, queries: Floats, rows: Ints, k: int, survey: Survey
) -> tuple[Floats, Ints]:
    space = survey.space(part.drop(columns=aside))
    top = TopK(queries, k, own=rows)
    if space.n_rows:
        top.narrow(space.sample(2048))
    at = start
    for block in space.blocks():
        top.scan(block, np.arange(at, at + len(block)))
        at += len(block)
    return top.squared, top.ids


def _drawing(plan: Plan, survey: Survey, sampler: ADASYN, *, blocks: int) -> list[Any]:
    """Return the tasks that draw, an equal range of synthetic rows each, from the minority's rows alone."""
    names = survey.rows if plan.ids is None else plan.ids[survey.rows]
    local = replace(
        plan,
        ids=names,
        classes=tuple(
            replace(
                part,
                parents=np.searchsorted(survey.rows, part.parents),
                neighbors=np.searchsorted(survey.rows, part.neighbors),
            )
            for part in plan.classes
        ),
    )
    dask = _dask()
    shared, minority = dask.delayed(local), dask.delayed(survey.minority)
    ends = np.linspace(0, plan.n_synthetic, blocks + 1).astype(int).tolist()
    task = dask.delayed(_draw)
    return [
        task(shared, minority, sampler.rules, sampler.max_redraws, start, stop)
        for start, stop in pairwise(ends)
        if start < stop
    ]


def _draw(plan: Plan, minority: pd.DataFrame, rules: Any, max_redraws: int, start: int, stop: int) -> Drawn:
    drawn = list(draw(plan, minority, rules=Rules(rules), max_redraws=max_redraws, start=start, stop=stop))
    return Drawn(
        rows=pd.concat([block.rows for block in drawn], ignore_index=True),
        y=np.concatenate([block.y for block in drawn]),
        lineage=pa.concat_tables([block.lineage for block in drawn]),
        parents=np.concatenate([block.parents for block in drawn]),
    )


def _save(block: Drawn, folder: str | Path, at: int) -> tuple[str, str]:
    rows, lineage = Path(folder) / f"rows-{at:05d}.parquet", Path(folder) / f"lineage-{at:05d}.parquet"
    pq.write_table(as_arrow(block), rows)
    pq.write_table(block.lineage, lineage)
    return str(rows), str(lineage)
