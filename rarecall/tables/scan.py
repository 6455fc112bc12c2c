"""A Parquet file of more rows than memory should hold, asked as a DataFrame is: column by column, or block by block."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

LARGE = 2_000_000
"""Rows from which a table is not held in one piece: a frame of so many payments takes 0.7 GB, and a copy as much."""

BLOCK = 1 << 18
"""Rows of a block."""


class Scan:
    """Some rows of a Parquet file: columns are read when they are asked for, and held by whoever asked.

    Parameters
    ----------
    file : Path
    kept : array of bool of shape (n_rows_in_file,), optional
        Which rows; by default all.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pd.DataFrame({"age": [30, 41, 52], "job": ["a", None, "b"]}).to_parquet(f"{folder}/t.parquet")
    ...     rows = Scan(Path(folder) / "t.parquet")
    ...     old = rows[rows["age"] > 35]
    ...     len(old), list(old.columns), old["job"].tolist(), [len(block) for block in old.blocks()]
    (2, ['age', 'job'], [None, 'b'], [2])
    """

    def __init__(self, file: Path, kept: NDArray[np.bool_] | None = None) -> None:
        self._file, self._kept = file, kept
        self._schema = pq.read_schema(file)
        self.columns = pd.Index(self._schema.empty_table().to_pandas().columns)
        self._read = int(pq.read_metadata(file).num_rows)
        self._rows = self._read if kept is None else int(kept.sum())

    def __len__(self) -> int:
        return self._rows

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    @property
    def index(self) -> pd.RangeIndex:
        """Rows are numbered from 0, whichever they are in the file."""
        return pd.RangeIndex(self._rows)

    def __getitem__(self, asked: Any) -> Any:
        """Return a column by its name, a frame of columns by a list of names, or some of the rows by a mask."""
        if isinstance(asked, str):
            return self._frame([asked])[asked]
        if isinstance(asked, list):
            return self._frame(asked)
        return self._some(np.asarray(asked, dtype=np.bool_))

    def head(self, n: int) -> pd.DataFrame:
        """Return the first rows, with all columns."""
        return self.take(np.arange(min(n, self._rows)))

    def take(self, places: Sequence[int] | NDArray[np.integer]) -> pd.DataFrame:
        """Return the rows at some places, in ascending order, with all columns."""
        wanted, begun = np.asarray(places, dtype=np.int64), 0
        found: list[pd.DataFrame] = [self._schema.empty_table().to_pandas()]
        for block in self.blocks():
            here = wanted[(wanted >= begun) & (wanted < begun + len(block))]
            found += [block.take(here - begun)] if len(here) else []
            begun += len(block)
            if not len(wanted) or begun > wanted[-1]:
                break
        return pd.concat(found[1:] or found, ignore_index=True)

    def blocks(self, columns: Sequence[str] | None = None, *, rows: int = BLOCK) -> Iterator[pd.DataFrame]:
        """Yield the rows in their order, numbered on from block to block; of some columns where these are named."""
        read = done = 0
        with pq.ParquetFile(self._file) as opened:
            for batch in opened.iter_batches(rows, columns=None if columns is None else list(columns)):
                frame = pa.Table.from_batches([batch]).to_pandas()
                if self._kept is not None:
                    frame = frame[self._kept[read : read + len(frame)]]
                read += batch.num_rows
                yield frame.set_axis(pd.RangeIndex(done, done + len(frame)), axis=0)
                done += len(frame)

    def _frame(self, names: list[str]) -> pd.DataFrame:
        table = pq.read_table(self._file, columns=list(dict.fromkeys(names)), partitioning=None)
        if self._kept is not None:
            table = table.filter(pa.array(self._kept))
        frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
        return frame[names]

    def _some(self, mask: NDArray[np.bool_]) -> Self:
        kept = np.zeros(self._read, dtype=np.bool_)
        kept[slice(None) if self._kept is None else self._kept] = mask
        return type(self)(self._file, kept)


def opened(file: Path) -> "pd.DataFrame | Scan":
    """Return a table in one piece where it is small, else a scan of it."""
    return Scan(file) if is_large(pq.read_metadata(file).num_rows) else pd.read_parquet(file)


def is_large(rows: int) -> bool:
    """Tell whether a table of so many rows is not to be held in one piece."""
    return rows > LARGE


def types(file: Path) -> dict[str, pa.DataType]:
    """Return the types of a file's columns."""
    return {field.name: field.type for field in pq.read_schema(file)}


class Writer:
    """A Parquet file that grows block by block; what holds no value in a block is held as texts are.

    Parameters
    ----------
    file : Path
    types : mapping of str to DataType, optional
        Of columns of objects that are no texts.
    """

    def __init__(self, file: Path, types: Mapping[str, pa.DataType] | None = None) -> None:
        self._file, self._types = file, types or {}
        self._schema: pa.Schema | None = None
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer:
            self._writer.close()

    def write(self, block: pd.DataFrame) -> None:
        """Write some more rows, as one row group; of none only the columns' types are kept."""
        if self._schema is None:
            self._schema = self._settled(pa.Schema.from_pandas(block, preserve_index=False), block)
            self._writer = pq.ParquetWriter(self._file, self._schema)
        if self._writer and len(block):
            self._writer.write_table(pa.Table.from_pandas(block, schema=self._schema, preserve_index=False))
            self.rows += len(block)

    def _settled(self, schema: pa.Schema, block: pd.DataFrame) -> pa.Schema:
        fields = [
            field.with_type(self._types.get(field.name, pa.string())) if block[field.name].dtype == object else field
            for field in schema
        ]
        return pa.schema(fields, metadata=schema.metadata)
