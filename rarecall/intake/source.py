"""A source table, wherever it stands: its identity without parsing it, and its rows.

Files are reached through fsspec (a local path, `s3://`, `https://`, `memory://`), queries through SQLAlchemy.
"""

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
from pyarrow.fs import FSSpecHandler, PyFileSystem

from rarecall.errors import DataError, redacted
from rarecall.sections import Source

BLOCK = 1 << 18
"""Rows of Parquet that `blocks` gives at a time."""

_BYTES = 1 << 20
_PARQUET = (".parquet", ".pq")
_INDEX = "__index_level_"  # what pandas calls an index without a name; it says nothing of the row


def exists(source: Source) -> None:
    """Raise DataError when a source's files are not there; a query is only known when it runs."""
    if source.path:
        located(source)


def identity(source: Source, frame: pd.DataFrame | None = None) -> str:
    """Return a digest of what the source holds, the same on every machine and under every path.

    Parameters
    ----------
    source : Source
        Files are read as bytes, decompressed but not parsed: the same rows, packed again, are the same source.
    frame : DataFrame of shape (n_rows, n_columns), optional
        The rows of a query, which has no bytes of its own. Their order counts: give the query an ORDER BY.
    """
    sha = hashlib.sha256()
    if source.path:
        fs, root, files = located(source)
        with _explained(source):
            for name in files:
                # A partition folder (day=2026-03-01) is part of what it holds; the folders above are not.
                inside = PurePosixPath(name.removeprefix(root)).parent
                sha.update(f"\0{inside}\0".encode())
                # Without its compression, whose header holds the moment it was made.
                with fs.open(name, "rb", compression="infer") as file:
                    while block := file.read(_BYTES):
                        sha.update(block)
    elif frame is not None:
        sha.update(",".join(map(str, frame.columns)).encode())
        sha.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return sha.hexdigest()


def read(source: Source, markers: Sequence[str], texts: Sequence[str] = ()) -> pd.DataFrame:
    """Read a source's rows in the order in which they stand.

    Parameters
    ----------
    source : Source
    markers : sequence of str
        Values that mean missing, besides the empty cell.
    texts : sequence of str
        Columns that are texts whatever a CSV's cells look like.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)

    Raises
    ------
    DataError
        The source is missing, unreadable, truncated or not what its format says; one sentence.
    """
    frame = _query(source) if source.query else _table(source, markers, texts)
    if frame.empty:
        raise DataError(f"{_name(source)}: expected rows, got an empty table; check the source")
    _check_unique(source, list(frame.columns))
    return _masked(frame, markers)


def counted(source: Source) -> int | None:
    """Return how many rows a source of Parquet has, from its files' ends; None where only reading it can tell."""
    if not source.path:
        return None
    fs, root, files = located(source)
    if not is_parquet(source, files):
        return None
    with _explained(source):
        rows: int = _dataset(fs, root, files).count_rows()
    return rows


def types(source: Source) -> pa.Schema:
    """Return the types of a source of Parquet."""
    fs, root, files = located(source)
    with _explained(source):
        return _dataset(fs, root, files).schema


