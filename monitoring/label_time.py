"""Label time: what was learned of the answers when, whoever was right, overall and by cohort.

An answer's truth comes days later. So a budget of recall burns when labels come, not when answers are given: an event
is a labelled answer, and its moment is when the truth that stands was taken in.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import orjson
import sqlalchemy as sa

from monitoring.answers import in_batches, oldest
from monitoring.prediction_store import engine, standing
from monitoring.prediction_tables import BATCHES, PREDICTIONS, TRUTHS
from monitoring.predictions import micros
from rarecall.intervals import Interval, wilson

ALL = ("all", "all")
"""The cohort and the value that mean every row."""

OTHER = "other"
_MOST_VALUES = 100  # of a cohort: what is a label of a metric here comes from requests
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Counts:
    """Labelled answers by what was true and what was said.

    Attributes
    ----------
    hits, missed : int
        Positives that were flagged, and that were not.
    false_alarms, rest : int
        Negatives that were flagged, and that were not.
    """

    hits: int = 0
    missed: int = 0
    false_alarms: int = 0
    rest: int = 0

    def __add__(self, other: Self) -> "Counts":
        return Counts(
            self.hits + other.hits,
            self.missed + other.missed,
            self.false_alarms + other.false_alarms,
            self.rest + other.rest,
        )

    @classmethod
    def of(cls, label: int, flagged: int, many: int) -> "Counts":
        """Return so many answers of one kind.

        >>> Counts.of(1, 0, 3)
        Counts(hits=0, missed=3, false_alarms=0, rest=0)
        """
        named = {(1, 1): "hits", (1, 0): "missed", (0, 1): "false_alarms", (0, 0): "rest"}
        return cls(**{named[label, flagged]: many})

    @property
    def positives(self) -> int:
        """How many were positive."""
        return self.hits + self.missed

    @property
    def recall(self) -> float | None:
        """The share of the positives that was flagged."""
        return self.hits / self.positives if self.positives else None

    @property
    def precision(self) -> float | None:
        """The share of the flagged that was positive."""
        flagged = self.hits + self.false_alarms
        return self.hits / flagged if flagged else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both.

        >>> Counts(hits=8, missed=2, false_alarms=2).f1
        0.8
        """
        whole = 2 * self.hits + self.missed + self.false_alarms
        return 2 * self.hits / whole if whole else None

    def recall_interval(self, confidence: float) -> Interval:
        """Return Wilson's interval of the recall."""
        return wilson(self.hits, self.positives, confidence)


Cell = tuple[str, str]


@dataclass(frozen=True)
class Known:
    """What a log says by cohort value and window.

    Attributes
    ----------
    cells : dict of timedelta to dict of (cohort, value) to Counts
        `ALL` is always there; of a cohort at most 100 values by name, the others as `OTHER`.
    label_age : timedelta or None
        Since the newest truth was taken in, or since the first answer where none ever was; None without an answer.
    """

    cells: dict[timedelta, dict[Cell, Counts]]
    label_age: timedelta | None


def windows(url: str, lengths: Sequence[timedelta], as_of: datetime) -> Known:
    """Return what was learned within each of some windows that end at a moment.

    Parameters
    ----------
    url : str
        Of the prediction log.
    lengths : sequence of timedelta
    as_of : datetime
        With its zone; what was taken in later is not looked at.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        The log cannot be read.
    """
    ordered = sorted(set(lengths))
    begins = [micros(as_of - length) for length in ordered]
    rows: Sequence[Any] = ()
    age = None
    if is_begun(url):
        with _reading(url) as connection:
            rows = _counted(
                connection,
                begins[-1],
                micros(as_of),
                lambda recorded: sa.case(*((recorded > begin, number) for number, begin in enumerate(begins))),
            )
            age = _label_age(connection, as_of)
    cells: list[dict[Cell, Counts]] = [{ALL: Counts()} for _ in ordered]
    for cell, within, counts in _apart(rows):
        for wider in cells[within:]:
            wider[cell] = wider.get(cell, Counts()) + counts
    return Known(dict(zip(ordered, cells, strict=True)), age)


