"""Evidence: what the prediction log knows of a canary and the champion beside it, counted by the database."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa

from monitoring.answers import answers
from monitoring.prediction_reading import reading
from monitoring.prediction_store import standing
from monitoring.prediction_tables import SHADOWS, TALLIES
from monitoring.predictions import micros
from rarecall.canary import Cells, Evidence, Pairs, Stream, Tallied

_FINEST = 10_000  # parts of a score near 0; rows that are alike are counted together


def read(url: str, *, champion: int, canary: int, since: datetime, step_since: datetime | None = None) -> Evidence:
    """Return what is known of two versions since a moment.

    Parameters
    ----------
    url : str
        Of the prediction log.
    champion, canary : int
        The versions. What either said while the other arm was another version is not read.
    since : datetime
        When the canary began.
    step_since : datetime, optional
        When it came to its share of the traffic; by default `since`.

    Returns
    -------
    Evidence
        Truths are those that stand now. Scores are rounded to two digits, below 0.1 to three, below 0.01 to four.

    Raises
    ------
    StoreError
        The log cannot be read.
    """
    begun, arms = micros(since), {"champion": champion, "canary": canary}
    step = begun if step_since is None else micros(step_since)
    with reading(url) as connection:
        table = [_Alike(*row) for row in connection.execute(_counted(connection, champion, canary, begun, step))]
        tallied = {arm: _tallied(connection, arm, version, begun) for arm, version in arms.items()}
    streams = {version: _stream(one for one in table if one.version == version) for version in (champion, canary)}
    both = [one for one in table if one.other_flagged is not None]
    pairs = {label: _pairs((one for one in both if one.label == label), champion) for label in (0, 1)}
    return Evidence(
        champion=streams[champion],
        canary=streams[canary],
        positives=pairs[1],
        negatives=pairs[0],
        cells=_cells(both, champion),
        tallied=tallied["canary"],
        champion_tallied=tallied["champion"],
        at_step=sum(one.count for one in table if one.at_step),
        cohorts=_cohorts((one for one in table if one.label == 1), champion),
        cohort_pairs=_cohort_pairs((one for one in both if one.label == 1), champion),
    )


class _Alike(NamedTuple):
    """Answers that are alike: who gave them, what the other version said as a shadow, what was true, and how many."""

    version: int
    at_step: int
    flagged: int
    score: int
    cohorts: str
    other_flagged: int | None
    other_score: int | None
    label: int | None
    count: int


def _counted(connection: sa.Connection, champion: int, canary: int, since: int, step: int) -> sa.Select[Any]:
    """Return the one question that is asked: every answer once, its shadow and its truth beside it."""
    given, true, shadow = answers(connection).c, standing(), SHADOWS.c

    def rounded(score: Any) -> Any:
        # Mean scores of a rare class are small: a step of 0.01 would be all of them.
        steps = sa.case((score < 0.01, 1), (score < 0.1, 10), else_=100)
        return sa.cast(sa.func.round(score * _FINEST / steps) * steps, sa.Integer)

    other = sa.case((given.version == champion, canary), else_=champion)
    is_of_step = sa.and_(given.version == canary, given.arm == "canary", given.at >= step)
    keys = [
        given.version,
        sa.case((is_of_step, 1), else_=0).label("at_step"),
        given.flagged,
        rounded(given.score).label("rounded"),
        given.cohorts,
        shadow.flagged.label("other_flagged"),
        rounded(shadow.score).label("other_rounded"),
        true.c.label,
    ]
    table = given.id.table.outerjoin(SHADOWS, sa.and_(shadow.prediction == given.id, shadow.version == other))
    chosen = sa.and_(given.version.in_([champion, canary]), given.at >= since)
    places = [sa.literal_column(str(place)) for place in range(1, len(keys) + 1)]  # the database knows them by place
    return (
        sa.select(*keys, sa.func.count())
        .select_from(table.outerjoin(true, true.c.prediction == given.id))
        .where(chosen)
        .group_by(*places)
    )


def _stream(table: Iterable[_Alike]) -> Stream:
    counts: Counter[str] = Counter()
    for one in table:
        counts["answered"] += one.count
        counts["flagged"] += one.count * one.flagged
        if one.label is not None:
            counts["positives" if one.label else "negatives"] += one.count
            counts["hits" if one.label else "alarms"] += one.count * one.flagged
    return Stream(**counts)


def _pairs(table: Iterable[_Alike], champion: int) -> Pairs:
    names = {(1, 1): "both", (1, 0): "champion", (0, 1): "canary", (0, 0): "neither"}
    counts: Counter[str] = Counter()
    for one in table:
        flags = (one.flagged, one.other_flagged) if one.version == champion else (one.other_flagged, one.flagged)
        counts[names[flags]] += one.count
    return Pairs(**counts)


def _cells(table: Iterable[_Alike], champion: int) -> Cells:
    counts: Counter[tuple[Any, ...]] = Counter()
    for one in table:
        of_champion, of_canary = (one.score, one.flagged), (one.other_score, one.other_flagged)
        if one.version != champion:
            of_champion, of_canary = of_canary, of_champion
        counts[of_champion[0], of_canary[0], of_champion[1], of_canary[1]] += one.count
    made = np.array([(*cell, count) for cell, count in counts.items()], dtype=float).reshape(-1, 5)
    made[:, :2] /= _FINEST
    return Cells(made)


def _cohorts(table: Iterable[_Alike], champion: int) -> dict[str, dict[str, dict[str, tuple[int, int]]]]:
    """Return of labelled positives how many each arm answered itself, and how many of these it found."""
    found: dict[str, dict[str, dict[str, tuple[int, int]]]] = {}
    for one in table:
        arm = "champion" if one.version == champion else "canary"
        for cohort, value in orjson.loads(one.cohorts).items():
            by_arm = found.setdefault(cohort, {}).setdefault(value, {})
            positives, hits = by_arm.get(arm, (0, 0))
            by_arm[arm] = (positives + one.count, hits + one.count * one.flagged)
    return found


def _cohort_pairs(table: Iterable[_Alike], champion: int) -> dict[str, dict[str, Pairs]]:
    by_value: dict[str, dict[str, list[_Alike]]] = {}
    for one in table:
        for cohort, value in orjson.loads(one.cohorts).items():
            by_value.setdefault(cohort, {}).setdefault(value, []).append(one)
    return {cohort: {value: _pairs(some, champion) for value, some in by.items()} for cohort, by in by_value.items()}


def _tallied(connection: sa.Connection, arm: str, version: int, since: int) -> Tallied:
    t = TALLIES.c
    summed = sa.select(*(sa.func.coalesce(sa.func.sum(one), 0) for one in (t.answered, t.slow, t.failed))).where(
        t.arm == arm, t.version == version, t.at >= since
    )
    return Tallied(*(int(one) for one in connection.execute(summed).one()))
