"""Answers of which nothing is known yet: whom they were about, and whom the log can tell the truth of already."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from monitoring.answers import answers
from monitoring.prediction_reading import reading
from monitoring.prediction_tables import TRUTHS


@dataclass(frozen=True)
class Unlabelled:
    """Entities by what a log knows of them.

    Attributes
    ----------
    waiting : dict of str to int
        How many answers about each entity have no truth, of those of whom nothing at all is known.
    known : frozenset of str
        Entities of which at least one answer has a truth.
    """

    waiting: dict[str, int]
    known: frozenset[str]


def read(url: str) -> Unlabelled:
    """Return what a log knows; a log that was never begun is not made.

    Raises
    ------
    StoreError
        The log cannot be read.
    """
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        return Unlabelled({}, frozenset())
    with reading(url) as connection:
        given = answers(connection)
        told = sa.exists().where(TRUTHS.c.prediction == given.c.id)
        truths = sa.func.sum(sa.case((told, 1), else_=0))
        asked = sa.select(given.c.entity, sa.func.count(), truths).group_by(given.c.entity)
        rows = connection.execute(asked).all()
    return Unlabelled(
        waiting={entity: int(many) for entity, many, truths in rows if not truths},
        known=frozenset(entity for entity, _, truths in rows if truths),
    )
