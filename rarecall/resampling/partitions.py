"""A table that lies in parts: frames on a cluster, or row groups of Parquet of which a machine holds a few."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from joblib import effective_n_jobs  # type: ignore[import-untyped]  # it ships no types
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # as above

from rarecall.resampling.refusal import SamplingError

PART_ROWS = 1 << 17
"""Rows of Parquet that one worker holds at a time, unless one row group has more."""


@dataclass(frozen=True)
class RowGroups:
    """Some consecutive row groups of a Parquet file, read where they are worked on and not before."""

    file: Path
    numbers: tuple[int, ...]
    columns: tuple[str, ...] | None = None

    def read(self) -> pd.DataFrame:
        """Return their rows."""
        with pq.ParquetFile(self.file) as parquet:
            frame: pd.DataFrame = parquet.read_row_groups(list(self.numbers), self.columns).to_pandas()
        return frame


class Partitions(Protocol):
    """Where work on a table's parts is done."""

    n_parts: int

    def each(self, work: Callable[..., Any], own: Sequence[tuple[Any, ...]] | None, *shared: Any) -> Iterator[Any]:
        """Yield `work(frame, *own[i], *shared)` for every part, in order; `own` has something for each of them."""


class Threads:
    """Partitions on this machine: each thread holds one part, and lets it go before it reads the next.

    Parameters
    ----------
    parts : sequence of RowGroups or DataFrame
    n_jobs : int, optional
        By default and with -1 as many threads as the process has cores.
    """

    def __init__(self, parts: Sequence[Any], n_jobs: int | None = None) -> None:
        self.parts, self.n_parts = parts, len(parts)
        self.n_threads = effective_n_jobs(-1 if n_jobs is None else n_jobs)

    def each(self, work: Callable[..., Any], own: Sequence[tuple[Any, ...]] | None, *shared: Any) -> Iterator[Any]:
        """Yield `work(frame, *own[i], *shared)` for every part, in order."""
        # One thread to a product, as in rarecall.neighbors: the parts are what goes side by side.
        with threadpool_limits(limits=1), ThreadPoolExecutor(self.n_threads) as pool:
            yield from pool.map(
                lambda part, mine: work(frame_of(part), *mine, *shared), self.parts, own or [()] * self.n_parts
            )


def frame_of(part: Any) -> pd.DataFrame:
    """Return a part's rows, read now where they lie in a file."""
    return part.read() if isinstance(part, RowGroups) else part


def row_groups(path: str | Path, columns: Sequence[str] | None = None) -> list[RowGroups]:
    """Return a Parquet file, or a folder of them in the order of their names, in parts of about `PART_ROWS` rows.

    Of some columns only, where these are named.

    Raises
    ------
    SamplingError
        When there is no Parquet.
    """
    path = Path(path)
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path] if path.exists() else []
    if not files:
        raise SamplingError(f"expected Parquet files in {path}, found none; give the folder that holds them")
    wanted = None if columns is None else tuple(dict.fromkeys(columns))
    return [replace(part, columns=wanted) for file in files for part in _parts_of(file)]


def _parts_of(file: Path) -> Iterator[RowGroups]:
    """Cut after the row group in which a part has become large enough; an empty file is a part, for its columns."""
    about = pq.read_metadata(file)
    ends = np.cumsum([about.row_group(at).num_rows for at in range(about.num_row_groups)], dtype=np.int64)
    last = np.flatnonzero(np.diff(ends // PART_ROWS, append=-1)) + 1
    for start, stop in pairwise([0, *last.tolist()]):
        yield RowGroups(file, tuple(range(start, stop)))
    if not len(ends):
        yield RowGroups(file, ())
