"""One writer at a time on a Feast registry: a lock beside a SQLite file, an advisory lock in PostgreSQL.

Feast reads, compares and writes in several transactions, so two writers at once can each undo a part of the other's.
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

_KEY = 0x7261_7265_6361_6C6C
"""Of the advisory lock, one a database: "rarecall" in ASCII."""


@contextmanager
def registry_lock(url: str, *, wait: float = WAIT) -> Iterator[None]:
    """Hold a registry for writing; whoever is killed lets go.

    Parameters
    ----------
    url : str
        The registry's SQLAlchemy URL, SQLite or PostgreSQL.
    wait : float
        Seconds.

    Raises
    ------
    StoreError
        Another writer held it all the while, or it is a database that has no such lock.
    """
    address = sa.make_url(url)
    match address.get_backend_name():
        case "sqlite":
            with _beside(Path(str(address.database)), wait):
                yield
        case "postgresql":
            with _inside(address, wait):
                yield
        case other:
            raise StoreError(f"stores.feast_registry: expected a SQLite or PostgreSQL URL, got {other}")


@contextmanager
def _beside(file: Path, wait: float) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file.with_name(f"{file.name}.lock"), timeout=wait)
    try:
        lock.acquire()
    except Timeout:
        raise _held(str(file), wait) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _inside(address: sa.URL, wait: float) -> Iterator[None]:
    """Hold the lock of a session of its own, which ends with the process at the latest."""
    where = redacted(address.render_as_string(hide_password=True))
    engine = sa.create_engine(address, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    try:
        session = engine.connect()
    except sa.exc.OperationalError as error:
        said = redacted(str(error.orig).strip().splitlines()[0])
        raise StoreError(f"Feast's registry {where} cannot be reached: {said}; mend that and run again") from error
    with session:
        session.execute(sa.text(f"SET lock_timeout = {round(wait * 1000)}"))
        try:
            session.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _KEY})
        except sa.exc.OperationalError:
            raise _held(where, wait) from None
        try:
            yield
        finally:
            session.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _KEY})


def _held(where: str, wait: float) -> StoreError:
    return StoreError(f"another process has been writing to Feast's registry {where} for {wait:g} seconds; run again")
