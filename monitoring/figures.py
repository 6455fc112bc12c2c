"""Figures of runs: what only batch jobs know of a model, taken out of the records that they leave."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

OUTCOMES = ("promote", "needs_approval", "reject", "not_enough_evidence")
"""The verdicts that a run may end with."""


@dataclass(frozen=True)
class Run:
    """What a page or a metric tells of one run.

    Attributes
    ----------
    id, started, version, verdict : str
    reasons : tuple of str
    seconds : float
    sli, intervals, gates : dict
        As the record has them, the figures of the whole holdout.
    synthetic : dict of str to dict of str to int
        Synthetic training rows by cohort and value.
    synthetic_rows : int
    synthetic_share : float or None
    distance : dict or None
        Quartiles of the distance from a rare row to its neighbours, where synthetic rows were made.
    noise : dict
        `rate`, `low`, `high`, `suspects`, and `by_cohort`.
    drifted : tuple of str
        Columns that drift from training to holdout, most first, of `columns`.
    shifts : dict of str to float
        Of each feature, how far the rare rows of the holdout lie from those of the training.
    cohorts : dict
        `sli.by_cohort` of the record.
    """

    id: str
    started: str
    version: str
    verdict: str
    reasons: tuple[str, ...]
    seconds: float
    sli: Mapping[str, Any]
    intervals: Mapping[str, Any]
    gates: Mapping[str, Any]
    synthetic: Mapping[str, Mapping[str, int]]
    synthetic_rows: int
    synthetic_share: float | None
    distance: Mapping[str, float] | None
    noise: Mapping[str, Any]
    drifted: tuple[str, ...]
    columns: int
    shifts: Mapping[str, float]
    cohorts: Mapping[str, Any]


@dataclass(frozen=True)
class Home:
    """What a home knows of its runs.

    Attributes
    ----------
    runs : tuple of Run
        Those that came to their end, oldest first.
    unfinished : tuple of str
        When each run began that did not, in ISO 8601, oldest first.
    champion : str or None
        The version that serves by the ledger.
    moves : tuple of dict
        The last moves of aliases, newest first: `at`, `action`, `who`, `why`, `moves`.
    """

    runs: tuple[Run, ...] = ()
    unfinished: tuple[str, ...] = ()
    champion: str | None = None
    moves: tuple[Mapping[str, Any], ...] = field(default=())

    def of_champion(self) -> Run | None:
        """Return the run that made the champion, or None where its record is not here."""
        return next((run for run in reversed(self.runs) if run.version == self.champion), None)

    def since(self, moment: datetime) -> Sequence[Run]:
        """Return the runs that began since a moment."""
        return [run for run in self.runs if datetime.fromisoformat(run.started) >= moment]

    def success(self, moment: datetime) -> tuple[int, int]:
        """Return how many of the runs that began since a moment came to their end, and how many began.

        >>> Home(unfinished=("2026-03-01T00:00:00+00:00",)).success(datetime.fromisoformat("2026-02-01T00:00:00Z"))
        (0, 1)
        """
        done = len(self.since(moment))
        return done, done + sum(datetime.fromisoformat(one) >= moment for one in self.unfinished)


@dataclass(frozen=True)
class Seen:
    """What the monitor's last whole look saw.

    Attributes
    ----------
    ended : datetime
    breaches : dict of (str, str, str) to bool
        By cohort, value and what its recall is held against: whether the watch's alarm sounds.
    alarms : tuple of str
        Names of the alarms about the watch itself that stand.
    """

    ended: datetime
    breaches: Mapping[tuple[str, str, str], bool]
    alarms: tuple[str, ...] = ()


def run_of(record: Mapping[str, Any]) -> Run:
    """Return what is told of a run's record; what older records do not have is left out."""
    made, noise, sli = record["augmentation"] or {}, record["labels"] or {}, record["sli"]
    drift = record.get("drift") or {"drifted": [], "columns": 0}
    counts = made.get("counts", {}).get("train", {}).get("by_cohort", {})
    return Run(
        id=record["run_id"],
        started=record["started"],
        version=str(record["model_version"]),
        verdict=record["decision"]["verdict"],
        reasons=tuple(record["decision"]["reasons"]),
        seconds=record["seconds"],
        sli={name: value for name, value in sli.items() if value is None or isinstance(value, int | float)},
        intervals=sli["intervals"],
        gates=record["gates"],
        synthetic={
            cohort: {value: one["synthetic"] for value, one in values.items()} for cohort, values in counts.items()
        },
        synthetic_rows=made.get("synthetic_rows", 0),
        synthetic_share=made.get("synthetic_share"),
        distance=made.get("neighbor_distance"),
        noise={"rate": noise.get("noise_rate")} | {name: noise.get(name) for name in ("low", "high", "suspects")}
        | {"by_cohort": noise.get("by_cohort", {})},
        drifted=tuple(one["column"] for one in drift["drifted"]),
        columns=drift["columns"],
        shifts=dict(_shifts(record)),
        cohorts=sli["by_cohort"],
    )  # fmt: skip


def _shifts(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    fidelity = (record.get("inspection") or {}).get("fidelity")
    for one in fidelity["marginals"]["columns"] if fidelity else ():
        if one["drift"] is not None:
            yield one["name"], one["drift"]
