"""The ledger: what was decided or done once, by whom, when and why. Entries are appended; none is changed or removed.

SQLite under the home unless the project names a server. The database itself refuses an update and a deletion, so that
an auditor need not take our word for it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rarecall.errors import StoreError, redacted

_WAIT = 30  # seconds that a writer waits for another

_metadata = sa.MetaData()
_entries = sa.Table(
    "entries",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(64), nullable=False, index=True),
    sa.Column("subject", sa.String(255), nullable=False, index=True),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)
_SEALED = {
    "sqlite": [
        f"CREATE TRIGGER IF NOT EXISTS entries_no_{verb} BEFORE {verb} ON entries "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        (
            "CREATE OR REPLACE FUNCTION entries_sealed() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        ),
        (
            "CREATE OR REPLACE TRIGGER entries_sealed BEFORE UPDATE OR DELETE ON entries "
            "FOR EACH ROW EXECUTE FUNCTION entries_sealed()"
        ),
    ],
}


@dataclass(frozen=True)
class Entry:
    """One thing that happened.

    Attributes
    ----------
    number : int
        Ascending in the order of writing.
    at : datetime
        When it was written, in UTC.
    kind : str
        What sort of thing, such as `snapshot.accepted`.
    subject : str
        What it is about: a project, a version, a model.
    payload : dict
        What there is to know of it, JSON-ready.
    who, why : str
    """

    number: int
    at: datetime
    kind: str
    subject: str
    payload: dict[str, Any]
    who: str
    why: str


@dataclass(frozen=True)
class Ledger:
    """An open ledger; safe to use from several threads and processes at once."""

    engine: sa.Engine

    def append(self, kind: str, subject: str, payload: dict[str, Any], *, who: str, why: str) -> Entry:
        """Write one entry and return it.

        Raises
        ------
        TypeError, ValueError
            The payload holds what JSON cannot.
        StoreError
            The database could not be written.
        """
        return self.append_all(kind, [(subject, payload)], who=who, why=why)[0]

    def append_all(
        self, kind: str, about: list[tuple[str, dict[str, Any]]], *, who: str, why: str
    ) -> tuple[Entry, ...]:
        """Write one entry for each (subject, payload): all of them or, when one cannot be written, none."""
        now = datetime.now(UTC)
        rows = [
            {
                "at": now.isoformat(timespec="microseconds"),
                "kind": kind,
                "subject": subject,
                "payload": json.dumps(payload, sort_keys=True, allow_nan=False),
                "who": who,
                "why": why,
            }
            for subject, payload in about
        ]
        with _explained(self.engine), self.engine.begin() as connection:
            numbers = [connection.execute(_entries.insert(), row).inserted_primary_key[0] for row in rows]
        return tuple(
            Entry(number, now, kind, subject, payload, who, why)
            for number, (subject, payload) in zip(numbers, about, strict=True)
        )

    def entries(self, kind: str | None = None, subject: str | None = None) -> tuple[Entry, ...]:
        """Return the entries of a kind and about a subject, oldest first; without either, all."""
        asked = sa.select(_entries).order_by(_entries.c.number)
        for column, wanted in ((_entries.c.kind, kind), (_entries.c.subject, subject)):
            if wanted is not None:
                asked = asked.where(column == wanted)
        with _explained(self.engine), self.engine.connect() as connection:
            found = connection.execute(asked).all()
        return tuple(
            Entry(r.number, datetime.fromisoformat(r.at), r.kind, r.subject, json.loads(r.payload), r.who, r.why)
            for r in found
        )


def open_ledger(url: str) -> Ledger:
    """Open the ledger at a SQLAlchemy URL, making its table and its seal when they are not there.

    Raises
    ------
    StoreError
        The database cannot be reached or written, or is of a kind that cannot seal its entries.

    Examples
    --------
    >>> ledger = open_ledger("sqlite://")
    >>> ledger.append("snapshot.accepted", "fraud", {"snapshot": "1f0c"}, who="retrain", why="it passed").number
    1
    >>> [entry.payload for entry in ledger.entries("snapshot.accepted", "fraud")]
    [{'snapshot': '1f0c'}]
    """
    address = sa.engine.make_url(url)
    if address.get_backend_name() not in _SEALED:
        raise StoreError(
            f"stores.ledger: expected a SQLite or PostgreSQL URL, got {address.get_backend_name()}; only these two are "
            "sealed against changes"
        )
    if address.get_backend_name() == "sqlite":
        if address.database:
            _make_folder(Path(address.database).parent)
        engine = sa.create_engine(address, connect_args={"timeout": _WAIT})
        sa.event.listen(engine, "connect", _to_wal)
    else:
        engine = sa.create_engine(address, pool_pre_ping=True)
    with _explained(engine), engine.begin() as connection:
        connection.execute(sa.schema.CreateTable(_entries, if_not_exists=True))
        for index in sorted(_entries.indexes, key=lambda index: str(index.name)):
            connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))
        for statement in _SEALED[address.get_backend_name()]:
            connection.exec_driver_sql(statement)
    return Ledger(engine)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the ledger's folder {folder} cannot be made: {error.strerror}; nothing was changed: "
            "mend that and run again"
        ) from error


def _to_wal(connection: Any, _: Any) -> None:
    """Let readers read while one writes, and make what was written last through a power cut."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


@contextmanager
def _explained(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        said = redacted(str(getattr(error, "orig", None) or error).splitlines()[0])
        raise StoreError(
            f"the ledger at {engine.url.render_as_string(hide_password=True)} could not be used: {said}; nothing was "
            "changed: mend that and run again"
        ) from error