def by_day(url: str, since: datetime, as_of: datetime) -> dict[str, dict[Cell, Counts]]:
    """Return what was learned on each day, by its date in UTC; days without a label are left out.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        The log cannot be read.
    """
    if not is_begun(url):
        return {}
    with _reading(url) as connection:
        rows = _counted(connection, micros(since), micros(as_of), lambda recorded: recorded // 86_400_000_000)
    found: dict[str, dict[Cell, Counts]] = {}
    for cell, number, counts in _apart((one[0], int(one[1]), *one[2:]) for one in rows):
        day = f"{datetime.fromtimestamp(number * 86_400, UTC):%Y-%m-%d}"
        cells = found.setdefault(day, {})
        cells[cell] = cells.get(cell, Counts()) + counts
    return dict(sorted(found.items()))


def is_begun(url: str) -> bool:
    """Return whether a log has been begun: one that only reads makes none."""
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        return False
    with _reading(url) as connection:
        return bool(sa.inspect(connection).has_table(TRUTHS.name))


def _counted(connection: sa.Connection, since: int, until: int, place: Callable[[Any], Any]) -> Sequence[Any]:
    """Return (cohorts, place, label, flagged, how many) of the answers that were given, shadows left out.

    Parameters
    ----------
    connection : Connection
    since, until : int
        Of the truths that stood at `until`, those that were taken in between.
    place : callable
        From the column of when a truth was taken in to what it is counted by.
    """
    t = TRUTHS.c
    new = sa.select(t.prediction).where(t.recorded > since, t.recorded <= until)
    stood = standing(t.prediction.in_(new), t.recorded <= until)
    truth = sa.select(stood).where(stood.c.recorded > since).subquery()
    p = PREDICTIONS.c
    alone = sa.select(p.cohorts, place(truth.c.recorded).label("place"), truth.c.label, p.flagged)
    counted = [_by_kind(alone.join(PREDICTIONS, p.id == truth.c.prediction))]
    if sa.inspect(connection).has_table(BATCHES.name):
        # From the answer to its truths, which have an index, and ranked only then: a record has none.
        given = in_batches(connection, new).subquery()
        rank = sa.func.row_number().over(partition_by=t.prediction, order_by=(t.since.desc(), t.revision.desc()))
        told = (
            sa.select(given.c.cohorts, given.c.flagged, t.label, t.recorded, rank.label("rank"))
            .select_from(given.outerjoin(TRUTHS, t.prediction == given.c.id))
            .where(t.recorded <= until)
            .subquery()
        )
        c = told.c
        batched = sa.select(c.cohorts, place(c.recorded).label("place"), c.label, c.flagged)
        counted.append(_by_kind(batched.where(c.rank == 1, c.recorded > since)))
    return [row for one in counted for row in connection.execute(one).all()]


def _by_kind(asked: sa.Select[Any]) -> sa.Select[Any]:
    rows = asked.subquery()
    return sa.select(*rows.c, sa.func.count()).group_by(*rows.c)


def _apart(rows: Iterable[Any]) -> Iterator[tuple[Cell, int, Counts]]:
    """Yield each count for all rows and for each of its cohort values."""
    known: dict[str, set[str]] = {}
    for cohorts, place, label, flagged, many in rows:
        counts = Counts.of(label, flagged, many)
        yield ALL, place, counts
        for cohort, value in orjson.loads(cohorts).items():
            values = known.setdefault(cohort, set())
            if value not in values and len(values) >= _MOST_VALUES:
                yield (cohort, OTHER), place, counts
                continue
            values.add(value)
            yield (cohort, value), place, counts


def _label_age(connection: sa.Connection, as_of: datetime) -> timedelta | None:
    now = micros(as_of)
    newest = connection.execute(sa.select(sa.func.max(TRUTHS.c.recorded)).where(TRUTHS.c.recorded <= now)).scalar()
    for at in (newest, oldest(connection, now)):
        if at is not None:
            return (now - at) * _MICROSECOND
    return None


@contextmanager
def _reading(url: str) -> Iterator[sa.Connection]:
    opened = engine(url)
    try:
        with opened.connect() as connection:
            yield connection
    finally:
        opened.dispose()
