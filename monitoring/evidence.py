"""Evidence: what the prediction log knows of a canary and the champion beside it, counted by the database."""

from collections import defaultdict
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa

from monitoring.prediction_reading import reading
from monitoring.prediction_store import standing
from monitoring.prediction_tables import PREDICTIONS, SHADOWS, TALLIES
from monitoring.predictions import micros
from rarecall.canary import Cells, Evidence, Pairs, Stream, Tallied

_FINEST = 10_000  # parts of a score near 0; rows that are alike are counted together

P, S = PREDICTIONS.c, SHADOWS.c


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
    begun = micros(since)
    step = begun if step_since is None else micros(step_since)
    with reading(url) as connection:
        streams, cohorts = _streams(connection, champion, canary, begun)
        pairs = _pairs(connection, champion, canary, begun)
        return Evidence(
            champion=streams[champion],
            canary=streams[canary],
            positives=pairs[1],
            negatives=pairs[0],
            cells=_cells(connection, champion, canary, begun),
            tallied=_tallied(connection, canary, begun),
            at_step=_answered(connection, canary, step),
            cohorts=cohorts,
        )


def _answered(connection: sa.Connection, version: int, since: int) -> int:
    counted = sa.select(sa.func.count()).where(P.version == version, P.arm == "canary", P.at >= since)
    return int(connection.execute(counted).scalar_one())


def _streams(
    connection: sa.Connection, champion: int, canary: int, since: int
) -> tuple[dict[int, Stream], dict[str, dict[str, dict[str, tuple[int, int]]]]]:
    """Return what each version answered, and the recall by cohort."""
    true = standing()
    told = sa.select(P.version, P.flagged, P.cohorts, true.c.label, sa.func.count()).select_from(
        PREDICTIONS.outerjoin(true, true.c.prediction == P.id)
    )
    chosen = told.where(P.version.in_([champion, canary]), P.at >= since).group_by(
        P.version, P.flagged, P.cohorts, true.c.label
    )
    counts: dict[int, dict[str, int]] = {champion: defaultdict(int), canary: defaultdict(int)}
    found: dict[str, dict[str, dict[str, tuple[int, int]]]] = {}
    for version, flagged, named, label, count in connection.execute(chosen):
        _count(counts[version], flagged, label, count)
        if label == 1:
            arm = "champion" if version == champion else "canary"
            for cohort, value in orjson.loads(named).items():
                by_arm = found.setdefault(cohort, {}).setdefault(value, {})
                positives, hits = by_arm.get(arm, (0, 0))
                by_arm[arm] = (positives + count, hits + count * flagged)
    return {version: Stream(**one) for version, one in counts.items()}, found


def _count(stream: dict[str, int], flagged: int, label: int | None, count: int) -> None:
    stream["answered"] += count
    stream["flagged"] += count * flagged
    if label is not None:
        stream["positives" if label else "negatives"] += count
        stream["hits" if label else "alarms"] += count * flagged


def _both(champion: int, canary: int, since: int) -> tuple[sa.FromClause, sa.ColumnElement[bool], dict[str, Any]]:
    """Return the rows that both judged, whichever answered, and what each made of them."""
    rows = PREDICTIONS.join(SHADOWS, S.prediction == P.id)
    chosen = sa.and_(
        P.at >= since,
        sa.or_(
            sa.and_(P.version == champion, S.version == canary), sa.and_(P.version == canary, S.version == champion)
        ),
    )
    by_champion = P.version == champion
    columns = {
        "champion": sa.case((by_champion, P.flagged), else_=S.flagged),
        "canary": sa.case((by_champion, S.flagged), else_=P.flagged),
        "champion_score": sa.case((by_champion, P.score), else_=S.score),
        "canary_score": sa.case((by_champion, S.score), else_=P.score),
    }
    return rows, chosen, columns


def _pairs(connection: sa.Connection, champion: int, canary: int, since: int) -> dict[int, Pairs]:
    """Return the labelled rows that both judged, by their label."""
    rows, chosen, by = _both(champion, canary, since)
    true = standing()
    counted = (
        sa.select(true.c.label, by["champion"].label("one"), by["canary"].label("other"), sa.func.count())
        .select_from(rows.join(true, true.c.prediction == P.id))
        .where(chosen)
        .group_by(true.c.label, sa.text("one"), sa.text("other"))
    )
    names = {(1, 1): "both", (1, 0): "champion", (0, 1): "canary", (0, 0): "neither"}
    found: dict[int, dict[str, int]] = {0: {}, 1: {}}
    for label, one, other, count in connection.execute(counted):
        found[label][names[one, other]] = count
    return {label: Pairs(**counts) for label, counts in found.items()}


def _cells(connection: sa.Connection, champion: int, canary: int, since: int) -> Cells:
    """Return all rows that both scored, alike ones together."""
    rows, chosen, by = _both(champion, canary, since)

    def rounded(score: Any, name: str) -> Any:
        # Mean scores of a rare class are small: a step of 0.01 would be all of them.
        steps = sa.case((score < 0.01, 1), (score < 0.1, 10), else_=100)
        return sa.cast(sa.func.round(score * _FINEST / steps) * steps, sa.Integer).label(name)

    counted = (
        sa.select(
            rounded(by["champion_score"], "a"),
            rounded(by["canary_score"], "b"),
            by["champion"].label("c"),
            by["canary"].label("d"),
            sa.func.count(),
        )
        .select_from(rows)
        .where(chosen)
        .group_by(*map(sa.text, "abcd"))
    )
    table = np.array([tuple(row) for row in connection.execute(counted)], dtype=float).reshape(-1, 5)
    table[:, :2] /= _FINEST
    return Cells(table)


def _tallied(connection: sa.Connection, version: int, since: int) -> Tallied:
    t = TALLIES.c
    summed = sa.select(*(sa.func.coalesce(sa.func.sum(one), 0) for one in (t.answered, t.slow, t.failed))).where(
        t.arm == "canary", t.version == version, t.at >= since
    )
    return Tallied(*(int(one) for one in connection.execute(summed).one()))
