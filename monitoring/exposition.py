"""Exposition: the metrics that no request counts, as families for Prometheus, from the log and from the home.

Each is a gauge that is read anew: several servers that read one log tell the same numbers, so a rule takes their
maximum; a label that comes late, a correction and a restart change nothing that a counter could not take back.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily

from monitoring.costs import cost
from monitoring.figures import OUTCOMES, Home, Run, Seen
from monitoring.label_time import Known
from monitoring.slo import objectives
from rarecall.burn import written
from rarecall.finding import OVERALL
from rarecall.project import Project

_PREFIX = "rarecall_"
_QUARTILES = {"0.25": "lower_quartile", "0.5": "median", "0.75": "upper_quartile"}
_SLI = ("minority_recall", "minority_precision", "f1_minority", "train_test_gap")


@dataclass(frozen=True)
class Sources:
    """What there is to tell; a part that could not be read is None.

    Attributes
    ----------
    known : Known or None
        Of the prediction log.
    home : Home or None
        Of the runs and the ledger.
    seen : Seen or None
        By the monitor; None where nobody looked.
    """

    known: Known | None
    home: Home | None
    seen: Seen | None = None


def families(project: Project, found: Sources, as_of: datetime) -> list[GaugeMetricFamily]:
    """Return the families, each with its samples."""
    told = [*_promised(project), _up(found)]
    if found.known:
        told += _of_labels(project, found.known)
    if found.home:
        told += _of_runs(found.home, as_of)
        told += _of_models(found.home)
    if found.seen:
        told += _of_watch(found.seen)
    return told


def _family(name: str, said: str, labels: list[str], samples: Iterable[tuple[list[str], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(_PREFIX + name, said, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def _up(found: Sources) -> GaugeMetricFamily:
    parts = {"log": found.known, "home": found.home}
    return _family(
        "figures_up", "0 where what these figures are read from cannot be read.", ["part"],
        (([name], float(part is not None)) for name, part in parts.items()),
    )  # fmt: skip


def _promised(project: Project) -> Iterator[GaugeMetricFamily]:
    yield _family(
        "slo_objective", "Share of the events that must be good.", ["slo"],
        (([one.name], one.objective) for one in objectives(project)),
    )  # fmt: skip
    gates = project.gates
    limits = {name: getattr(gates, name) for name in (*_SLI, "label_noise_rate")}
    limits |= {name: getattr(gates, name) for name in ("synthetic_share_min", "synthetic_share_max")}
    yield _family("gate", "What a model must hold.", ["gate"], (([name], limit) for name, limit in limits.items()))


def _of_labels(project: Project, known: Known) -> Iterator[GaugeMetricFamily]:
    cells = [
        (written(window), cell, counts) for window, by_cell in known.cells.items() for cell, counts in by_cell.items()
    ]
    labels = ["cohort", "value", "window"]
    for name, said, part in (
        ("slo_positives", "Positives whose label came within the window.", lambda one: one.positives),
        ("slo_missed", "Those of them that were not flagged.", lambda one: one.missed),
        ("slo_flagged", "Flagged answers whose label came within the window.", lambda one: one.hits + one.false_alarms),
        ("slo_false_alarms", "Those of them that were negative.", lambda one: one.false_alarms),
    ):
        yield _family(name, said, labels, (([*cell, window], part(one)) for window, cell, one in cells))
    judged = [(window, cell, one) for window, cell, one in cells if one.positives]
    bounds = {(window, cell): one.recall_interval(project.gates.confidence) for window, cell, one in judged}
    for place, end in enumerate(("low", "high")):
        yield _family(
            f"slo_recall_{end}", f"The {'upper' if place else 'lower'} end of the interval of the recall.", labels,
            (([*cell, window], one[place]) for (window, cell), one in bounds.items()),
        )  # fmt: skip
    age = [] if known.label_age is None else [([], known.label_age.total_seconds())]
    yield _family("slo_label_age_seconds", "Since a label came, or since the first answer where none did.", [], age)
    if costs := project.training.threshold.costs:
        yield _family(
            "business_cost", "Of the answers whose label came within the window, as the project counts costs.",
            ["window"],
            (([written(window)], cost(by_cell["all", "all"], costs)) for window, by_cell in known.cells.items()),
        )  # fmt: skip


def _of_watch(seen: Seen) -> Iterator[GaugeMetricFamily]:
    yield _family(
        "watch_looked_timestamp_seconds", "When the monitor's last whole look ended.", [],
        [([], seen.ended.timestamp())],
    )  # fmt: skip
    yield _family(
        "watch_breach", "1 where the alarm of the watch sounds.", ["cohort", "value", "against"],
        (
            (["all", "all", against] if cohort == OVERALL else [cohort, value, against], float(breach))
            for (cohort, value, against), breach in seen.breaches.items()
        ),
    )  # fmt: skip
    yield _family(
        "watch_alarm", "1: an alarm about the watch itself stands.", ["alarm"], (([one], 1.0) for one in seen.alarms)
    )


def _of_runs(home: Home, as_of: datetime) -> Iterator[GaugeMetricFamily]:
    recent = home.since(as_of - timedelta(days=28))
    done, begun = home.success(as_of - timedelta(days=28))
    counts = {outcome: sum(run.verdict == outcome for run in recent) for outcome in OUTCOMES}
    yield _family(
        "runs", "Retrains of the last 28 days by how they ended.", ["outcome"],
        (([name], many) for name, many in (counts | {"unfinished": begun - done}).items()),
    )  # fmt: skip
    last = [([], datetime.fromisoformat(home.runs[-1].started).timestamp())] if home.runs else []
    yield _family("last_run_timestamp_seconds", "When the last retrain began that came to its end.", [], last)


def _of_models(home: Home) -> Iterator[GaugeMetricFamily]:
    """Yield what the records say of the champion and of the last run's model, each under that name."""
    named = {"champion": home.of_champion(), "last": home.runs[-1] if home.runs else None}
    models: Mapping[str, Run] = {name: run for name, run in named.items() if run}

    def of(part: str, said: str, labels: list[str], samples: Iterable[tuple[list[str], float]]) -> GaugeMetricFamily:
        return _family(f"model_{part}", said, ["model", *labels], samples)

    yield of("version", "Which version it is.", [], (([name], float(run.version)) for name, run in models.items()))
    yield of(
        "sli", "On the real rows of its holdout.", ["sli"],
        (([name, sli], run.sli[sli]) for name, run in models.items() for sli in _SLI if run.sli.get(sli) is not None),
    )  # fmt: skip
    for part, said, value in (
        ("synthetic_share", "Share of its training rows that is synthetic.", lambda run: run.synthetic_share),
        ("label_noise_rate", "Share of suspect labels.", lambda run: run.noise["rate"]),
        ("label_noise_rate_low", "The lower end of its interval.", lambda run: run.noise["low"]),
        ("drifted_columns", "Columns that drift from training to holdout.", lambda run: len(run.drifted)),
    ):
        yield of(part, said, [], (([n], value(run)) for n, run in models.items() if value(run) is not None))
    yield of(
        "neighbor_distance", "From a rare row to its neighbours, where synthetic rows were made.", ["quantile"],
        (
            ([name, quantile], run.distance[key])
            for name, run in models.items()
            if run.distance
            for quantile, key in _QUARTILES.items()
            if run.distance[key] is not None
        ),
    )  # fmt: skip
    yield of(
        "synthetic_rows", "Synthetic training rows by cohort value.", ["cohort", "value"],
        (
            ([name, cohort, value], many)
            for name, run in models.items()
            for cohort, values in run.synthetic.items()
            for value, many in values.items()
        ),
    )  # fmt: skip
    yield of(
        "feature_shift", "Of the rare rows, from training to holdout: 0 alike, 1 apart.", ["feature"],
        (([name, feature], far) for name, run in models.items() for feature, far in run.shifts.items()),
    )  # fmt: skip
