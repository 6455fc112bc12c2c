"""Recall of the versions that serve, overall and by cohort, from answers whose truth is known by now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
import sqlalchemy as sa

from monitoring.answers import answers
from monitoring.prediction_store import engine, standing
from monitoring.prediction_tables import SHADOWS
from rarecall.cohorts import in_order
from rarecall.intervals import Interval, State, at_least, wilson


@dataclass(frozen=True)
class Recall:
    """A version's recall on some labelled rows.

    Attributes
    ----------
    positives, hits : int
    value : float or None
        None without a positive.
    interval : Interval
    state : {"good", "bad", "not enough evidence"}
        Against the gate of the recall; with fewer positives than asked for there is not enough evidence.
    """

    positives: int
    hits: int
    value: float | None
    interval: Interval
    state: State

    @classmethod
    def of(cls, positives: int, hits: int, *, floor: float, least: int, confidence: float) -> "Recall":
        """Return the recall of counts.

        >>> Recall.of(40, 38, floor=0.8, least=30, confidence=0.95).state
        'good'
        >>> Recall.of(4, 4, floor=0.8, least=30, confidence=0.95).state
        'not enough evidence'
        """
        interval = wilson(hits, positives, confidence)
        state = at_least(interval, floor) if positives >= least else "not enough evidence"
        return cls(positives, hits, hits / positives if positives else None, interval, state)


@dataclass(frozen=True)
class Labelled:
    """What is known of one version.

    Attributes
    ----------
    labelled : int
        Answers, its own and those it gave as a shadow, whose truth is known.
    overall : Recall
    cohorts : dict of str to dict of str to Recall
        By cohort and value, the values in a person's order.
    """

    labelled: int
    overall: Recall
    cohorts: Mapping[str, Mapping[str, Recall]] = field(default_factory=dict)


def recalls(url: str, versions: Sequence[int], *, floor: float, least: int, confidence: float) -> dict[int, Labelled]:
    """Return what is known of versions of the model.

    Parameters
    ----------
    url : str
        Of the prediction log.
    versions : sequence of int
    floor, least, confidence
        The gate of the recall, the fewest positives of any judgement, and the confidence of the intervals.

    Raises
    ------
    sqlalchemy.exc.SQLAlchemyError
        The log cannot be read.
    """
    opened = engine(url)
    with opened.connect() as connection:
        counted = {version: _counted(connection, version) for version in versions}
    opened.dispose()

    def recall(positives: int, hits: int) -> Recall:
        return Recall.of(positives, hits, floor=floor, least=least, confidence=confidence)

    found = {}
    for version, rows in counted.items():
        cells: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        labelled = positives = hits = 0
        for cohorts, label, flagged, many in rows:
            labelled += many
            if not label:
                continue
            positives += many
            hits += many * flagged
            for cohort, value in orjson.loads(cohorts).items():
                cells[cohort][value][0] += many
                cells[cohort][value][1] += many * flagged
        found[version] = Labelled(
            labelled,
            recall(positives, hits),
            {cohort: {value: recall(*by[value]) for value in in_order(by)} for cohort, by in cells.items()},
        )
    return found


def _counted(connection: sa.Connection, version: int) -> list[tuple[str, int, int, int]]:
    """Return how many labelled answers there are of each combination of cohorts, label and decision."""
    truth, given = standing(), answers(connection).c
    own = (
        sa.select(given.cohorts, truth.c.label, given.flagged)
        .join(truth, truth.c.prediction == given.id)
        .where(given.version == version)
    )
    as_shadow = (
        sa.select(given.cohorts, truth.c.label, SHADOWS.c.flagged)
        .join(truth, truth.c.prediction == given.id)
        .join(SHADOWS, SHADOWS.c.prediction == given.id)
        .where(SHADOWS.c.version == version, given.version != version)
    )
    both = own.union_all(as_shadow).subquery()
    columns = (both.c.cohorts, both.c.label, both.c.flagged)
    asked = sa.select(*columns, sa.func.count()).group_by(*columns)
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(asked)]
