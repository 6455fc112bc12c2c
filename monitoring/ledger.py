"""The ledger: what was decided or done once, by whom, when and why. Entries are appended; none is changed or removed.

SQLite under the home unless the project names a server. The database itself refuses an update and a deletion, and each
entry is chained to the one before it, so that an auditor need not take our word for it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from monitoring import chain
from monitoring.ledger_table import ENTRIES, SEALABLE, WAIT, make, take_turn
from rarecall.errors import StoreError, redacted


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
    previous, hash : str or None
        The hash of the entry before it, and its own over all of this; None in entries from before there was a chain.
    """

    number: int
    at: datetime
    kind: str
    subject: str
    payload: dict[str, Any]
    who: str
    why: str
    previous: str | None = None
    hash: str | None = None


@dataclass(frozen=True)
class Verified:
    """What a walk over the whole chain found.

    Attributes
    ----------
    entries : int
        How many there are.
    head : str
        The hash of the last one: whoever has noted it elsewhere can tell later whether anything before it was changed.
    faults : tuple of str
        A clause for each entry that is not what was written; empty when all are.
    """

    entries: int
    head: str
    faults: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An entry that is to be written."""

    kind: str
    subject: str
    payload: dict[str, Any]
    who: str
    why: str


@dataclass(frozen=True)
class Ledger:
    """An open ledger; safe to use from several threads and processes at once."""

    engine: sa.Engine
    table: sa.Table = field(default=ENTRIES)

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
        drafts = [Draft(kind=kind, subject=subject, payload=payload, who=who, why=why) for subject, payload in about]
        texts = _texts(drafts)
        with _explained(self.engine), self.engine.begin() as connection:
            take_turn(connection, self.table)
            return self._write(connection, drafts, texts)

    def append_what_follows(
        self, subject: str, follows: Callable[[tuple[Entry, ...]], Sequence[Draft]]
    ) -> tuple[Entry, ...]:
        """Write what follows from the entries about a subject, while nobody else can write.

        Parameters
        ----------
        subject : str
        follows : callable
            From the entries about the subject, oldest first, to what is to be written: all of it or, when one cannot
            be, none. What it raises is raised, and nothing is written.
        """
        with _explained(self.engine), self.engine.begin() as connection:
            take_turn(connection, self.table)
            known = connection.execute(self._asked(None, subject)).mappings().all()
            drafts = follows(tuple(_entry(row) for row in known))
            return self._write(connection, drafts, _texts(drafts)) if drafts else ()

    def _write(self, connection: sa.Connection, drafts: Sequence[Draft], texts: Sequence[str]) -> tuple[Entry, ...]:
        """Write entries at the end of the chain, in a transaction that has its turn."""
        newest = sa.select(self.table).order_by(self.table.c.number.desc()).limit(1)
        last = connection.execute(newest).mappings().first()
        number, end = (last["number"], last["hash"]) if last else (0, chain.GENESIS)
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        rows = chain.linked(
            (
                {"number": number + place, "at": at, "kind": draft.kind, "subject": draft.subject}
                | {"payload": text, "who": draft.who, "why": draft.why}
                for place, (draft, text) in enumerate(zip(drafts, texts, strict=True), start=1)
            ),
            end,
        )
        connection.execute(self.table.insert(), rows)
        return tuple(_entry(row) for row in rows)

    def entries(self, kind: str | None = None, subject: str | None = None) -> tuple[Entry, ...]:
        """Return the entries of a kind and about a subject, oldest first; without either, all."""
        with _explained(self.engine), self.engine.connect() as connection:
            found = connection.execute(self._asked(kind, subject)).mappings().all()
        return tuple(_entry(row) for row in found)

    def _asked(self, kind: str | None, subject: str | None) -> sa.Select[Any]:
        asked = sa.select(self.table).order_by(self.table.c.number)
        for column, wanted in ((self.table.c.kind, kind), (self.table.c.subject, subject)):
            if wanted is not None:
                asked = asked.where(column == wanted)
        return asked

    def verify(self) -> Verified:
        """Walk the chain from the first entry to the last, and say which was changed, removed or put in.

        Entries that were taken off the end leave no trace in the table: compare `head` with one noted elsewhere.
        """
        with _explained(self.engine), self.engine.connect() as connection:
            rows = connection.execute(sa.select(self.table).order_by(self.table.c.number)).mappings().all()
        head = (rows[-1]["hash"] or "") if rows else chain.GENESIS
        return Verified(len(rows), head, tuple(chain.faults(rows)))


def open_ledger(url: str, table: sa.Table = ENTRIES) -> Ledger:
    """Open the ledger at a SQLAlchemy URL, making its table, its chain and its seal when they are not there.

    Parameters
    ----------
    url : str
    table : Table
        Of `monitoring.ledger_table`: each has a chain of its own.

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
    >>> ledger.verify().faults
    ()
    """
    address = sa.engine.make_url(url)
    if address.get_backend_name() not in SEALABLE:
        raise StoreError(
            f"stores.ledger: expected a SQLite or PostgreSQL URL, got {address.get_backend_name()}; only these two are "
            "sealed against changes"
        )
    if address.get_backend_name() == "sqlite":
        if address.database:
            _make_folder(Path(address.database).parent)
        engine = sa.create_engine(address, connect_args={"timeout": WAIT})
        sa.event.listen(engine, "connect", _to_wal)
    else:
        # A command opens the ledger several times for a moment each: what is kept open would only take up the server.
        engine = sa.create_engine(address, poolclass=sa.NullPool)
    with _explained(engine), engine.begin() as connection:
        make(connection, table)
    return Ledger(engine, table)


def _texts(drafts: Sequence[Draft]) -> list[str]:
    return [json.dumps(draft.payload, sort_keys=True, allow_nan=False) for draft in drafts]


def _entry(row: Mapping[str, Any]) -> Entry:
    fields = {name: row[name] for name in ("number", "kind", "subject", "who", "why", "previous", "hash")}
    return Entry(at=datetime.fromisoformat(row["at"]), payload=json.loads(row["payload"]), **fields)


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
    connection.isolation_level = None  # the driver would begin too late: a writer has to hold the table before it reads
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
