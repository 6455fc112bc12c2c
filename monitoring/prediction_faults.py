"""What of a prediction log cannot be: an answer of a version that never was, a truth about nothing, a row twice."""

from collections.abc import Collection

import sqlalchemy as sa

from monitoring.answers import answers
from monitoring.prediction_store import engine
from monitoring.prediction_tables import PREDICTIONS, SHADOWS, TRUTHS
from rarecall.errors import StoreError, redacted


def count(url: str) -> int | None:
    """Return how many answers a log has, or None where there is no log yet; nothing is made."""
    opened = engine(url)
    try:
        with opened.connect() as connection:
            if not sa.inspect(connection).has_table(PREDICTIONS.name):
                return None
            return int(connection.execute(sa.select(sa.func.count()).select_from(answers(connection))).scalar_one())
    except sa.exc.SQLAlchemyError as error:
        raise StoreError(f"the prediction log cannot be read: {redacted(str(error).splitlines()[0])}") from error
    finally:
        opened.dispose()


def faults(url: str, versions: Collection[int]) -> list[str]:
    """Return what is wrong with a log that exists, a sentence each.

    Parameters
    ----------
    url : str
    versions : collection of int
        The versions that the registry has, or had when one of them was moved.
    """
    opened = engine(url)
    try:
        with opened.connect() as connection:
            given = answers(connection)
            return [
                *_unknown(connection, given, versions),
                *_twice(connection, given),
                *_about_nothing(connection, given),
            ]
    finally:
        opened.dispose()


def _unknown(connection: sa.Connection, given: sa.Subquery, versions: Collection[int]) -> list[str]:
    by_version = sa.select(given.c.version, sa.func.count()).group_by(given.c.version)
    rows = connection.execute(by_version).all()
    return [
        f"{many:,} answers of version {one}, which the registry has not" for one, many in rows if one not in versions
    ]


def _twice(connection: sa.Connection, given: sa.Subquery) -> list[str]:
    again = sa.select(given.c.id).group_by(given.c.id).having(sa.func.count() > 1).subquery()
    many = connection.execute(sa.select(sa.func.count()).select_from(again)).scalar_one()
    return [f"{many:,} ids stand for more than one answer"] if many else []


def _about_nothing(connection: sa.Connection, given: sa.Subquery) -> list[str]:
    found = []
    for table, said in ((TRUTHS, "truths"), (SHADOWS, "shadows")):
        missing = sa.select(given.c.id)
        asked = sa.select(sa.func.count()).select_from(table).where(table.c.prediction.not_in(missing))
        if many := connection.execute(asked).scalar_one():
            found.append(f"{many:,} {said} about an answer that is not there")
    return found
