"""What Prometheus is told: counted in plain dicts by the event loop, made into families only when somebody asks.

prometheus_client's own histograms and labels cost microseconds a row each; on a batch of a thousand rows these would be
half the work.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SCORES = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
OTHER = "other"
"""Stands for values of a cohort that came after there were enough."""

_MOST_VALUES = 100  # of a cohort: what is a label here comes from requests
_PREFIX = "rarecall_serving_"


class Histogram:
    """Counts of values by bounds.

    Parameters
    ----------
    bounds : sequence of float
        Ascending; a value equal to one is below it, as Prometheus has it.

    Examples
    --------
    >>> seen = Histogram((0.1, 1.0))
    >>> for value in (0.05, 0.1, 0.5, 7.0):
    ...     seen.add(value)
    >>> seen.buckets(), seen.total
    ([('0.1', 2), ('1.0', 3), ('+Inf', 4)], 7.65)
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def add_all(self, values: NDArray[np.float64]) -> None:
        """Count many values."""
        for place, count in enumerate(np.bincount(np.searchsorted(self._bounds, values)).tolist()):
            self._counts[place] += count
        self.total += float(values.sum())

    def buckets(self) -> list[tuple[str, int]]:
        """Return each bound with how many values lie at or below it."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            so_far += count
            found.append((bound, so_far))
        return found

    def quantile(self, share: float) -> float | None:
        """Return the bound at or below which this share of the values lies, or None without values."""
        whole = sum(self._counts)
        if not whole:
            return None
        return next((float(bound) for bound, count in self.buckets() if count >= share * whole), None)


class Metrics:
    """What one server has counted since it began; for one thread, the event loop's."""

    def __init__(self) -> None:
        # A count that begins at 1 has no increase that Prometheus could see: these failures are told from 0.
        self.requests: Counter[tuple[str, int]] = Counter(
            {(route, status): 0 for route in ("predict", "labels") for status in (200, 500, 503)}
        )
        self.rows: Counter[tuple[str, str]] = Counter()
        self.flagged: Counter[tuple[str, str]] = Counter()
        self.cohort_rows: Counter[tuple[str, str, str]] = Counter()
        self.cohort_flagged: Counter[tuple[str, str, str]] = Counter()
        self.unseen: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()
        self.skipped = 0
        self.latency: dict[str, Histogram] = {"predict": Histogram(LATENCY)}
        self.scores: dict[str, Histogram] = {}
        self._values: dict[str, set[str]] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self.requests[route, status] += 1
        if route not in self.latency:
            self.latency[route] = Histogram(LATENCY)
        self.latency[route].add(seconds)

    def answered_one(self, arm: str, version: int, score: float, flagged: bool, cohorts: Mapping[str, str]) -> None:
        """Count one answered row: its score, its decision and its cohorts."""
        key = (arm, str(version))
        self.rows[key] += 1
        self.flagged[key] += flagged
        if arm not in self.scores:
            self.scores[arm] = Histogram(SCORES)
        self.scores[arm].add(score)
        for cohort, name in cohorts.items():
            counted = arm, cohort, self._known(cohort, name)
            self.cohort_rows[counted] += 1
            if flagged:
                self.cohort_flagged[counted] += 1

    def answered(
        self,
        arm: str,
        version: int,
        scores: NDArray[np.float64],
        flagged: Sequence[bool],
        cohorts: Sequence[dict[str, str]],
    ) -> None:
        """Count answered rows of one arm as `answered_one` does."""
        key = (arm, str(version))
        self.rows[key] += len(scores)
        self.flagged[key] += (hits := sum(flagged))
        if arm not in self.scores:
            self.scores[arm] = Histogram(SCORES)
        self.scores[arm].add_all(scores)
        for cohort in cohorts[0] if cohorts else ():
            names = [one[cohort] for one in cohorts]
            for name, count in Counter(names).items():
                self.cohort_rows[arm, cohort, self._known(cohort, name)] += count
            if hits:
                for name, count in Counter(compress(names, flagged)).items():
                    self.cohort_flagged[arm, cohort, self._known(cohort, name)] += count

    def _known(self, cohort: str, name: str) -> str:
        known = self._values.setdefault(cohort, set())
        if name not in known:
            if len(known) >= _MOST_VALUES:
                return OTHER
            known.add(name)
        return name


class Exposed(Collector):
    """A server's counts and gauges as Prometheus reads them.

    Parameters
    ----------
    metrics : Metrics
    gauges : callable
        Yields (name, help, labels, [(label values, value)]) of what is not counted here.
    figures : callable
        Yields whole families: what is read from the log and the home.
    """

    def __init__(self, metrics: Metrics, gauges: Any, figures: Any = tuple) -> None:
        self._metrics = metrics
        self._gauges = gauges
        self._figures = figures

    def collect(self) -> Iterator[Any]:
        """Yield a family a metric."""
        m = self._metrics
        yield _counter("requests", "Requests answered.", ["route", "status"], m.requests)
        yield _histogram("latency_seconds", "From the first byte read to the answer.", "route", m.latency)
        yield _counter("rows", "Rows answered.", ["arm", "version"], m.rows)
        yield _counter("flagged", "Rows flagged as the rare class.", ["arm", "version"], m.flagged)
        yield _histogram("score", "Scores answered.", "arm", m.scores)
        yield _counter("cohort_rows", "Rows answered.", ["arm", "cohort", "value"], m.cohort_rows)
        yield _counter("cohort_flagged", "Rows flagged.", ["arm", "cohort", "value"], m.cohort_flagged)
        yield _counter("unseen_categories", "Values that no training row had.", ["feature"], m.unseen)
        yield _counter("labels", "Labels taken in.", ["outcome"], m.labels)
        yield _counter("canary_skipped", "Rows of the canary's that only the champion takes.", [],
                       Counter({(): m.skipped}))  # fmt: skip
        for name, said, labels, samples in self._gauges():
            family = GaugeMetricFamily(_PREFIX + name, said, labels=labels)
            for values, value in samples:
                family.add_metric(list(values), value)
            yield family
        yield from self._figures()


def registry_of(collector: Collector) -> CollectorRegistry:
    """Return a registry of one collector, apart from the process's own."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry


def _counter(name: str, said: str, labels: list[str], counts: Counter[Any]) -> CounterMetricFamily:
    family = CounterMetricFamily(_PREFIX + name, said, labels=labels)
    for key, count in counts.items():
        family.add_metric([str(part) for part in _tuple(key)], count)
    return family


def _histogram(name: str, said: str, label: str, by_label: dict[str, Histogram]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(_PREFIX + name, said, labels=[label])
    for value, histogram in by_label.items():
        family.add_metric([value], histogram.buckets(), histogram.total)
    return family


def _tuple(key: Any) -> Iterable[Any]:
    return key if isinstance(key, tuple) else (key,)
