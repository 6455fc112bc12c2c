"""One server's parts: the models, the log, the shadows, the features, and how much of anything it takes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring.predictions import Log
from rarecall.cohort_of import cohorts_of
from rarecall.project import Project
from serving.keys import Keys
from serving.lookup import Lookup
from serving.metrics import Metrics
from serving.models import Models, Served, Serving
from serving.shadow import Shadows


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
    """

    project: Project
    models: Models
    log: Log
    ledger: str
    lookup: Lookup | None = None
    access: Keys | None = None
    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.shadows = Shadows(self.log.offer)
        self.keys: list[str] = list(self.project.entity) or ["row_id"]
        self.cohort_columns = frozenset(one.column for one in self.project.cohorts)
        self.cohorts_of: Callable[[Mapping[str, Any]], dict[str, str]] = cohorts_of(self.project.cohorts)

    def start(self) -> None:
        """Begin to follow the registry and to score shadows."""
        self.models.on_change = self._changed
        self.models.start()
        self.shadows.start()

    def close(self) -> None:
        """End every thread; what was answered is in the log, what waits as a shadow is not."""
        self.models.close()
        self.shadows.close()
        if self.lookup:
            self.lookup.close()
        self.log.close()

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
