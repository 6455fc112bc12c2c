"""What the prediction log takes in, and the rows of its tables that this becomes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from rarecall.errors import DataError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer.

    Parameters
    ----------
    id : str
        Given out once, at most 64 characters; ids that ascend with time keep the index small in memory.
    at : datetime
        When it was answered, with its zone.
    entity : str
        Whom or what it is about.
    arm : str
        Who answered: `champion` or `canary`.
    version : int
        Of the model.
    digest : str
        Of the features, at most 64 characters.
    score : float
        The probability of the rare class.
    flagged : bool
        Whether the score reached the model's threshold.
    cohorts : dict of str to str
        The value of each cohort.
    """

    id: str
    at: datetime
    entity: str
    arm: str
    version: int
    digest: str
    score: float
    flagged: bool
    cohorts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """The answers of one arm to a batch, a sequence a column.

    Parameters
    ----------
    arm, version
        As of a `Prediction`.
    places : sequence of int
        Where each stood in the request, from 0 on; with the batch's id it makes the answer's: `answers.id_in`.
    entities, digests, scores, flagged, cohorts : sequence
        As of a `Prediction`, one of each for each place. Rows that are alike may share one dict of cohorts.
    """

    arm: str
    version: int
    places: Sequence[int]
    entities: Sequence[str]
    digests: Sequence[str]
    scores: Sequence[float]
    flagged: Sequence[bool]
    cohorts: Sequence[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Batch:
    """The answers to one request of many rows: `size` of them, which the parts of the arms have between them."""

    id: str
    at: datetime
    size: int
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Shadow:
    """What another version says of a row that it did not answer for; `id` is the prediction's."""

    id: str
    version: int
    score: float
    flagged: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How an arm did since its last tally: requests `answered`, of them `slow` (over the limit), and `failed` ones."""

    at: datetime
    arm: str
    version: int
    answered: int
    failed: int
    slow: int


def micros(moment: datetime) -> int:
    """Return a moment as the log keeps it: microseconds since 1970 in UTC.

    >>> micros(datetime(1970, 1, 1, 1, tzinfo=UTC))
    3600000000
    """
    if moment.tzinfo is None:
        raise DataError(f"expected a time with its zone, got {moment.isoformat()}; add Z where it is in UTC")
    return (moment - _EPOCH) // _MICROSECOND


def of_prediction(one: Prediction) -> tuple[Any, ...]:
    """Return an answer's row of `predictions`; DataError where its score is no number or its time has no zone."""
    if not math.isfinite(one.score):
        raise DataError(f"expected a score that is a number, got {one.score}; the model's answer cannot be logged")
    at = micros(one.at)
    return (one.id, at, one.entity, one.arm, one.version, one.digest, one.score, int(one.flagged), _text(one.cohorts))


def _text(cohorts: dict[str, str]) -> str:
    return orjson.dumps(cohorts).decode() if cohorts else "{}"


def of_batch(batch: Batch) -> list[tuple[Any, ...]]:
    """Return a batch's rows of `batches`, one an arm; DataError as `of_prediction`."""
    at, rows = micros(batch.at), []
    for part in batch.parts:
        if not all(map(math.isfinite, part.scores)):
            raise DataError("expected scores that are numbers; the model's answer cannot be logged")
        texts = {key: _text(one) for key, one in {id(one): one for one in part.cohorts}.items()}
        cohorts = [texts[id(one)] for one in part.cohorts]
        flagged = map(int, part.flagged)
        columns = zip(part.places, part.entities, part.digests, part.scores, flagged, cohorts, strict=True)
        record = orjson.dumps(list(columns)).decode()
        rows.append((batch.id, part.arm, part.version, at, batch.size, record))
    return rows


def of_truth(prediction: str, label: int, since: datetime | None) -> tuple[str, int, int, int]:
    """Return a truth's row of `truths` but its revision; DataError where it is neither 0 nor 1, or has no zone."""
    if label not in (0, 1):
        raise DataError(f"expected a label of 0 or 1, got {label!r}")
    now = micros(datetime.now(UTC))
    return prediction, int(label), now if since is None else micros(since), now
