"""One server's parts: the models, the log, the shadows, the features, and how much of anything it takes."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from monitoring.labelled import Labelled, Recall, recalls
from monitoring.predictions import Log, Tally, url
from rarecall.cohort_of import cohorts_of, cohorts_of_many
from rarecall.project import Project
from serving.fault import Fault, RefusedError
from serving.keys import Keys
from serving.lookup import Lookup
from serving.metrics import Metrics
from serving.models import Models, Served, Serving
from serving.shadow import Shadows

_KNOWN = 15.0  # seconds for which figures of the log are good enough
_TALLY = 10.0  # seconds between two tallies of the arms
_log = logging.getLogger("rarecall.serving")


@dataclass(frozen=True)
class Limits:
    """What one request may ask for.

    Attributes
    ----------
    body : int
        Bytes.
    rows : int
    seconds : float
        Until a request has been read and answered.
    """

    body: int = 1_000_000
    rows: int = 10_000
    seconds: float = 10.0


@dataclass
class Server:
    """Everything that the routes share.

    Parameters
    ----------
    project : Project
    models : Models
    log : Log
    ledger : str
        The SQLAlchemy URL of the ledger, for the page.
    lookup : Lookup, optional
        Where features are read that a request does not send.
    access : Keys, optional
        None where nobody has to show a key.
    limits : Limits
    evidence : callable
        Yields what is known of the canary by now, a sentence a line, for the page.
    figures : callable
        Returns the metric families that no request counts, read from the log and the home.
    """

    project: Project
    models: Models
    log: Log
    ledger: str
    lookup: Lookup | None = None
    access: Keys | None = None
    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=Metrics)
    evidence: Callable[[], Iterable[str]] = tuple
    figures: Callable[[], Iterable[Any]] = tuple

    def __post_init__(self) -> None:
        self.shadows = Shadows(self.log.offer)
        self.began = time.monotonic()
        self.outcomes: Counter[tuple[str, int, str]] = Counter()
        self._known: tuple[float, tuple[int, ...], dict[int, Labelled] | None] = (-_KNOWN, (), None)
        self._asking = asyncio.Lock()
        self._said: tuple[float, list[str]] = (-_KNOWN, [])
        self._figured: tuple[float, list[Any]] = (-_KNOWN, [])
        self.keys: list[str] = list(self.project.entity) or ["row_id"]
        self.cohort_columns = frozenset(one.column for one in self.project.cohorts)
        self.cohorts_of: Callable[[Mapping[str, Any]], dict[str, str]] = cohorts_of(self.project.cohorts)
        self.cohorts_of_many = cohorts_of_many(self.project.cohorts)
        self._others: tuple[Serving | None, frozenset[str]] = (None, frozenset())

    def start(self) -> None:
        """Begin to follow the registry and to score shadows."""
        self.models.on_change = self._changed
        self.models.start()
        self.shadows.start()

    def close(self) -> None:
        """End every thread; what was answered is in the log, what waits as a shadow is not."""
        self.models.close()
        self.shadows.close()
        self.hand_over_tallies()
        if self.lookup:
            self.lookup.close()
        self.log.close()

    def others(self, serving: Serving) -> frozenset[str]:
        """Return the columns that may stand in a row besides those of the model that answers it."""
        of, found = self._others
        if of is not serving:
            both = [one.scorer.columns.names for one in (serving.champion, serving.canary) if one]
            found = self.cohort_columns.union(*both)
            self._others = (serving, found)
        return found

    async def features(self, service: str | None, keys: list[dict[str, Any]], at: list[str]) -> list[dict[str, Any]]:
        """Return what is online of entities for a model's feature service; `at` names their fields.

        Raises
        ------
        RefusedError
            422 for entities that are not online or where no store is open, 503 where it does not answer.
        """
        if self.lookup is None:
            raise RefusedError(422, Fault(at[0], "has no features beside it, and no online store is open here"))
        return await self.lookup.features(service, keys, at)

    async def known(self) -> dict[int, Labelled] | None:
        """Return what the log says by now of the versions that serve, or None while it cannot be read."""
        versions = tuple(one.version for one in (self.models.now.champion, self.models.now.canary) if one)
        async with self._asking:
            when, of, found = self._known
            if time.monotonic() - when >= _KNOWN or of != versions:
                gates = self.project.gates
                limits = {"floor": gates.minority_recall, "least": gates.min_positives, "confidence": gates.confidence}
                try:
                    found = await asyncio.to_thread(recalls, url(self.project), versions, **limits)
                except Exception:
                    _log.exception("log.unread")
                    found = None
                self._known = (time.monotonic(), versions, found)
        return found

    async def figured(self) -> None:
        """Read anew what no request counts, where it is older than a scrape."""
        async with self._asking:
            if time.monotonic() - self._figured[0] >= _KNOWN:
                try:
                    found = list(await asyncio.to_thread(self.figures))
                except Exception:
                    _log.exception("figures.unread")
                    found = []  # what is not told is missed; what was told before would be believed
                self._figured = (time.monotonic(), found)

    def evidence_known(self) -> list[str]:
        """Return what is known of the canary by now, a sentence a line; nothing where there is none."""
        if self.models.now.canary is None:
            return []
        if self.models.registry.away:  # to ask would make an empty registry where one is missing
            return ["The canary cannot be weighed while the registry is away."]
        if time.monotonic() - self._said[0] >= _KNOWN:
            self._said = (time.monotonic(), list(self.evidence()))
        return self._said[1]

    def outcome(self, arm: str, version: int, seconds: float, *, failed: bool = False) -> None:
        """Count for an arm's tally a request that it answered, or failed to."""
        self.outcomes[arm, version, "failed" if failed else "answered"] += 1
        if not failed and 1000 * seconds > self.project.canary.latency_ms_max:
            self.outcomes[arm, version, "slow"] += 1

    async def tally(self) -> None:
        """Write how the arms did, again and again, until cancelled."""
        while True:
            await asyncio.sleep(_TALLY)
            self.hand_over_tallies()

    def hand_over_tallies(self) -> None:
        """Write how the arms did since the last time."""
        counted, self.outcomes = self.outcomes, Counter()
        now = datetime.now(UTC)
        arms = dict.fromkeys((arm, version) for arm, version, _ in counted)
        self.log.tally(
            [Tally(now, *key, *(counted[*key, what] for what in ("answered", "failed", "slow"))) for key in arms]
        )

    def figures_known(self) -> list[Any]:
        """Return the families as they were read last."""
        return self._figured[1]

    def gauges(self) -> Iterator[tuple[str, str, list[str], list[tuple[tuple[str, ...], float]]]]:
        """Yield what Prometheus is told of the parts."""
        now, registry = self.models.now, self.models.registry
        arms = [(name, one) for name, one in (("champion", now.champion), ("canary", now.canary)) if one]
        yield "model_version", "Version that serves.", ["arm"], [((name,), one.version) for name, one in arms]
        yield "model_compiled", "1 where it is compiled.", ["arm"], [
            ((name,), float(one.scorer.is_compiled)) for name, one in arms
        ]  # fmt: skip
        yield "canary_share", "Of the entities.", [], [((), now.share)]
        yield "registry_age_seconds", "Since the registry last answered.", [], [((), registry.age() or 0.0)]
        yield "registry_away", "1 while the registry does not answer.", [], [((), float(registry.away is not None))]
        yield "models_refused", "Versions that an alias names and that cannot be loaded.", [], [
            ((), float(len(registry.refused or {})))
        ]  # fmt: skip
        for name, said, part in (
            ("recall", "Of answers whose truth is known.", lambda one: one.value),
            ("recall_low", "The lower end of its interval.", lambda one: one.interval.low),
            ("recall_high", "The upper end of its interval.", lambda one: one.interval.high),
            ("positives_labelled", "On which the recall stands.", lambda one: one.positives),
        ):
            yield name, said, ["version", "cohort", "value"], [
                ((str(version), cohort, value), part(one))
                for version, known in (self._known[2] or {}).items()
                for cohort, value, one in _cells(known)
                if part(one) is not None
            ]  # fmt: skip
        yield "shadows_waiting", "Rows that wait for the canary.", [], [((), self.shadows.waiting)]
        yield "shadows_scored", "Rows that the canary saw besides its own.", [], [((), self.shadows.scored)]
        yield "shadows_dropped", "Rows that it did not see, for want of room.", [], [((), self.shadows.dropped)]

    def _changed(self, serving: Serving) -> None:
        for one in (serving.champion, serving.canary):
            if self.lookup and one and one.service:
                self.lookup.prepare(one.service)


def described(one: Served | None) -> dict[str, Any] | None:
    """Return what anybody may know of a served version, JSON-ready."""
    return one and {"version": one.version, "compiled": one.scorer.is_compiled, "scorer": one.scorer.reason}


def _cells(known: Labelled) -> Iterator[tuple[str, str, Recall]]:
    yield "all", "all", known.overall
    for cohort, values in known.cohorts.items():
        for value, one in values.items():
            yield cohort, value, one
