"""The prediction log: every answer is on disk before it is sent, and what is learned of it later stands beside it.

One thread writes, in groups: whatever has come in while it committed the last group is the next one. So a single answer
waits for one commit at most twice, and many share one.
"""

import asyncio
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from monitoring.prediction_rows import (
    Batch,
    Part,
    Prediction,
    Shadow,
    Tally,
    micros,
    of_batch,
    of_prediction,
    of_truth,
)
from monitoring.prediction_store import Store
from rarecall.errors import StoreError
from rarecall.project import Project

__all__ = ["Batch", "Log", "Part", "Prediction", "Shadow", "Tally", "micros", "url"]

_LINGER = 0.05  # seconds that what nobody waits for may gather
_ROOM = 100_000  # predictions and labels that may wait; a store that is this far behind is not going to catch up
_ALIKE = 20  # rows of a batch that take as long to write as one by itself
_GROUP = 5_000  # rows of one commit, so that whoever comes next does not wait for all of a flood


@dataclass(slots=True, eq=False)
class _Asked:
    """What somebody waits for: rows of predictions or of truths, and where to answer."""

    kind: str
    rows: list[tuple[Any, ...]]
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Any]"
    weight: int
    result: Any = field(default=None)


class Log:
    """An open prediction log, for one process of any number of event loops; many processes may have one each.

    Parameters
    ----------
    url : str
        The SQLAlchemy URL, SQLite or PostgreSQL; tables are made where there are none.
    room : int
        Shadows and tallies that may wait to be written; more are dropped.

    Raises
    ------
    StoreError
        The database cannot be reached or written, or is of another kind.

    Examples
    --------
    >>> import asyncio, tempfile
    >>> from datetime import UTC, datetime
    >>> answered = Prediction("p1", datetime(2026, 3, 3, tzinfo=UTC), "ann", "champion", 3, "1f0c", 0.91, True, {})
    >>> with tempfile.TemporaryDirectory() as folder, Log(f"sqlite:///{folder}/predictions.db") as log:
    ...     asyncio.run(log.write([answered]))
    ...     log.offer([Shadow("p1", 4, 0.42, False)])
    ...     asyncio.run(log.label([("p1", 1, None), ("p2", 0, None)]))
    True
    {'new': 1, 'same': 0, 'changed': 0, 'late': 0, 'unknown': 1}
    """

    def __init__(self, url: str, *, room: int = 20_000) -> None:
        self._store = Store(url)
        self._room = room
        self._changed = threading.Condition()
        self._asked: list[_Asked] = []
        self._waiting = 0
        self._offered: dict[str, list[tuple[Any, ...]]] = {"shadows": [], "tallies": []}
        self._closed = False
        self.dropped = 0
        """Shadows and tallies that were not written, for want of room or because the store was away."""
        self._store.open().close()  # a fault is told to whoever opens the log, not to the first who writes
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def write(self, predictions: Sequence[Prediction]) -> None:
        """Write answers, and return once they are durable: a process that is killed right after has lost none.

        Raises
        ------
        DataError
            A score is no number, or a time has no zone.
        StoreError
            They could not be written, or one of these ids was given out before; then none of them was.
        """
        if predictions:
            await self._ask("predictions", [of_prediction(one) for one in predictions])

    async def write_batch(self, batch: Batch) -> None:
        """Write the answers to one request of many rows as one record of each arm, durable as by `write`.

        Raises
        ------
        DataError, StoreError
            As from `write`.
        """
        await self._ask("batches", of_batch(batch), weight=1 + batch.size // _ALIKE)

    def offer(self, shadows: Sequence[Shadow]) -> bool:
        """Hand over shadows to be written when there is time, without waiting; False when they were dropped.

        The second shadow of the same version on the same prediction is passed over.
        """
        rows = [(one.id, one.version, one.score, int(one.flagged)) for one in shadows if math.isfinite(one.score)]
        return self._hand_over("shadows", rows) and len(rows) == len(shadows)

    def tally(self, tallies: Sequence[Tally]) -> bool:
        """Hand over tallies to be written when there is time, as `offer` does."""
        rows = [(micros(t.at), t.arm, t.version, t.answered, t.failed, t.slow) for t in tallies]
        return self._hand_over("tallies", rows)

    async def label(self, truths: Sequence[tuple[str, int, datetime | None]]) -> dict[str, int]:
        """Write what turned out to be true, and return once it is durable.

        Parameters
        ----------
        truths : sequence of (str, int, datetime or None)
            The prediction's id, 1 for the rare class and 0 for the other, and since when that holds; without a time it
            holds since now.

        Returns
        -------
        dict of str to int
            `new`: the first one of its prediction. `same`: as it stood, so nothing was written. `changed`: a revision
            that stands from now on. `late`: a revision that holds since an earlier moment than what stands, so that
            stays. `unknown`: there is no prediction of this id, and nothing was written.

        Raises
        ------
        DataError
            A label is neither 0 nor 1, or a time has no zone.
        StoreError
            They could not be written; then none of them was.
        """
        counts: dict[str, int] = await self._ask("truths", [of_truth(*one) for one in truths])
        return counts

    def close(self) -> None:
        """Write what waits, and let the database go; whoever writes afterwards gets a StoreError."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    async def _ask(self, kind: str, rows: list[tuple[Any, ...]], *, weight: int | None = None) -> Any:
        loop = asyncio.get_running_loop()
        asked = _Asked(kind, rows, loop, loop.create_future(), len(rows) if weight is None else weight)
        with self._changed:
            if self._closed:
                raise StoreError("the prediction log is closed; nothing was written: open it again")
            if self._waiting + asked.weight > _ROOM:
                raise StoreError(
                    f"the prediction log is {self._waiting} rows behind, so nothing more is taken in; send fewer, or "
                    "give it a faster disk or server"
                )
            self._asked.append(asked)
            self._waiting += asked.weight
            self._changed.notify()
        return await asked.answer

    def _hand_over(self, table: str, rows: list[tuple[Any, ...]]) -> bool:
        with self._changed:
            there = self._offered[table]
            if self._closed or len(there) + len(rows) > self._room:
                self.dropped += len(rows)
                return False
            there.extend(rows)
            self._changed.notify()
        return True

    def _run(self) -> None:
        while group := self._next():
            self._commit(*group)
        self._store.close()

    def _next(self) -> tuple[list[_Asked], dict[str, list[tuple[Any, ...]]]] | None:
        """Return the next group, or None when there will be none any more."""
        with self._changed:
            while not (self._asked or any(self._offered.values()) or self._closed):
                self._changed.wait()
            if not self._asked and not self._closed:
                self._changed.wait_for(lambda: self._asked or self._closed, timeout=_LINGER)
            size = taken = 0
            while taken < len(self._asked) and (taken == 0 or size + self._asked[taken].weight <= _GROUP):
                size += self._asked[taken].weight
                taken += 1
            group, self._asked = self._asked[:taken], self._asked[taken:]
            self._waiting -= size
            offered = {table: rows[:_GROUP] for table, rows in self._offered.items()}
            for rows in self._offered.values():
                del rows[:_GROUP]
        return (group, offered) if group or any(offered.values()) else None

    def _commit(self, group: list[_Asked], offered: dict[str, list[tuple[Any, ...]]]) -> None:
        try:
            self._store.write(group, offered)
        except sa.exc.StatementError as error:
            if isinstance(error, sa.exc.OperationalError) or not group:
                self._refuse(group, offered, error)
                return
            # One of them is at fault: an id for the second time, a number that no column holds. The others are not.
            for one in group:
                try:
                    self._store.write([one], {})
                except (sa.exc.SQLAlchemyError, OSError) as fault:
                    _answer([one], self._store.explained(fault))
                else:
                    _answer([one])
            self._commit([], offered)
            return
        except Exception as error:  # noqa: BLE001 - whatever it was, those who wait have to hear of it
            self._refuse(group, offered, error)
            return
        _answer(group)

    def _refuse(self, group: list[_Asked], offered: dict[str, list[tuple[Any, ...]]], error: Exception) -> None:
        self._store.close()  # the next group connects anew
        with self._changed:
            self.dropped += sum(map(len, offered.values()))
        _answer(group, self._store.explained(error))


def url(project: Project) -> str:
    """Return the SQLAlchemy URL of a model's own log: SQLite under the home unless the project names another."""
    if project.stores.predictions:
        return project.stores.predictions.replace("{name}", project.name)
    return f"sqlite:///{Path(project.stores.home) / 'predictions' / f'{project.name}.db'}"


def _answer(group: list[_Asked], error: Exception | None = None) -> None:
    """Tell those who wait, with one call to each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Asked]] = {}
    for one in group:
        by_loop.setdefault(one.loop, []).append(one)
    for loop, asked in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_set, asked, error)


def _set(asked: list[_Asked], error: Exception | None) -> None:
    for one in asked:
        if one.answer.done():  # whoever waited has gone
            continue
        if error is None:
            one.answer.set_result(one.result)
        else:
            one.answer.set_exception(error)
