"""`POST /predict` of many rows: columns all the way from the body to the one record that they are in the log."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from monitoring.answers import id_in
from monitoring.predictions import Batch, Part
from rarecall.errors import StoreError
from serving.arms import arm_of, champion_of
from serving.fault import MOST, NOT_LOGGED, Fault, RefusedError
from serving.identity import new_id
from serving.models import Served, Serving
from serving.request import values
from serving.rows import Asked, Rows, asked_of
from serving.server import Server

_IN_PLACE = 20  # rows scored on the event loop itself; more would keep other requests waiting
_log = logging.getLogger("rarecall.serving")


class _Part(NamedTuple):
    """The rows of one arm: where they stood in the request, and what the model makes of them."""

    arm: str
    served: Served
    places: list[int]
    digests: list[str]
    unseen: list[str]
    scores: NDArray[np.float64]
    flags: list[bool]


class _Scored(NamedTuple):
    """What came of the rows.

    Attributes
    ----------
    parts : list of _Part
    cohorts : list of dict of str to str
        Of each row.
    skipped : int
        Rows of the canary's that only the champion takes.
    failed : bool
        Whether the canary could not score what it takes, so the champion did.
    """

    parts: list[_Part]
    cohorts: list[dict[str, str]]
    skipped: int
    failed: bool


async def predict_many(server: Server, value: dict[str, Any]) -> bytes:
    """Answer a request of many rows.

    Raises
    ------
    RefusedError
        The body asks for what cannot be answered, or nothing serves yet.
    """
    asked = asked_of(value, server.keys, server.limits.rows)
    serving = server.models.now
    arms = _arms(serving, asked.entities)
    if asked.lacking:
        arms, skipped = await _looked_up(server, serving, asked, arms)
    else:
        skipped = 0
    if len(asked.entities) <= _IN_PLACE:
        scored = _scored(server, serving, asked, arms)
    else:
        scored = await asyncio.to_thread(_scored, server, serving, asked, arms)
    answer = await _answered(server, serving, asked, scored)
    server.metrics.skipped += skipped + scored.skipped
    if scored.failed and serving.canary is not None:
        server.outcome("canary", serving.canary.version, 0.0, failed=True)
    return answer


def _arms(serving: Serving, entities: list[str]) -> list[str]:
    champion_of(serving)
    if serving.canary is None or serving.share <= 0:
        return ["champion"] * len(entities)
    return [arm_of(serving, entity)[0] for entity in entities]


async def _looked_up(server: Server, serving: Serving, asked: Asked, arms: list[str]) -> tuple[list[str], int]:
    """Fill in what is online of the rows that came without features, and return who answers each row by now.

    Rows that only the champion's features are online of are answered by the champion.
    """
    arms, skipped = list(arms), 0
    by_canary = [place for place in asked.lacking if arms[place] == "canary"]
    if by_canary and serving.canary is not None:
        try:
            await _fill(server, serving.canary, asked, by_canary)
        except RefusedError:
            skipped = len(by_canary)
            for place in by_canary:
                arms[place] = "champion"
    by_champion = [place for place in asked.lacking if arms[place] == "champion"]
    if by_champion:
        await _fill(server, champion_of(serving), asked, by_champion)
    return arms, skipped


async def _fill(server: Server, served: Served, asked: Asked, places: list[int]) -> None:
    keys = [asked.keys[place] for place in places]
    found = await server.features(served.service, keys, [asked.table.entity_at(place) for place in places])
    if isinstance(asked.table, Rows):
        asked.table.fill(places, found)


def _scored(server: Server, serving: Serving, asked: Asked, arms: list[str]) -> _Scored:
    """Score each row by its arm's model, and by the champion what the canary does not take or fails to score."""
    of_canary = [place for place, name in enumerate(arms) if name == "canary"]
    parts, failed, skipped = [], False, 0
    if of_canary and serving.canary is not None:
        try:
            places = _taken(server, serving, serving.canary, asked, of_canary)
            skipped = len(of_canary) - len(places)
            of_canary = places
            if of_canary:
                parts.append(_part(server, serving, "canary", serving.canary, asked, of_canary))
        except Exception:  # whatever it is, the champion answers
            _log.exception("canary.failed")
            failed, of_canary = True, []
    left = set(of_canary)
    of_champion = [place for place in range(len(arms)) if place not in left]
    if of_champion:
        parts.append(_part(server, serving, "champion", champion_of(serving), asked, of_champion))
    return _Scored(parts, server.cohorts_of_many(asked.table.column), skipped, failed)


def _taken(server: Server, serving: Serving, served: Served, asked: Asked, places: list[int]) -> list[int]:
    """Return those of some rows that a model takes."""
    others, columns = server.others(serving), served.scorer.columns
    if asked.table.cells(places, columns, others) is not None:
        return places
    found = []
    for place in places:
        try:
            values(asked.table.row(place), columns, others, "")
        except RefusedError:
            continue
        found.append(place)
    return found


def _part(server: Server, serving: Serving, arm: str, served: Served, asked: Asked, places: list[int]) -> _Part:
    scorer, others = served.scorer, server.others(serving)
    cells = asked.table.cells(places, scorer.columns, others)
    if cells is None:  # somewhere in it is a fault, or a whole number where a category is a text
        cells = _one_by_one(asked, places, scorer.columns, others)
    scores = scorer.many(cells)
    return _Part(
        arm,
        served,
        places,
        scorer.columns.digests(cells),
        scorer.columns.unseen(cells),
        scores,
        scorer.flags(scores, cells),
    )


def _one_by_one(asked: Asked, places: list[int], columns: Any, others: frozenset[str]) -> list[Any]:
    found: list[list[Any]] = []
    faults: list[Fault] = []
    for place in places:
        try:
            found.append(values(asked.table.row(place), columns, others, ""))
        except RefusedError as error:
            faults += [Fault(asked.table.feature_at(place, one.field, columns), one.reason) for one in error.faults]
            if len(faults) >= MOST:
                break
    if faults:
        raise RefusedError(422, *dict.fromkeys(faults))
    return [list(column) for column in zip(*found, strict=True)]


async def _answered(server: Server, serving: Serving, asked: Asked, scored: _Scored) -> bytes:
    """Log what was found, wait until it is on disk, count it, and let the canary see the champion's rows."""
    name, size, cohorts = new_id(), len(asked.entities), scored.cohorts
    ids = [id_in(name, place) for place in range(size)]
    parts = [
        Part(
            one.arm,
            one.served.version,
            one.places,
            [asked.entities[place] for place in one.places],
            one.digests,
            one.scores.tolist(),
            one.flags,
            [cohorts[place] for place in one.places],
        )
        for one in scored.parts
    ]
    try:
        await server.log.write_batch(Batch(name, datetime.now(UTC), size, parts))
    except StoreError:
        _log.exception("log.away")
        raise RefusedError(503, NOT_LOGGED) from None
    said: list[Any] = [None] * size
    for one, part in zip(scored.parts, parts, strict=True):
        server.metrics.unseen.update(one.unseen)
        server.metrics.answered(part.arm, part.version, one.scores, part.flagged, part.cohorts)
        for place, score, flagged in zip(part.places, part.scores, part.flagged, strict=True):
            said[place] = {
                "id": ids[place], "score": score, "flagged": flagged, "arm": part.arm, "version": part.version
            }  # fmt: skip
        if serving.canary is not None and part.arm == "champion":
            server.shadows.put(
                serving.canary, [ids[place] for place in part.places], [asked.table.row(place) for place in part.places]
            )
    return orjson.dumps({"predictions": said})
