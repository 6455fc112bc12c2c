"""Answers about a person who is forgotten: counted, and left in the log under a pseudonym, so that counts stay true."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import orjson
import sqlalchemy as sa

from monitoring.prediction_store import engine
from monitoring.prediction_tables import BATCHES, PREDICTIONS, make
from rarecall.errors import StoreError, redacted

_MARK = "forgotten:"
_ENTITY, _DIGEST = 1, 2  # places in a batch's rows


def names_of(columns: Sequence[str], entity: Mapping[str, str]) -> list[str]:
    """Return each name that an entity may have in the log.

    Parameters
    ----------
    columns : sequence of str
        The project's, in its order.
    entity : mapping of str to str
        Its columns and their values, as texts.

    >>> names_of(["id"], {"id": "7"})
    ['7']
    >>> names_of(["bank", "id"], {"id": "7", "bank": "x"})
    ['["x","7"]', '["x",7]']
    """
    if len(columns) == 1:
        return [entity[columns[0]]]
    forms = [[value, int(value)] if _is_whole(value) else [value] for value in (entity[one] for one in columns)]
    return [orjson.dumps(one).decode() for one in product(*forms)]


def count(url: str, names: Sequence[str]) -> int:
    """Return how many answers are about an entity; none where there is no log yet.

    Raises
    ------
    StoreError
        The log cannot be read.
    """
    return 0 if _is_missing(url) else _each(url, names, None)


def replace(url: str, names: Sequence[str], pseudonym: str) -> int:
    """Give the answers about an entity its pseudonym instead of its name, and no digest of its features.

    What was answered, and what turned out to be true of it, is left and counted as before.

    Returns
    -------
    int
        How many there were.

    Raises
    ------
    StoreError
        The log cannot be written; then nothing was changed.
    """
    return 0 if _is_missing(url) else _each(url, names, _MARK + pseudonym)


def _each(url: str, names: Sequence[str], pseudonym: str | None) -> int:
    is_theirs = PREDICTIONS.c.entity.in_(names)
    # A record holds a name as JSON writes it; what LIKE finds besides is told apart below.
    texts = [orjson.dumps(name).decode() for name in names]
    may_hold = sa.or_(*(BATCHES.c.record.contains(text, autoescape=True) for text in texts))
    found = 0
    with _begun(url) as connection:
        alone = sa.select(sa.func.count()).select_from(PREDICTIONS).where(is_theirs)
        found += int(connection.execute(alone).scalar_one())
        if pseudonym is not None:
            connection.execute(sa.update(PREDICTIONS).where(is_theirs).values(entity=pseudonym, digest=""))
        for number, record in connection.execute(sa.select(BATCHES.c.number, BATCHES.c.record).where(may_hold)).all():
            rows = orjson.loads(record)
            theirs = [row for row in rows if row[_ENTITY] in names]
            found += len(theirs)
            if pseudonym is None or not theirs:
                continue
            for row in theirs:
                row[_ENTITY], row[_DIGEST] = pseudonym, ""
            written = orjson.dumps(rows).decode()
            connection.execute(sa.update(BATCHES).where(BATCHES.c.number == number).values(record=written))
    return found


@contextmanager
def _begun(url: str) -> Iterator[sa.Connection]:
    """Yield a connection to a log whose tables are there, in one transaction."""
    opened = engine(url)
    is_sqlite = opened.dialect.name == "sqlite"
    try:
        with opened.connect() as connection, connection.begin():
            make(connection)
        with opened.connect() as connection:
            if is_sqlite:
                connection.exec_driver_sql("PRAGMA secure_delete=ON")  # or the name stays in the pages that become free
                connection.rollback()
            with connection.begin():
                if is_sqlite:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
            if is_sqlite:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    except sa.exc.SQLAlchemyError as error:
        said = redacted(str(getattr(error, "orig", None) or error).strip().split("\n")[0])
        where = redacted(opened.url.render_as_string(hide_password=True))
        raise StoreError(
            f"the prediction log at {where} could not be searched: {said}; mend that and run again"
        ) from error


def _is_missing(url: str) -> bool:
    address = sa.make_url(url)
    return address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file()


def _is_whole(value: str) -> bool:
    return value.removeprefix("-").isdecimal() and value == str(int(value)) and abs(int(value)) < 2**63
