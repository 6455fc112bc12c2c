"""One writer at a time on a registry: a lock beside a SQLite file, an advisory lock in PostgreSQL.

Feast reads, compares and writes in several transactions, and MLflow sets one alias at a time, so two writers at once
can each undo a part of the other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from rarecall.errors import StoreError, redacted

WAIT = 60.0
"""Seconds to wait for another writer; an apply takes less than one."""

_FEAST = "Feast's registry"
_KEY = 0x7261_7265_6361_6C6C
"""Of Feast's advisory lock, one a database: "rarecall" in ASCII."""


class HeldError(StoreError):
    """Another process has not let go."""


@contextmanager
def registry_lock(url: str, *, wait: float = WAIT, held: str = _FEAST, key: int = _KEY) -> Iterator[None]:
    """Hold a registry for writing; whoever is killed lets go.

    Parameters
    ----------
    url : str
        The SQLAlchemy URL beside or in which the lock is, SQLite or PostgreSQL.
    wait : float
        Seconds.
    held : str
        What is held, for people.
    key : int
        Of the advisory lock: one for each thing that is held in a database.

    Raises
    ------
    HeldError
        Another writer held it all the while.
    StoreError
        It is a database that has no such lock, or one that cannot be reached.
    """
    address = sa.make_url(url)
    match address.get_backend_name():
        case "sqlite":
            with _beside(Path(str(address.database)), wait, held):
                yield
        case "postgresql":
            with _inside(address, wait, held, key):
                yield
        case other:
            raise StoreError(f"{held}: expected a SQLite or PostgreSQL URL, got {other}")


@contextmanager
def _beside(file: Path, wait: float, held: str) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file.with_name(f"{file.name}.lock"), timeout=wait)
    try:
        lock.acquire()
    except Timeout:
        raise _held(held, str(file), wait) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _inside(address: sa.URL, wait: float, held: str, key: int) -> Iterator[None]:
    """Hold the lock of a session of its own, which ends with the process at the latest."""
    where = redacted(address.render_as_string(hide_password=True))
    engine = sa.create_engine(address, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    try:
        session = engine.connect()
    except sa.exc.OperationalError as error:
        said = redacted(str(error.orig).strip().splitlines()[0])
        raise StoreError(f"{held} {where} cannot be reached: {said}; mend that and run again") from error
    with session:
        session.execute(sa.text(f"SET lock_timeout = {max(1, round(wait * 1000))}"))
        try:
            session.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": key})
        except sa.exc.OperationalError:
            raise _held(held, where, wait) from None
        try:
            yield
        finally:
            session.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": key})


def _held(held: str, where: str, wait: float) -> HeldError:
    return HeldError(f"another process has been writing to {held} {where} for {wait:g} seconds; run again")
