"""`POST /predict`: from the body to an answer that is in the log before it is sent."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from monitoring.predictions import Prediction
from rarecall.errors import StoreError
from rarecall.traffic import arm
from serving.fault import Fault, RefusedError
from serving.identity import digest_of, new_ids
from serving.models import Served, Serving
from serving.request import Row, parsed, rows, table, values
from serving.server import Server

_IN_PLACE = 50  # rows scored on the event loop itself; more would keep other requests waiting
_log = logging.getLogger("rarecall.serving")


@dataclass(frozen=True)
class _Part:
    """The rows of one arm.

    Attributes
    ----------
    name : str
    served : Served
    places : list of int
        Where they stood in the request.
    digests : list of str
    unseen : list of str
        Columns whose value was never learned from, once a row.
    scores : list of float
    flags : list of bool
    """

    name: str
    served: Served
    places: list[int]
    digests: list[str]
    unseen: list[str]
    scores: list[float]
    flags: list[bool]


@dataclass(frozen=True)
class _Scored:
    """What came of the rows.

    Attributes
    ----------
    parts : list of _Part
    cohorts : list of dict of str to str
        Of each row.
    skipped : int
        Rows of the canary's that lack a feature only it reads, so the champion answered them.
    failed : Served or None
        The canary, where it could not score what it takes, so the champion did.
    """

    parts: list[_Part]
    cohorts: list[dict[str, str]]
    skipped: int
    failed: Served | None


async def predict(server: Server, body: bytes) -> bytes:
    """Answer a body.

    Raises
    ------
    RefusedError
        The body asks for what cannot be answered, or nothing serves yet.
    """
    began = time.perf_counter()
    asked, several = rows(parsed(body), server.keys, server.limits.rows)
    serving = server.models.now
    if serving.champion is None:
        raise RefusedError(503, Fault("model", "no model serves yet; promote one with: rarecall promote"))
    features = await _features(server, serving, asked, several)
    if len(asked) <= _IN_PLACE:
        scored = _scored(server, serving, asked, features, several)
    else:
        scored = await asyncio.to_thread(_scored, server, serving, asked, features, several)
    seconds = time.perf_counter() - began  # without the log, which is as slow for either arm
    answer = await _answered(server, serving, asked, features, scored, several)
    server.metrics.skipped += scored.skipped
    if scored.failed is not None:
        server.outcome("canary", scored.failed.version, 0.0, failed=True)
    if not several:  # a batch is as slow as the client made it
        server.outcome(scored.parts[0].name, scored.parts[0].served.version, seconds)
    return answer


async def _features(server: Server, serving: Serving, asked: list[Row], several: bool) -> list[dict[str, Any]]:
    """Return each row's features: as sent, or as they are online for the model that answers it."""
    found: list[Any] = [one.features for one in asked]
    wanted: dict[str | None, list[int]] = {}
    for place, one in enumerate(asked):
        if one.features is None:
            wanted.setdefault(_arm(serving, one.entity)[1].service, []).append(place)
    for service, places in wanted.items():
        at = [f"rows.{place}.entity" if several else "entity" for place in places]
        if server.lookup is None:
            raise RefusedError(422, Fault(at[0], "has no features beside it, and no online store is open here"))
        read = await server.lookup.features(service, [asked[place].keys(server.keys) for place in places], at)
        for place, features in zip(places, read, strict=True):
            found[place] = features
    return found


def _arm(serving: Serving, entity: str) -> tuple[str, Served]:
    champion = serving.champion
    if champion is None:
        raise RefusedError(503, Fault("model", "no model serves yet; promote one with: rarecall promote"))
    if serving.canary is not None and arm(entity, serving.salt, serving.share) == "canary":
        return "canary", serving.canary
    return "champion", champion


