"""The database of the prediction log, as its one writer uses it: a connection, and a transaction a group."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from monitoring.answers import known
from monitoring.prediction_tables import BATCHES, PREDICTIONS, SHADOWS, TALLIES, TRUTHS, WAIT, make
from rarecall.errors import StoreError, redacted

_AT_ONCE = 500  # ids in one question: SQLite takes 999 in its older builds
_KINDS = ("sqlite", "postgresql")


class Work(Protocol):
    """What somebody waits for."""

    kind: str
    rows: list[tuple[Any, ...]]
    result: Any


class Store:
    """A prediction log's database; its connection belongs to the thread that writes.

    Parameters
    ----------
    url : str
    """

    def __init__(self, url: str) -> None:
        self._engine = engine(url)
        self._connection: sa.Connection | None = None
        self._file: int | None = None
        self._path = self._engine.url.database if self._engine.dialect.name == "sqlite" else None
        named = {table: [c.name for c in table.columns if not c.autoincrement or c.name != "number"] for table in
                 (PREDICTIONS, BATCHES, SHADOWS, TALLIES, TRUTHS)}  # fmt: skip
        self._insert = {
            table.name: str(table.insert().inline().compile(dialect=self._engine.dialect, column_keys=columns))
            for table, columns in named.items()
        }
        self._insert["shadows"] += " ON CONFLICT DO NOTHING"

    def open(self) -> sa.Connection:
        """Return a new connection, on which the tables are there."""
        try:
            connection = self._engine.connect()
            with connection.begin():
                make(connection)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            raise self.explained(error) from error
        return connection

    def _at_path(self) -> int | None:
        """Return the inode of SQLite's file, or None where there is none."""
        if self._path is None:
            return None
        try:
            return os.stat(self._path).st_ino  # noqa: PTH116 - asked for each group, and a Path costs more than the answer
        except OSError:
            return None

    def close(self) -> None:
        """Let the connection go, whatever state it is in."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            try:
                connection.close()
            except sa.exc.SQLAlchemyError:
                connection.invalidate()

    def write(self, asked: Sequence[Work], offered: Mapping[str, list[tuple[Any, ...]]]) -> None:
        """Write a group in one transaction and set each one's result: all of it or, when something fails, none."""
        if self._connection is None:
            self._connection = self.open()
            self._file = self._at_path()
        elif self._at_path() != self._file:
            self.close()
            where = redacted(self._engine.url.render_as_string(hide_password=True))
            raise StoreError(
                f"the prediction log at {where} is not the file that was opened; put it back, or send again what was "
                "not answered: a new one is then begun"
            )
        connection = self._connection
        with connection.begin():
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            for table in ("predictions", "batches"):
                if rows := [row for one in asked if one.kind == table for row in one.rows]:
                    connection.exec_driver_sql(self._insert[table], rows)
            for one in asked:
                if one.kind == "truths":
                    one.result = self._label(connection, one.rows)
            for table, rows in offered.items():
                if rows:
                    connection.exec_driver_sql(self._insert[table], rows)

    def explained(self, error: Exception) -> StoreError:
        """Return what went wrong as a sentence, without what the URL keeps secret."""
        if isinstance(error, StoreError):
            return error
        said = redacted(str(getattr(error, "orig", None) or error).strip().split("\n")[0])
        where = redacted(self._engine.url.render_as_string(hide_password=True))
        return StoreError(f"the prediction log at {where} could not be written: {said}; mend that and send it again")

    def _label(self, connection: sa.Connection, rows: list[tuple[Any, ...]]) -> dict[str, int]:
        """Write truths that say something new, and count what each one came to."""
        counts = Counter({"new": 0, "same": 0, "changed": 0, "late": 0, "unknown": 0})
        ids = list(dict.fromkeys(row[0] for row in rows))
        there = known(connection, ids)
        stands = {one.prediction: one for one in _standing(connection, ids)}
        written: list[tuple[Any, ...]] = []
        last: dict[str, tuple[int, int, int]] = {  # revision, label and since of what stands
            name: (one.newest, one.label, one.since) for name, one in stands.items()
        }
        for name, label, since, recorded in rows:
            if name not in there:
                counts["unknown"] += 1
                continue
            revision, now, held = last.get(name, (0, -1, 0))
            is_late = revision > 0 and since < held
            if label == now:
                counts["same"] += 1
                # A word without a time of its own says the same as often as it is sent; one that holds since later
                # than what stands is a confirmation, which a contradiction from before it does not undo.
                if since == recorded or since <= held:
                    continue
            else:
                counts["late" if is_late else "changed" if revision else "new"] += 1
            written.append((name, revision + 1, label, since, recorded))
            last[name] = (revision + 1, now, held) if is_late else (revision + 1, label, since)
        if written:
            connection.exec_driver_sql(self._insert["truths"], written)
        return dict(counts)


def engine(url: str) -> sa.Engine:
    """Return an engine of a prediction log's database; nothing is opened yet.

    Raises
    ------
    StoreError
        It is neither SQLite nor PostgreSQL, or its folder cannot be made.
    """
    address = sa.make_url(url)
    if address.get_backend_name() not in _KINDS:
        raise StoreError(f"stores.predictions: expected a SQLite or PostgreSQL URL, got {address.get_backend_name()}")
    if address.get_backend_name() == "postgresql":
        # Positional parameters, so that a row is a tuple; a server that is away is told within seconds.
        return sa.create_engine(
            address, poolclass=sa.NullPool, paramstyle="format", connect_args={"connect_timeout": 5}
        )
    if address.database:
        try:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the prediction log's folder {Path(address.database).parent} cannot be made: {error.strerror}"
            ) from error
    made = sa.create_engine(address, poolclass=sa.NullPool, connect_args={"timeout": WAIT})
    sa.event.listen(made, "connect", _to_wal)
    return made


def standing(*chosen: sa.ColumnElement[bool]) -> sa.Subquery:
    """Return the truths that stand: of each prediction the one that holds since last, and of those the newest.

    Its columns are those of the truths and `newest`, the last revision that was written; `chosen` narrows the truths
    that are looked at.
    """
    held = (TRUTHS.c.since.desc(), TRUTHS.c.revision.desc())
    place = sa.func.row_number().over(partition_by=TRUTHS.c.prediction, order_by=held).label("place")
    newest = sa.func.max(TRUTHS.c.revision).over(partition_by=TRUTHS.c.prediction).label("newest")
    ranked = sa.select(TRUTHS, place, newest).where(*chosen).subquery()
    return sa.select(ranked).where(ranked.c.place == 1).subquery()


def _standing(connection: sa.Connection, ids: list[str]) -> Iterator[Any]:
    for begin in range(0, len(ids), _AT_ONCE):
        found = standing(TRUTHS.c.prediction.in_(ids[begin : begin + _AT_ONCE]))
        yield from connection.execute(sa.select(found))


def _to_wal(connection: Any, _: Any) -> None:
    """Let readers read while one writes, and make what was written last through a power cut."""
    connection.isolation_level = None  # the driver would begin too late
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