def blocks(source: Source, markers: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Yield the rows of a source of Parquet as `read` gives them, about `BLOCK` at a time.

    A column is held as its values in the block allow: whole numbers, where others are missing elsewhere, too.
    """
    fs, root, files = located(source)
    with _explained(source):
        found = _dataset(fs, root, files)
        _check_unique(source, found.schema.names)
        scanner = found.scanner(_named(found.schema), batch_size=BLOCK, batch_readahead=1, fragment_readahead=1)
        held: list[pa.RecordBatch] = []
        for batch in scanner.to_batches():
            held.append(batch)
            if sum(len(one) for one in held) >= BLOCK:
                yield _masked(_framed(held), markers)
                held = []
        if any(len(one) for one in held):
            yield _masked(_framed(held), markers)


def delivered(rows: pa.Table, markers: Sequence[str]) -> pd.DataFrame:
    """Return rows that were read and kept before as `read` gives them; a marker may be newer than they are."""
    # A column without a value has no type yet; a file gives it as numbers that are missing.
    known = [field.with_type(pa.float64()) if pa.types.is_null(field.type) else field for field in rows.schema]
    rows = rows.cast(pa.schema(known))
    return _masked(rows.to_pandas(ignore_metadata=True), markers)


def _table(source: Source, markers: Sequence[str], texts: Sequence[str]) -> pd.DataFrame:
    fs, root, files = located(source)
    with _explained(source):
        if is_parquet(source, files):
            return _parquet(fs, root, files)
        _check_unique(source, _header(fs, files[0]))
        return _csv(fs, files[0], markers, texts)


def _parquet(fs: Any, root: str, files: list[str]) -> pd.DataFrame:
    found = _dataset(fs, root, files)
    frame: pd.DataFrame = found.to_table(_named(found.schema)).to_pandas(ignore_metadata=True)
    return frame


def _dataset(fs: Any, root: str, files: list[str]) -> pads.Dataset:
    options = pads.FileSystemFactoryOptions(partition_base_dir=root, partitioning=pads.HivePartitioning.discover())
    system = PyFileSystem(FSSpecHandler(fs))
    factory = pads.FileSystemDatasetFactory(system, files, pads.ParquetFileFormat(), options)
    # One schema for all files: a column that came later is missing in the older ones, not dropped from the newer.
    return factory.finish(factory.inspect(promote_options="permissive"))


def _named(schema: pa.Schema) -> list[str]:
    """Return the columns but for an index without a name; one with a name is a column like any other."""
    return [name for name in schema.names if not name.startswith(_INDEX)]


def _framed(batches: Sequence[pa.RecordBatch]) -> pd.DataFrame:
    frame: pd.DataFrame = pa.Table.from_batches(batches).to_pandas(ignore_metadata=True)
    return frame


def _header(fs: Any, name: str) -> list[str]:
    """Return a CSV's column names as they stand there; pandas would make `a.1` of a second `a`."""
    with fs.open(name, "rb", compression="infer") as file:
        return [str(one) for one in pd.read_csv(file, header=None, nrows=1, dtype=str, keep_default_na=False).iloc[0]]


def _csv(fs: Any, name: str, markers: Sequence[str], texts: Sequence[str]) -> pd.DataFrame:
    with fs.open(name, "rb", compression="infer") as file, warnings.catch_warnings():
        # A row with a cell too many is a fault of the file, not an index and not something to cut off.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        # The whole column decides its type, not its first block: a late text value must not fail the read.
        frame: pd.DataFrame = pd.read_csv(
            file, na_values=list(markers), index_col=False, low_memory=False, dtype=dict.fromkeys(texts, str)
        )
    return frame


def _query(source: Source) -> pd.DataFrame:
    import sqlalchemy as sa

    try:
        url = sa.make_url(str(source.url))
    except (sa.exc.ArgumentError, ValueError):
        # What it holds is not shown: where a URL cannot be parsed, nobody knows which part is the password.
        raise DataError(
            "source.url: expected a SQLAlchemy URL, such as postgresql://user:${PASSWORD}@host/name"
        ) from None
    database = str(url.database or ":memory:")
    if url.get_backend_name() == "sqlite" and not database.startswith((":", "file:")) and not Path(database).exists():
        # SQLite would make an empty one.
        raise DataError(f"source.url: {database} does not exist; check the path and the variables in it")
    try:
        engine = sa.create_engine(url)
        try:
            with engine.connect() as connection:
                return pd.read_sql_query(sa.text(str(source.query)), connection)
        finally:
            engine.dispose()
    except (sa.exc.SQLAlchemyError, pd.errors.DatabaseError, ImportError, ValueError, TypeError) as error:
        # The driver's own words, without SQLAlchemy's wrapping, which repeats the URL's parts.
        said = _said(getattr(error, "orig", None) or error)
        said = said.replace(str(url.password), "***") if url.password else said
        raise DataError(f"source.query: could not be run: {said}; check source.url and source.query") from None


def located(source: Source) -> tuple[Any, str, list[str]]:
    """Return the file system, the path in it, and the files that stand there."""
    path = str(source.path)
    try:
        fs, root = fsspec.core.url_to_fs(path)
        # A file first: over HTTP every page with a link in it passes for a folder.
        if fs.isfile(root):
            return fs, root, [root]
        if fs.isdir(root):
            files = sorted(name for name in fs.find(root) if name.endswith(_PARQUET) and _is_seen(name, root))
            if not files:
                raise DataError(f"source.path: expected Parquet files in the folder {redacted(path)}, found none")
            return fs, root, files
    except (ImportError, ValueError, OSError) as error:
        raise DataError(f"source.path: {redacted(path)} cannot be reached: {_said(error)}") from error
    raise DataError(f"source.path: {redacted(path)} does not exist; check the path and the variables in it")


def _is_seen(name: str, root: str) -> bool:
    """Pass over what `.` or `_` hides: a writer's unfinished files, and our own home where it stands in the folder."""
    return not any(part.startswith((".", "_")) for part in PurePosixPath(name.removeprefix(root)).parts)


def is_parquet(source: Source, files: list[str]) -> bool:
    """Tell whether a source's files are Parquet; else they are one CSV."""
    if source.format != "auto":
        return source.format == "parquet"
    return files[0].endswith(_PARQUET)


@contextmanager
def _explained(source: Source) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except pd.errors.EmptyDataError:
        raise DataError(f"{_name(source)}: expected rows, got an empty file; check the source") from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DataError(f"{_name(source)}: expected UTF-8, got the byte 0x{byte:02x}; save it as UTF-8") from error
    except Exception as error:  # every file system, compression and format has errors of its own
        raise DataError(
            f"{_name(source)}: cannot be read as a whole table: {_said(error)}; deliver it again"
        ) from error


def _check_unique(source: Source, columns: list[Any]) -> None:
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise DataError(f"{_name(source)}: the column {str(twice[0])!r} stands there twice; rename one in the source")


def _masked(frame: pd.DataFrame, markers: Sequence[str]) -> pd.DataFrame:
    """Empty the cells that hold a marker; CSV readers know the markers, Parquet and SQL bring them as values."""
    numbers = [number for marker in markers if (number := pd.to_numeric(marker, errors="coerce")) == number]
    for name in frame.columns if markers else []:
        column = frame[name]
        if pd.api.types.is_bool_dtype(column):
            continue
        if pd.api.types.is_numeric_dtype(column):
            hit = column.isin(numbers)
        elif pd.api.types.infer_dtype(column, skipna=True) in {"string", "categorical", "mixed-integer"}:
            hit = column.isin(markers)
        else:
            continue
        if hit.any():
            frame[name] = column.mask(hit)
    return frame


def _said(error: BaseException) -> str:
    """Return an error's own words: one line, without what a URL in it keeps secret."""
    lines = str(error).strip().splitlines()
    return redacted(lines[0]) if lines else type(error).__name__


def _name(source: Source) -> str:
    return redacted(str(source.path)) if source.path else "source.query"