def _scored(
    server: Server, serving: Serving, asked: list[Row], features: list[dict[str, Any]], several: bool
) -> _Scored:
    """Score each row by its arm's model, and all by the champion where the canary cannot score its own."""
    arms = [_arm(serving, row.entity) for row in asked]
    skipped = 0
    if serving.canary is not None and serving.champion is not None:
        needed = set(serving.canary.scorer.columns.names)
        for place, (name, _) in enumerate(arms):
            if name == "canary" and not features[place].keys() >= needed:
                arms[place] = "champion", serving.champion
                skipped += 1
    try:
        parts = _parts(server, serving, arms, features, several)
        failed = None
    except RefusedError:
        raise
    except Exception:
        if serving.champion is None or all(name == "champion" for name, _ in arms):
            raise
        _log.exception("canary.failed")
        failed = serving.canary
        parts = _parts(server, serving, [("champion", serving.champion)] * len(asked), features, several)
    return _Scored(parts, [server.cohorts_of(one) for one in features], skipped, failed)


def _parts(
    server: Server,
    serving: Serving,
    arms: list[tuple[str, Served]],
    features: list[dict[str, Any]],
    several: bool,
) -> list[_Part]:
    both = [one.scorer.columns.names for one in (serving.champion, serving.canary) if one]
    others = server.cohort_columns.union(*both)
    by_arm: dict[str, tuple[Served, list[int]]] = {}
    for place, (name, served) in enumerate(arms):
        by_arm.setdefault(name, (served, []))[1].append(place)
    parts = []
    faults: list[Fault] = []
    for name, (served, places) in by_arm.items():
        scorer = served.scorer
        cells = table([features[place] for place in places], scorer.columns, others) if len(places) > 1 else None
        if cells is None:
            found = []
            for place in places:
                try:
                    at = f"rows.{place}.features." if several else "features."
                    found.append(values(features[place], scorer.columns, others, at))
                except RefusedError as error:
                    faults += error.faults
            cells = [list(column) for column in zip(*found, strict=True)]
        if faults:
            continue
        rows = list(zip(*cells, strict=True))
        scores = [scorer.one(rows[0])] if len(rows) == 1 else scorer.many(cells).tolist()
        digests = [digest_of(row) for row in rows]
        flags = [score >= scorer.limit(row) for score, row in zip(scores, rows, strict=True)]
        parts.append(_Part(name, served, places, digests, scorer.columns.unseen(cells), scores, flags))
    if faults:
        raise RefusedError(422, *faults)
    return parts


async def _answered(
    server: Server,
    serving: Serving,
    asked: list[Row],
    features: Sequence[dict[str, Any]],
    scored: _Scored,
    several: bool,
) -> bytes:
    """Log what was found, wait until it is on disk, count it, and let the canary see the champion's rows."""
    now, ids = datetime.now(UTC), new_ids(len(asked))
    logged: list[Any] = [None] * len(asked)
    parts, cohorts = scored.parts, scored.cohorts
    for part in parts:
        version = part.served.version
        for place, digest, score, flag in zip(part.places, part.digests, part.scores, part.flags, strict=True):
            logged[place] = Prediction(
                ids[place], now, asked[place].entity, part.name, version, digest, score, flag, cohorts[place]
            )
    try:
        await server.log.write(logged)
    except StoreError:
        _log.exception("log.away")
        raise RefusedError(503, Fault("log", "the prediction could not be logged, so it is not given")) from None
    metrics = server.metrics
    for part in parts:
        metrics.unseen.update(part.unseen)
        flagged = [logged[place].flagged for place in part.places]
        named = [cohorts[place] for place in part.places]
        metrics.answered(part.name, part.served.version, part.scores, flagged, named)
    if serving.canary is not None:
        for part in parts:
            if part.name == "champion":
                chosen = part.places
                server.shadows.put(serving.canary, [ids[p] for p in chosen], [features[p] for p in chosen])
    said = [
        {"id": one.id, "score": one.score, "flagged": one.flagged, "arm": one.arm, "version": one.version}
        for one in logged
    ]
    return orjson.dumps({"predictions": said} if several else said[0])
