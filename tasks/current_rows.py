"""The current rows of a view's source: each entity's latest as of a moment, read a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.errors import StoreError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from feast import FeatureView

_MEMORY = "1GB"  # beyond it DuckDB works on the disk
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Files:
    """The Parquet files of a source, each with its size and when it was written: what is not the same is another."""

    known: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, place: Path) -> Files:
        """Return the files at a path, itself one or a folder of them; StoreError when there is none."""
        files = sorted(place.rglob("*.parquet")) if place.is_dir() else [place]
        try:
            stats = {str(file): file.stat() for file in files}
        except OSError as error:
            raise StoreError(f"{error.filename} cannot be read: {error.strerror}; run: rarecall retrain") from error
        if not stats:
            raise StoreError(f"{place} holds no Parquet file; run: rarecall retrain")
        return cls(known={name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()})

    def still_there(self) -> bool:
        """Tell whether every file is as it was."""
        try:
            return all(
                (stat := Path(name).stat()) and (stat.st_size, stat.st_mtime_ns) == known
                for name, known in self.known.items()
            )
        except OSError:
            return False


class CurrentRows:
    """The rows that a view's entities have as of a moment, by DuckDB.

    Parameters
    ----------
    connection : DuckDBPyConnection
    view : FeatureView
        Says the keys, the features, and which columns hold the moments.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, view: FeatureView) -> None:
        self._connection = connection
        source = view.batch_source
        self._keys = [field.name for field in view.entity_columns]
        self._columns = [*self._keys, *(field.name for field in view.features)]
        self._event = f"epoch_us({_quoted(source.timestamp_field)})"
        created = source.created_timestamp_column
        self._created = f"epoch_us({_quoted(created)})" if created else "0"

    def choose(
        self, name: str, files: Files, until: datetime, *, since: datetime | None = None, new: Sequence[str] = ()
    ) -> int:
        """Choose each entity's latest row up to a moment, and return how many these are.

        Parameters
        ----------
        name : str
            What the choice is called from now on.
        files : Files
        until : datetime
            Rows of later are not true yet.
        since : datetime, optional
            Of the files that are not `new`, only rows of after it.
        new : sequence of str
            With `since`, the files all of whose rows up to `until` count.
        """
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {name}_rows AS {self._read(files)}")
        there = {column[0] for column in self._connection.execute(f"DESCRIBE {name}_rows").fetchall()}
        real = "AND NOT coalesce(is_synthetic, false)" if "is_synthetic" in there else ""
        last = "row_id DESC" if "row_id" in there else "_file DESC, file_row_number DESC"
        after = "AND (_event_us > $since OR list_contains($new, _file))" if since else ""
        values = {"until": _microseconds(until)}
        if since:
            values |= {"since": _microseconds(since), "new": list(new)}
        keys = ", ".join(map(_quoted, self._keys))
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {keys}, _event_us, _created_us, _file, file_row_number "
            f"FROM {name}_rows WHERE _event_us <= $until {real} {after} "
            f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY _event_us DESC, _created_us DESC, {last}) = 1",
            values,
        )
        return self.count(name)

    def gone(self, before: str, now: str) -> int:
        """Find the entities that are not in a choice any more, or with an older row only; return how many."""
        keys = ", ".join(map(_quoted, self._keys))
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE gone AS SELECT b.* FROM {before} b LEFT JOIN {now} n USING ({keys}) "
            "WHERE n._event_us IS NULL OR (b._event_us, b._created_us) > (n._event_us, n._created_us)"
        )
        return self.count("gone")

    def changed(self, before: str, now: str) -> int:
        """Reduce a choice to the rows that differ from those of another, or whose entity is gone from it."""
        keys = ", ".join(map(_quoted, self._keys))
        same = " AND ".join(f"n.{column} IS NOT DISTINCT FROM b.{column}" for column in map(_quoted, self._columns))
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE same AS SELECT {keys} FROM ({self._chosen(now)}) n WHERE EXISTS ("
            f"SELECT 1 FROM ({self._chosen(before)}) b WHERE {same} AND n._event_us = b._event_us)"
        )
        self._connection.execute(
            f"DELETE FROM {now} USING same WHERE {self._match(now, 'same')} "
            f"AND NOT EXISTS (SELECT 1 FROM gone WHERE {self._match('gone', 'same')})"
        )
        return self.count(now)

    def hold(self, name: str, batches: Iterator[pa.RecordBatch]) -> int:
        """Take in who is online with what stamp, as a choice to compare with; return how many."""
        made = False
        for batch in batches:
            self._connection.register("held_batch", batch)
            start = f"INSERT INTO {name}" if made else f"CREATE OR REPLACE TEMP TABLE {name} AS"
            self._connection.execute(f"{start} SELECT DISTINCT * FROM held_batch")
            self._connection.unregister("held_batch")
            made = True
        return self.count(name) if made else 0

    def rows(self, name: str, size: int) -> Iterator[pa.RecordBatch]:
        """Yield the chosen rows: keys, features, `_event_us` and `_created_us`."""
        yield from self._connection.execute(self._chosen(name)).to_arrow_reader(size)

    def keys(self, name: str, size: int) -> Iterator[pa.RecordBatch]:
        """Yield the keys of a choice."""
        keys = ", ".join(map(_quoted, self._keys))
        yield from self._connection.execute(f"SELECT {keys} FROM {name}").to_arrow_reader(size)

    def count(self, name: str) -> int:
        """Return how many entities a choice has."""
        (found,) = self._connection.execute(f"SELECT count(*) FROM {name}").fetchone() or (0,)
        return int(found)

    def span(self, name: str) -> tuple[datetime, datetime] | None:
        """Return the first and the last moment of a choice."""
        first, last = (
            self._connection.execute(f"SELECT min(_event_us), max(_event_us) FROM {name}").fetchone() or (None,) * 2
        )
        return None if first is None else (_moment(first), _moment(last))

    def _read(self, files: Files) -> str:
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files.known)
        return (
            f"SELECT *, {self._event} AS _event_us, {self._created} AS _created_us "
            f"FROM read_parquet([{listed}], filename = '_file', file_row_number = true, union_by_name = true)"
        )

    def _chosen(self, name: str) -> str:
        columns = ", ".join(f"r.{column}" for column in map(_quoted, self._columns))
        return (
            f"SELECT {columns}, r._event_us, r._created_us FROM {name}_rows r "
            f"SEMI JOIN {name} c ON r._file = c._file AND r.file_row_number = c.file_row_number"
        )

    def _match(self, left: str, right: str) -> str:
        return " AND ".join(f"{left}.{key} = {right}.{key}" for key in map(_quoted, self._keys))


@contextmanager
def reading(view: FeatureView, spill: Path) -> Iterator[CurrentRows]:
    """Yield the rows of a view, with bounded memory; what does not fit into it is kept in a folder meanwhile.

    Raises
    ------
    StoreError
        A file of the source is damaged or lacks a column.
    """
    import duckdb

    settings = {"memory_limit": _MEMORY, "temp_directory": str(spill), "preserve_insertion_order": "false"}
    connection = duckdb.connect(config=settings)
    try:
        yield CurrentRows(connection, view)
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        raise StoreError(f"the rows of the view {view.name} cannot be read: {said}; run: rarecall retrain") from error
    finally:
        connection.close()


def keys_to_arrow(keys: Sequence[Any], stamps: Sequence[Any], names: Sequence[str]) -> pa.RecordBatch:
    """Return entities as Feast names them as a batch of their columns and stamps."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {name: [] for name in names}
    for key in keys:
        for name, value in zip(key.join_keys, key.entity_values, strict=True):
            columns[name].append(getattr(value, value.WhichOneof("val")))
    moments = {"_event_us": [stamp.event for stamp in stamps], "_created_us": [stamp.created for stamp in stamps]}
    return pa.RecordBatch.from_pydict(columns | moments)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
