"""Every answer of the prediction log as a plain row, whether it was answered alone or in a batch.

An answer of a batch stands in the batch's one record; its id is the batch's with its place in the request behind it.
Who counts answers reads them here, so that nobody has to know of the two forms.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from monitoring.prediction_tables import BATCHES, PREDICTIONS

_AT_ONCE = 500  # ids in one question: SQLite takes 999 in its older builds
_COLUMNS = ("id", "at", "entity", "arm", "version", "digest", "score", "flagged", "cohorts")
_DASH = "-"


def id_in(batch: str, place: int) -> str:
    """Return the id of the answer at a place of a batch, the first being 0.

    >>> id_in("065a1f3c2d9e40", 17)
    '065a1f3c2d9e40-17'
    """
    return f"{batch}{_DASH}{place}"


def answers(connection: sa.Connection) -> sa.Subquery:
    """Return all answers, as a table with the columns of `predictions` but its `number`.

    Parameters
    ----------
    connection : Connection
        To the log, for which the question is written: SQLite and PostgreSQL open a record in ways of their own.
    """
    alone = sa.select(*(PREDICTIONS.c[name] for name in _COLUMNS))
    if BATCHES not in _tables(connection):
        return alone.subquery("answers")
    return sa.union_all(alone, in_batches(connection)).subquery("answers")


def in_batches(connection: sa.Connection, ids: sa.Select[tuple[str]] | None = None) -> sa.Select[Any]:
    """Return the answers of batches, with the columns of `answers`.

    Parameters
    ----------
    connection : Connection
    ids : Select, optional
        Of ids of answers: only batches that hold one of them are opened.
    """
    b = BATCHES.c
    if connection.dialect.name == "postgresql":
        opened = sa.func.jsonb_array_elements(sa.cast(b.record, JSONB))
    else:
        opened = sa.func.json_each(b.record)
    row = opened.table_valued("value", joins_implicitly=True).c.value

    def part(place: int, kind: sa.types.TypeEngine[object]) -> sa.ColumnElement[object]:
        return sa.cast(row.op("->>")(sa.literal_column(str(place))), kind)

    found = sa.select(
        (b.id + _DASH + part(0, sa.Text())).label("id"),
        b.at,
        part(1, sa.Text()).label("entity"),
        b.arm,
        b.version,
        part(2, sa.Text()).label("digest"),
        part(3, sa.Double()).label("score"),
        part(4, sa.SmallInteger()).label("flagged"),
        part(5, sa.Text()).label("cohorts"),
    )
    if ids is None:
        return found
    named = ids.subquery()
    of = sa.select(sa.func.rtrim(named.c[0], "0123456789")).distinct()
    return found.where((b.id + _DASH).in_(of))


def newest(connection: sa.Connection) -> int | None:
    """Return when the newest answer was given, in microseconds since 1970, without opening a record."""
    found = (connection.execute(sa.select(sa.func.max(table.c.at))).scalar() for table in _tables(connection))
    return max((one for one in found if one is not None), default=None)


def oldest(connection: sa.Connection, until: int) -> int | None:
    """Return when the first answer was given by a moment, as `newest`."""
    asked = (sa.select(sa.func.min(table.c.at)).where(table.c.at <= until) for table in _tables(connection))
    found = (connection.execute(one).scalar() for one in asked)
    return min((one for one in found if one is not None), default=None)


def _tables(connection: sa.Connection) -> list[sa.Table]:
    """Return the tables of answers; a log that was begun by an older version has no batches."""
    return [PREDICTIONS, *([BATCHES] if sa.inspect(connection).has_table(BATCHES.name) else [])]


def given(connection: sa.Connection, version: int, until: int) -> tuple[int | None, int]:
    """Return when a version first answered, in microseconds since 1970, and how many rows by a moment.

    No record is opened for it: what is in them is counted.
    """
    b, length = BATCHES.c, sa.func.json_array_length(BATCHES.c.record)
    if connection.dialect.name == "postgresql":
        length = sa.func.jsonb_array_length(sa.cast(BATCHES.c.record, JSONB))
    p, found = PREDICTIONS.c, []
    for of, many in ((p, sa.func.count()), (b, sa.func.coalesce(sa.func.sum(length), 0))):
        asked = sa.select(sa.func.min(of.at), many).where(of.version == version, of.at <= until)
        found.append(connection.execute(asked).one())
    first = min((begun for begun, _ in found if begun is not None), default=None)
    return first, sum(int(many) for _, many in found)


def known(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Return those of some ids under which there is an answer."""
    found: set[str] = set()
    for begin in range(0, len(ids), _AT_ONCE):
        some = ids[begin : begin + _AT_ONCE]
        found.update(connection.execute(sa.select(PREDICTIONS.c.id).where(PREDICTIONS.c.id.in_(some))).scalars())
    places: dict[str, list[tuple[str, int]]] = {}
    for name in ids:
        batch, _, place = name.rpartition(_DASH)
        if name not in found and batch and place.isdecimal() and place == str(int(place)):
            places.setdefault(batch, []).append((name, int(place)))
    batches = list(places)
    for begin in range(0, len(batches), _AT_ONCE):
        chosen = BATCHES.c.id.in_(batches[begin : begin + _AT_ONCE])
        for batch, size in connection.execute(sa.select(BATCHES.c.id, BATCHES.c.size).where(chosen)):
            found.update(name for name, place in places[batch] if place < size)
    return found
