"""Every answer of the prediction log as a plain row, whether it was answered alone or in a batch.

An answer of a batch stands in the batch's one record; its id is the batch's with its place in the request behind it.
Who counts answers reads them here, so that nobody has to know of the two forms.
"""

from collections.abc import Sequence

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
    if not sa.inspect(connection).has_table(BATCHES.name):  # a log that was begun by an older version
        return alone.subquery("answers")
    b = BATCHES.c
    if connection.dialect.name == "postgresql":
        opened = sa.func.jsonb_array_elements(sa.cast(b.record, JSONB))
    else:
        opened = sa.func.json_each(b.record)
    row = opened.table_valued("value", joins_implicitly=True).c.value

    def part(place: int, kind: sa.types.TypeEngine[object]) -> sa.ColumnElement[object]:
        return sa.cast(row.op("->>")(sa.literal_column(str(place))), kind)

    in_batches = sa.select(
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
    return sa.union_all(alone, in_batches).subquery("answers")


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
