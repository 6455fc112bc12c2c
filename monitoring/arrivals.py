"""When answers and labels came last, as the prediction log knows it: what does not come can't raise its own alarm."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from monitoring.answers import answers, newest
from monitoring.prediction_store import engine, standing
from monitoring.prediction_tables import TRUTHS
from monitoring.predictions import micros
from rarecall.errors import StoreError, redacted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """What has come.

    Attributes
    ----------
    answered : datetime or None
        When the last question was answered; None where none ever was.
    labelled : datetime or None
        When the last label was recorded.
    first : datetime or None
        When the first answer without a label that is old enough for one was given.
    waiting : int
        Answers that are old enough for a label and have none.
    """

    answered: datetime | None
    labelled: datetime | None
    first: datetime | None
    waiting: int


def read(url: str, *, older_than: datetime) -> Arrivals:
    """Return what has come.

    Parameters
    ----------
    url : str
        Of the prediction log; one that is not there yet has nothing.
    older_than : datetime
        Answers from before then are old enough for a label.

    Raises
    ------
    StoreError
        The log cannot be read.

    Examples
    --------
    >>> read("sqlite:////nowhere/log.db", older_than=_EPOCH)
    Arrivals(answered=None, labelled=None, first=None, waiting=0)
    """
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(str(address.database)).exists():
        return Arrivals(answered=None, labelled=None, first=None, waiting=0)
    opened, truth = engine(url), standing()
    try:
        with opened.connect() as connection:
            given = answers(connection)
            unlabelled = (
                sa.select(sa.func.min(given.c.at), sa.func.count())
                .outerjoin(truth, truth.c.prediction == given.c.id)
                .where(given.c.at < micros(older_than), truth.c.prediction.is_(None))
            )
            answered = newest(connection)
            labelled = connection.execute(sa.select(sa.func.max(TRUTHS.c.recorded))).scalar()
            first, waiting = connection.execute(unlabelled).one()
    except sa.exc.SQLAlchemyError as error:
        said = redacted(str(getattr(error, "orig", None) or error).strip().split("\n")[0])
        raise StoreError(f"the prediction log could not be read: {said}; mend that and look again") from error
    finally:
        opened.dispose()
    return Arrivals(answered=_moment(answered), labelled=_moment(labelled), first=_moment(first), waiting=waiting)


def _moment(micro: int | None) -> datetime | None:
    return None if micro is None else _EPOCH + timedelta(microseconds=micro)
