"""The canary's opinion of rows that the champion answered: worked out beside the traffic, dropped without room.

On a rare class the canary's own share of the traffic holds too few positives to judge it by; shadows give every
labelled row two scores.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.predictions import Shadow
from serving.fault import RefusedError
from serving.models import Served
from serving.request import table, values

ROOM = 20_000
"""Rows that may wait."""

_AT_ONCE = 500  # rows scored in one call: the trees are walked outside of Python's lock
_GATHER = 0.05  # seconds that rows may gather, so that a call has many
_log = logging.getLogger("rarecall.serving")


@dataclass(frozen=True, slots=True)
class _Waiting:
    canary: Served
    ids: list[str]
    features: list[dict[str, Any]]


class Shadows:
    """A queue of rows and one thread that scores them.

    Parameters
    ----------
    offer : callable
        Takes shadows without waiting and says whether it had room: `Log.offer`.
    room : int
        Rows that may wait; more are dropped.
    """

    def __init__(self, offer: Callable[[Sequence[Shadow]], bool], *, room: int = ROOM) -> None:
        self._offer = offer
        self._room = room
        self._queue: deque[_Waiting] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shadows", daemon=True)
        # Each number has one thread that changes it, so that none of them needs a lock.
        self._put = 0
        self._taken = 0
        self._without_room = 0
        self._unscored = 0
        self.scored = 0

    @property
    def waiting(self) -> int:
        """Return how many rows wait."""
        return self._put - self._taken

    @property
    def dropped(self) -> int:
        """Return how many rows were not scored, for want of room, of a feature, or because the log had none."""
        return self._without_room + self._unscored

    def start(self) -> None:
        """Begin to score."""
        self._thread.start()

    def close(self) -> None:
        """Score no more; what waits is dropped."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def put(self, canary: Served, ids: list[str], features: list[dict[str, Any]]) -> None:
        """Let rows wait to be scored, or drop them where too many wait; called from one thread only."""
        if self.waiting + len(ids) > self._room:
            self._without_room += len(ids)
            return
        self._put += len(ids)
        self._queue.append(_Waiting(canary, ids, features))

    def _run(self) -> None:
        while not self._stop.wait(_GATHER):
            while self._queue and not self._stop.is_set():
                self._score()
                time.sleep(0.001)  # whoever answers a request goes first

    def _score(self) -> None:
        first = self._queue.popleft()
        ids, features = list(first.ids), list(first.features)
        while self._queue and self._queue[0].canary is first.canary and len(ids) < _AT_ONCE:
            more = self._queue.popleft()
            ids += more.ids
            features += more.features
        self._taken += len(ids)
        try:
            made = _shadows(first.canary, ids, features)
        except Exception:
            _log.exception("shadow.failed", extra={"version": first.canary.version})
            made = []
        scored = len(made) if made and self._offer(made) else 0
        self.scored += scored
        self._unscored += len(ids) - scored


def _shadows(canary: Served, ids: list[str], features: list[dict[str, Any]]) -> list[Shadow]:
    columns = canary.scorer.columns
    known = frozenset(name for one in features for name in one)
    cells = table(features, columns, known)
    if cells is None:
        rows, named = [], []
        for name, one in zip(ids, features, strict=True):
            try:
                rows.append(values(one, columns, known, ""))
            except RefusedError:
                continue  # it lacks a feature that only the canary reads
            named.append(name)
        ids, cells = named, [list(column) for column in zip(*rows, strict=True)]
    if not ids:
        return []
    scores = canary.scorer.many(cells)
    flags = canary.scorer.flags(scores, cells)
    return [
        Shadow(name, canary.version, score, flag) for name, score, flag in zip(ids, scores.tolist(), flags, strict=True)
    ]
