"""Planning where the rows lie elsewhere: the same plan as of the table in one piece, whatever its parts.

What comes here are the classes of all rows, the minority's rows, a sample for the scale, the levels of the categories,
and each part's k best neighbours. The search is exact, so the plan is that of `ADASYN(mode="exact")`.
"""

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from rarecall.neighbors import FaissNeighbors
from rarecall.resampling.adasyn import ADASYN, row_bytes
from rarecall.resampling.annotations import Annotations
from rarecall.resampling.metric import Mixed
from rarecall.resampling.partitions import Partitions
from rarecall.resampling.plan import Floats, Ints, Plan
from rarecall.resampling.planning import Planner
from rarecall.resampling.survey import Roll, Survey
from rarecall.resampling.target import Target
from rarecall.search.blocks import Matrix, Table
from rarecall.search.cells import all_pairs


@dataclass(frozen=True)
class Scattered:
    """A plan, and the few real rows that its synthetic ones are drawn from.

    Attributes
    ----------
    plan : Plan
        By the rows' numbers in the whole table.
    minority : DataFrame
        The rows that may be parents.
    rows : ndarray of int of shape (n_minority,)
        Their numbers in the whole table.
    """

    plan: Plan
    minority: pd.DataFrame
    rows: Ints

    @property
    def local(self) -> Plan:
        """The same plan by the rows' places in `minority`; its lineage has the whole table's ids."""
        classes = tuple(
            replace(
                part,
                parents=np.searchsorted(self.rows, part.parents),
                neighbors=np.searchsorted(self.rows, part.neighbors),
            )
            for part in self.plan.classes
        )
        return replace(self.plan, ids=self.rows if self.plan.ids is None else self.plan.ids[self.rows], classes=classes)


def scattered(
    partitions: Partitions,
    label: str,
    *,
    sampler: ADASYN,
    ids: str | None = None,
    eligible: str | None = None,
    weights: str | None = None,
    cohorts: str | None = None,
) -> Scattered:
    """Plan for a table that lies in parts; each part is read three times, and once more for every further class.

    Parameters
    ----------
    partitions : Partitions
    label, sampler, ids, eligible, weights, cohorts
        As `rarecall.resampling.adasyn_parquet.adasyn_parquet` takes them.
    """
    sampler._validate_params()  # noqa: SLF001 - scikit-learn's hook; this file is the sampler's other half
    aside = list(dict.fromkeys(name for name in (label, ids, eligible, weights, cohorts) if name is not None))
    roll = Roll.of(partitions, aside)
    known = {
        name: None if column is None else roll.table[column].to_numpy()
        for name, column in {"ids": ids, "eligible": eligible, "weights": weights, "cohorts": cohorts}.items()
    }
    y = Target.of(roll.table[label]).classes
    wanted = sampler._wanted(y)  # noqa: SLF001 - as above
    columns = sampler._columns(roll.head)  # noqa: SLF001 - as above
    notes = Annotations.of(len(y), **known, factors=sampler.cohort_factors)
    minority = np.flatnonzero(np.isin(y, list(wanted)) & notes.eligible)
    survey = Survey.of(partitions, roll, minority, columns, scaling=sampler.scaling)
    planner = _Scattered(
        space=survey.space(survey.minority),
        y=y,
        known=notes,
        partitions=partitions,
        survey=survey,
        offsets=roll.offsets,
        **sampler._choices() | {"neighbors": FaissNeighbors(mode="exact", n_jobs=sampler.n_jobs)},  # noqa: SLF001 - as above
    )
    plan = planner.plan(wanted, columns, row_bytes=row_bytes(roll.head))
    plan = replace(plan, course=sampler._course())  # noqa: SLF001 - as above
    for note in plan.notes:
        warnings.warn(note, UserWarning, stacklevel=3)
    return Scattered(plan, survey.minority, survey.rows)


@dataclass
class _Scattered(Planner):
    """A planner whose rows lie elsewhere: the space it holds is the minority's alone."""

    partitions: Partitions = field(kw_only=True)
    survey: Survey = field(kw_only=True)
    offsets: Ints = field(kw_only=True)

    def among_all(self, rows: Ints, k: int) -> tuple[Floats, Ints]:
        """Ask every part for its best, and keep the best of these; equals go to the lower row number."""
        queries = self.space.take(np.searchsorted(self.survey.rows, rows))
        starts = [(start,) for start in self.offsets[:-1].tolist()]
        squared, ids = np.full((len(rows), k), np.inf), np.full((len(rows), k), -1, dtype=np.int64)
        for far, numbers in self.partitions.each(_best, starts, queries, rows, k, self.survey.light()):
            squared, ids = np.hstack([squared, far]), np.hstack([ids, numbers])
            order = np.lexsort((np.where(ids < 0, np.iinfo(np.int64).max, ids), squared), axis=1)[:, :k]
            squared, ids = np.take_along_axis(squared, order, axis=1), np.take_along_axis(ids, order, axis=1)
        self.recalls.append(1.0)
        return np.sqrt(squared), ids

    def space_of(self, rows: Ints) -> Table:
        """Return the space of some minority rows."""
        places = np.searchsorted(self.survey.rows, rows)
        return self.space.part(places) if isinstance(self.space, Mixed) else Matrix(self.space.X[places])


def _best(part: pd.DataFrame, start: int, queries: Floats, rows: Ints, k: int, survey: Survey) -> tuple[Floats, Ints]:
    space = survey.space(survey.schema.features(part))
    if not space.n_rows:
        return np.empty((len(rows), 0)), np.empty((len(rows), 0), dtype=np.int64)
    with ThreadPoolExecutor(1) as pool:  # other parts are searched beside this one
        top = all_pairs(space, queries, k, own=rows - start, pool=pool)
    return top.squared, np.where(top.ids < 0, -1, top.ids + start)
