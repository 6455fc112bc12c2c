"""Reading the prediction log: all of one question is answered as of one moment."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from monitoring.prediction_store import engine
from monitoring.prediction_tables import BATCHES, make
from rarecall.errors import StoreError, redacted


@contextmanager
def reading(url: str) -> Iterator[sa.Connection]:
    """Yield a connection to a log whose tables are there, and on which all is read as of one moment.

    Raises
    ------
    StoreError
        The log cannot be read; the sentence names it without what its URL keeps secret.
    """
    opened = engine(url)
    is_sqlite = opened.dialect.name == "sqlite"
    level = {} if is_sqlite else {"isolation_level": "REPEATABLE READ"}
    try:
        with opened.connect() as connection, connection.begin():
            if not sa.inspect(connection).has_table(BATCHES.name):
                make(connection)
        with opened.connect() as connection, connection.execution_options(**level).begin():
            if is_sqlite:
                connection.exec_driver_sql("BEGIN")
            yield connection
    except sa.exc.SQLAlchemyError as error:
        said = redacted(str(getattr(error, "orig", None) or error).strip().split("\n")[0])
        where = redacted(opened.url.render_as_string(hide_password=True))
        raise StoreError(f"the prediction log at {where} could not be read: {said}; mend that and run again") from error
