"""The join: what a version said of rows, and what is known of them by a moment, as it was known then."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from monitoring.answers import answers, given
from monitoring.prediction_reading import reading
from monitoring.prediction_tables import SHADOWS, TRUTHS
from monitoring.predictions import micros
from rarecall.cohorts import MISSING
from rarecall.maturity import Curve

LEARNED = timedelta(days=180)
"""Delays are learned from rows no older than this: how labels come changes with those who give them."""

_MICROSECOND = timedelta(microseconds=1)

S, T = SHADOWS.c, TRUTHS.c

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Matured:
    """Labelled rows of one version that are positive or that it flagged, in the order of their time.

    Attributes
    ----------
    at, known : arrays of int, shape (n_rows,)
        When each was answered, and when its present label was first told; microseconds since 1970.
    flagged, label, acted : arrays of bool, shape (n_rows,)
        By this version; by what stands; by the version that answered, which is another one for a shadow. Whoever looks
        into a flagged row looks into what was answered, so labels come by `acted`.
    first : array of bool, shape (n_rows,)
        The label that was told first.
    cohorts : dict of str to array of str, shape (n_rows,)
    curves : dict of (bool, bool) to Curve
        By label and `acted`: how soon such labels come, in microseconds, learned from every version's rows.
    as_of, begun : int
        The moment, and when the version first answered; the moment where it never did.
    answered : int
        Rows that it judged, labelled or not.
    """

    at: Ints
    known: Ints
    flagged: Bools
    label: Bools
    acted: Bools
    first: Bools
    cohorts: Mapping[str, NDArray[np.str_]]
    curves: Mapping[tuple[bool, bool], Curve]
    as_of: int
    begun: int
    answered: int


def read(url: str, *, version: int, as_of: datetime | None = None) -> Matured:
    """Join a version's answers, its own and those it gave as a shadow, with the truth as it was known at a moment.

    Parameters
    ----------
    url : str
        Of the prediction log.
    version : int
    as_of : datetime, optional
        By default now. Answers, labels and revisions that were written later are not seen.

    Raises
    ------
    StoreError
        The log cannot be read.
    """
    moment = micros(as_of or datetime.now(UTC))
    with reading(url) as connection:
        rows = _resolved(connection, _judged(connection, version), moment)
        others = _resolved(connection, _others(connection, version, moment), moment)
        begun, answered = _answered(connection, version, moment)
    rows.sort(key=lambda row: row.at)
    table = np.array([row[:-1] for row in rows], dtype=np.int64).reshape(-1, 6)
    at, known, label, acted, flagged, first = table.T
    told = np.array([row[:4] for row in others], dtype=np.int64).reshape(-1, 4)
    return Matured(
        at=at,
        known=known,
        flagged=flagged == 1,
        label=label == 1,
        acted=acted == 1,
        first=first == 1,
        cohorts=_cohorts([row.cohorts for row in rows]),
        curves=_curves(np.concatenate([table[:, :4], told]), moment),
        as_of=moment,
        begun=moment if begun is None else begun,
        answered=answered,
    )


class _Row(NamedTuple):
    """A row whose label is known: its columns as `Matured` has them."""

    at: int
    known: int
    label: int
    acted: int
    flagged: int
    first: int
    cohorts: str


def _judged(connection: sa.Connection, version: int) -> sa.Subquery:
    """Return the answers to the rows that a version judged, with what it `said` of each."""
    all_of = answers(connection)
    own = sa.select(all_of, all_of.c.flagged.label("said")).where(all_of.c.version == version)
    return own.union_all(_shadowed(connection, version)).subquery()


def _shadowed(connection: sa.Connection, version: int) -> sa.Select[Any]:
    """Return the answers of other versions of which a version said something as a shadow."""
    all_of = answers(connection)
    return (
        sa.select(all_of, S.flagged.label("said"))
        .join(SHADOWS, S.prediction == all_of.c.id)
        .where(S.version == version, all_of.c.version != version)
    )


def _others(connection: sa.Connection, version: int, moment: int) -> sa.Subquery:
    """Return the rows that only other versions judged: their labels come as these do."""
    all_of = answers(connection)
    seen = sa.and_(S.prediction == all_of.c.id, S.version == version)
    return (
        sa.select(all_of, all_of.c.flagged.label("said"))
        .select_from(all_of.outerjoin(SHADOWS, seen))
        .where(all_of.c.version != version, S.prediction.is_(None), all_of.c.at >= moment - LEARNED // _MICROSECOND)
        .subquery()
    )


def _resolved(connection: sa.Connection, judged: sa.Subquery, moment: int) -> list[_Row]:
    """Return the rows that were flagged or ever said to be positive, with their label as it stood at the moment."""
    positive, of = sa.select(T.prediction).where(T.label == 1), judged.c
    asked = (
        sa.select(of.id, T.since, T.revision, T.label, T.recorded, of.at, of.flagged, of.said, of.cohorts)
        .join(TRUTHS, T.prediction == of.id)
        .where(of.at <= moment, T.recorded <= moment, T.since <= moment)
        .where(sa.or_(of.said == 1, of.id.in_(positive)))
    )
    # In the order of `since` and revision the last one stands; see `monitoring.prediction_store.standing`.
    told = sorted(tuple(row) for row in connection.execute(asked))
    found = []
    for _, revisions in groupby(told, key=itemgetter(0)):
        said = list(revisions)
        _, _, _, label, _, at, acted, flagged, cohorts = said[-1]
        known = min(recorded for _, _, _, one, recorded, *_ in said if one == label)
        first = min((revision, one) for _, _, revision, one, *_ in said)[1]
        found.append(_Row(at, max(known, at), label, acted, flagged, first, cohorts))
    return found


def _answered(connection: sa.Connection, version: int, moment: int) -> tuple[int | None, int]:
    of = _shadowed(connection, version).subquery().c
    first, many = connection.execute(sa.select(sa.func.min(of.at), sa.func.count()).where(of.at <= moment)).one()
    begun, own = given(connection, version, moment)
    return min((one for one in (first, begun) if one is not None), default=None), own + many


def _curves(rows: Ints, moment: int) -> dict[tuple[bool, bool], Curve]:
    at, known, label, acted = rows[rows[:, 0] >= moment - LEARNED // _MICROSECOND].T
    found = {}
    for kind in ((True, True), (True, False), (False, True), (False, False)):
        chosen = (label == kind[0]) & (acted == kind[1])
        found[kind] = Curve.learn((known - at)[chosen].clip(0), (moment - at)[chosen])
    return found


def _cohorts(told: list[str]) -> dict[str, NDArray[np.str_]]:
    """Return the value of each cohort, row by row; the same combination is read once."""
    combinations, where = np.unique(np.array(told, dtype=str), return_inverse=True)
    read = [orjson.loads(str(one)) for one in combinations]
    names = sorted({name for one in read for name in one})
    return {name: np.array([one.get(name, MISSING) for one in read], dtype=str)[where] for name in names}
