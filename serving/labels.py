"""`POST /labels`: what turned out to be true of predictions, in any order and as often as it is sent."""

import logging
from datetime import UTC, datetime
from typing import Any

import orjson

from rarecall.errors import StoreError, brief, nearest
from serving.fault import MOST, Fault, RefusedError
from serving.request import parsed
from serving.server import Server

_FIELDS = ("at", "id", "truth")
_LONGEST = 64  # letters of a prediction's id
_log = logging.getLogger("rarecall.serving")


async def label(server: Server, body: bytes) -> bytes:
    """Take in labels and answer how many were new, the same, changed, late and unknown.

    Raises
    ------
    RefusedError
        The body is no list of labels, or they could not be written.
    """
    value = parsed(body)
    if not isinstance(value, dict) or value.keys() != {"labels"} or not isinstance(value["labels"], list):
        raise RefusedError(422, Fault("body", 'expected {"labels": [{"id": …, "truth": 0 or 1}, …]}'))
    if len(value["labels"]) > server.limits.rows:
        raise RefusedError(
            413, Fault("labels", f"expected at most {server.limits.rows} at once; send several requests")
        )
    truths, faults = [], []
    for place, one in enumerate(value["labels"]):
        try:
            truths.append(_truth(one, f"labels.{place}"))
        except RefusedError as error:
            faults += error.faults
            if len(faults) >= MOST:
                break
    if faults:
        raise RefusedError(422, *faults)
    try:
        counts = await server.log.label(truths) if truths else {}
    except StoreError:
        _log.exception("log.away")
        raise RefusedError(503, Fault("log", "the labels could not be written; send them again")) from None
    server.metrics.labels.update(counts)
    return orjson.dumps(counts)


def _truth(one: Any, at: str) -> tuple[str, int, datetime | None]:
    if not isinstance(one, dict):
        raise RefusedError(422, Fault(at, f"expected an object of id and truth, got {brief(one)}"))
    if extra := sorted(one.keys() - set(_FIELDS)):
        raise RefusedError(422, Fault(f"{at}.{brief(extra[0])[1:-1]}", f"is no field{nearest(extra[0], _FIELDS)}"))
    name, truth = one.get("id"), one.get("truth")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST or "\x00" in name:
        raise RefusedError(422, Fault(f"{at}.id", f"expected the id of a prediction, got {brief(name)}"))
    if type(truth) not in {int, bool} or truth not in (0, 1):
        raise RefusedError(422, Fault(f"{at}.truth", f"expected 0 or 1, got {brief(truth)}"))
    return name, int(truth), _moment(one.get("at"), f"{at}.at")


def _moment(value: Any, at: str) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise RefusedError(422, Fault(at, f"expected a moment such as 2026-03-03T12:00Z, got {brief(value)}")) from None
