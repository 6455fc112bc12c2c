"""`POST /predict`: from the body to an answer that is in the log before it is sent."""

import logging
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from monitoring.predictions import Prediction
from rarecall.errors import StoreError
from serving.arms import arm_of, champion_of
from serving.batch import predict_many
from serving.fault import NOT_LOGGED, RefusedError
from serving.identity import new_id
from serving.models import Served, Serving
from serving.request import Row, is_batch, parsed, row, values
from serving.server import Server

_log = logging.getLogger("rarecall.serving")


class _Made(NamedTuple):
    """What a model makes of a row."""

    arm: str
    served: Served
    features: dict[str, Any]
    digest: str
    unseen: list[str]
    score: float
    flagged: bool


async def predict(server: Server, body: bytes) -> bytes:
    """Answer a body.

    Raises
    ------
    RefusedError
        The body asks for what cannot be answered, or nothing serves yet.
    """
    began = time.perf_counter()
    value = parsed(body)
    if is_batch(value):
        return await predict_many(server, value)
    asked, serving = row(value, server.keys), server.models.now
    made = await _answer(server, serving, asked)
    seconds = time.perf_counter() - began  # without the log, which is as slow for either arm
    name, version, cohorts = new_id(), made.served.version, server.cohorts_of(made.features)
    now = datetime.now(UTC)
    logged = Prediction(name, now, asked.entity, made.arm, version, made.digest, made.score, made.flagged, cohorts)
    try:
        await server.log.write([logged])
    except StoreError:
        _log.exception("log.away")
        raise RefusedError(503, NOT_LOGGED) from None
    if made.unseen:
        server.metrics.unseen.update(made.unseen)
    server.metrics.answered_one(made.arm, version, made.score, made.flagged, cohorts)
    if serving.canary is not None and made.arm == "champion":
        server.shadows.put(serving.canary, [name], [made.features])
    server.outcome(made.arm, version, seconds)
    return orjson.dumps({"id": name, "score": made.score, "flagged": made.flagged, "arm": made.arm, "version": version})


async def _answer(server: Server, serving: Serving, asked: Row) -> _Made:
    """Return what the row's arm says, and what the champion says where the canary does not take it or fails."""
    arm, served = arm_of(serving, asked.entity)
    if arm == "canary":
        try:
            return _made(server, serving, arm, served, await _features(server, served, asked))
        except RefusedError:
            # What both refuse is the sender's fault; what the champion takes, only the canary could not.
            made = await _by_champion(server, serving, asked)
            server.metrics.skipped += 1
            return made
        except Exception:  # whatever it is, the champion answers
            _log.exception("canary.failed")
            server.outcome("canary", served.version, 0.0, failed=True)
    return await _by_champion(server, serving, asked)


async def _by_champion(server: Server, serving: Serving, asked: Row) -> _Made:
    served = champion_of(serving)
    return _made(server, serving, "champion", served, await _features(server, served, asked))


async def _features(server: Server, served: Served, asked: Row) -> dict[str, Any]:
    """Return a row's features: as sent, or as they are online for the model that answers it."""
    if asked.features is not None:
        return asked.features
    found: list[dict[str, Any]] = await server.features(served.service, [asked.keys(server.keys)], ["entity"])
    return found[0]


def _made(server: Server, serving: Serving, arm: str, served: Served, features: dict[str, Any]) -> _Made:
    scorer = served.scorer
    columns = scorer.columns
    known = values(features, columns, server.others(serving), "features.")
    score = scorer.one(known)
    unseen = columns.unseen_of(known)
    return _Made(arm, served, features, columns.digest(known), unseen, score, score >= scorer.limit(known))
