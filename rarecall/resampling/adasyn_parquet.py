"""ADASYN over Parquet that does not fit in memory: the same rows as in memory, on one machine and without a cluster."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from rarecall.resampling.adasyn import ADASYN
from rarecall.resampling.draw import Drawn, draw, write
from rarecall.resampling.partitions import Threads, row_groups
from rarecall.resampling.plan import Plan
from rarecall.resampling.rules import Rules, told
from rarecall.resampling.scattered import Scattered, scattered


class Streamed:
    """Synthetic rows of a table on disk, drawn as they are written.

    Attributes
    ----------
    plan : Plan
        Once the rows are written, also what the rules refused.
    """

    def __init__(self, source: Scattered, sampler: ADASYN) -> None:
        self._source, self._sampler = source, sampler
        self.plan: Plan = source.plan

    def draw(self) -> Iterator[Drawn]:
        """Yield the rows in blocks; parents are numbered as in the whole table."""
        rules = Rules(self._sampler.rules)
        for block in draw(
            self._source.local, self._source.minority, rules=rules, max_redraws=self._sampler.max_redraws
        ):
            yield replace(block, parents=self._source.rows[block.parents])

    def compute(self) -> tuple[pd.DataFrame, pa.Table]:
        """Return all rows, with their `class`, and their lineage."""
        rules, most = Rules(self._sampler.rules), self._sampler.max_redraws
        drawn = list(draw(self._source.local, self._source.minority, rules=rules, max_redraws=most))
        rows = pd.concat([self._source.minority.head(0), *(block.rows for block in drawn)], ignore_index=True)
        rows["class"] = np.concatenate([np.empty(0, dtype=np.int64), *(block.y for block in drawn)])
        self.plan = told(self._source.plan, rules.rejected, len(rows), most)
        return rows, pa.concat_tables([block.lineage for block in drawn])

    def write(self, rows: str | Path, lineage: str | Path) -> int:
        """Write the rows, with their `class`, and their lineage to two Parquet files; return how many there are."""
        rules, most = Rules(self._sampler.rules), self._sampler.max_redraws
        written = write(self._source.local, self._source.minority, rows, lineage, rules=rules, max_redraws=most)
        self.plan = told(self._source.plan, rules.rejected, written, most)
        return written


def adasyn_parquet(
    source: str | Path,
    label: str,
    *,
    sampler: ADASYN,
    ids: str | None = None,
    eligible: str | None = None,
    weights: str | None = None,
    cohorts: str | None = None,
    features: Sequence[str] | None = None,
) -> Streamed:
    """Plan for a Parquet file or folder without holding it, and return rows that are drawn as they are written.

    In memory are the columns set aside, the rows of the classes to be augmented, and for each thread some row groups.

    Parameters
    ----------
    source : str or Path
        Files are read in the order of their names, each three times.
    label : str
        The column that holds the class.
    sampler : ADASYN
        Its parameters are used; the search is exact.
    ids, eligible, weights, cohorts : str, optional
        Columns that hold what `ADASYN.fit_resample` takes by these names; they are no features.
    features : sequence of str, optional
        The other columns, where these are not all: what is not named is not read.

    Raises
    ------
    SamplingError
        As ADASYN does, and where the files' columns differ.

    >>> import tempfile, numpy as np, pandas as pd
    >>> table = pd.DataFrame({"x": np.arange(60.0), "y": np.repeat([0, 1], [50, 10])})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table.to_parquet(f"{folder}/table.parquet")
    ...     streamed = adasyn_parquet(f"{folder}/table.parquet", "y", sampler=ADASYN(random_state=0))
    ...     streamed.write(f"{folder}/rows.parquet", f"{folder}/lineage.parquet")
    40
    """
    aside = [name for name in (label, ids, eligible, weights, cohorts) if name is not None]
    wanted = None if features is None else [*features, *aside]
    parts = Threads(row_groups(source, wanted), sampler.n_jobs)
    found = scattered(parts, label, sampler=sampler, ids=ids, eligible=eligible, weights=weights, cohorts=cohorts)
    return Streamed(found, sampler)
