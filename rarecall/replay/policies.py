"""When to retrain: every so many rounds, on any drift, or when a cohort's recall is shown to have fallen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from rarecall.finding import OVERALL, Finding
from rarecall.intervals import at_least, wilson
from rarecall.replay.history import Bools, History
from rarecall.replay.models import Made
from rarecall.sections import Triggers
from rarecall.sequential import alarm
from rarecall.sequential.discoveries import discoveries
from rarecall.trigger import Fired, causes, held

_DAY = np.timedelta64(1, "D")
_REFERENCE = 5000  # rows of the reference that a drift test reads


class Policy(Protocol):
    """Says before each round whether to retrain."""

    name: str

    def asks(self, history: History, rounds: list[slice], number: int, since: int, serving: Made, /) -> str | None:
        """Return why to retrain before a round, or None.

        Parameters
        ----------
        history, rounds
        number : int
            Of the round that is about to begin.
        since : int
            Of the first round that the model has served.
        serving : Made
        """


@dataclass
class Every:
    """Retrain each so many rounds; none: never."""

    rounds: int | None
    name: str = ""

    def __post_init__(self) -> None:
        """Name it as a person would."""
        self.name = {None: "never", 1: "every round"}.get(self.rounds, f"every {self.rounds} rounds")

    def asks(self, _history: History, _rounds: list[slice], number: int, since: int, _serving: Made) -> str | None:
        """Return why to retrain before a round, or None."""
        return self.name if self.rounds is not None and number - since >= self.rounds else None


@dataclass
class AnyDrift:
    """Retrain when any column's distribution in the last round is not that of the rows that taught.

    Kolmogorov-Smirnov for numbers, chi-squared for categories, corrected for the number of columns (Bonferroni): the
    usual monitor of drift. `rest` rounds lie between two retrains at least.
    """

    alpha: float = 0.05
    rest: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        """Name it as a person would."""
        self.name = "any drift" if self.rest == 1 else f"any drift, at most every {self.rest} rounds"

    def asks(self, history: History, rounds: list[slice], number: int, since: int, serving: Made) -> str | None:
        """Return why to retrain before a round, or None."""
        if number - since < self.rest:
            return None
        now = history.rows.iloc[rounds[number - 1]]
        rng = np.random.default_rng(number)
        some = rng.choice(serving.taught, min(_REFERENCE, len(serving.taught)), replace=False)
        then = history.rows.iloc[some]
        limit = self.alpha / len(history.kinds)
        found = [name for name, kind in history.kinds.items() if _p(then[name], now[name], kind) < limit]
        return f"{len(found)} columns drifted: {', '.join(found[:3])}" if found else None


@dataclass
class Breach:
    """Ours: retrain when a cohort's recall is shown to lie below what the model held when it was made.

    The alarm of the watch, on labels that are known by then, with the rules of the trigger.
    """

    rules: Triggers = field(default_factory=lambda: Triggers(cooldown=timedelta(0), max_per_day=10**6))
    alpha: float = 0.05
    horizon: float = 365.0
    confidence: float = 0.95
    min_positives: int = 30
    margin: float = 0.0
    name: str = "a cohort's recall fell"
    fired: list[Fired] = field(default_factory=list)

    def asks(self, history: History, rounds: list[slice], number: int, since: int, serving: Made) -> str | None:
        """Return why to retrain before a round, or None."""
        if number == since:
            return None
        moment = history.moments[rounds[number].start]
        found = list(self._findings(history, slice(rounds[since].start, rounds[number].start), moment, serving, since))
        now = datetime.fromisoformat(str(moment.astype("datetime64[s]"))).replace(tzinfo=UTC)
        for one in causes(found):
            if held(one, self.fired, self.rules, now) is None:
                self.fired.append(
                    Fired(
                        id=str(number),
                        fingerprint=one.fingerprint,
                        about="",
                        at=now,
                        open=False,
                        started=True,
                        standing=True,
                    )
                )
                return one.reasons[0]
        return None

    def _findings(
        self, history: History, served: slice, moment: np.datetime64, serving: Made, since: int
    ) -> Iterator[Finding]:
        rows = np.arange(served.start, served.stop)
        rows = rows[(history.y[rows] == 1) & (history.known[rows] <= moment)]
        rows = rows[np.argsort(history.known[rows], kind="stable")]
        base = serving.taught[history.y[serving.taught] == 1]
        cells = [(OVERALL, "", np.ones(len(history.y), dtype=bool))]
        for cohort in history.cohorts:
            values = history.cohorts[cohort].to_numpy()
            cells += [(str(cohort), str(value), values == value) for value in pd.unique(values)]
        begun = history.moments[served.start]
        unseen = serving.unseen[history.y[serving.taught] == 1]
        told = [self._cell(history, rows[inside[rows]], unseen[inside[base]], begun, serving) for _, _, inside in cells]
        sounds = discoveries([log for log, _, _ in told], self.alpha)
        for (cohort, value, _), (log, hits, reference), breach in zip(cells, told, sounds, strict=True):
            limit = reference[0] / reference[1] if reference[1] else 0.0
            of = len(hits)
            interval = wilson(int(hits.sum()), of, self.confidence)
            where = f"{cohort} {value}".strip()
            yield Finding(
                cohort=cohort, value=value, version=since, against="reference", limit=limit,
                recall=float(hits.mean()) if of else None, interval=interval,
                state=at_least(interval, limit) if of >= self.min_positives else "not enough evidence",
                positives=of, since=str(begun), until=str(moment), log_evidence=log, breach=bool(breach),
                reasons=(f"{where}: found {int(hits.sum())} of {of}, once {reference[0]} of {reference[1]}",),
            )  # fmt: skip

    def _cell(
        self, history: History, rows: NDArray[np.intp], unseen: Bools, begun: np.datetime64, serving: Made
    ) -> tuple[float, Bools, tuple[int, int]]:
        hits, reference = serving.flagged[rows], (int(unseen.sum()), len(unseen))
        if not len(rows) or not reference[1]:
            return float("-inf"), hits, reference
        coins = alarm.coins((history.known[rows] - begun) / _DAY, 0.0, self.horizon)
        return float(alarm.path_below(hits, reference, coins, margin=self.margin)[-1]), hits, reference


def _p(then: "pd.Series[float]", now: "pd.Series[float]", kind: str) -> float:
    """Return the p-value that two samples of a column are of one distribution; 1 where nothing can be told."""
    if kind == "numeric":
        a, b = then.dropna().to_numpy(float), now.dropna().to_numpy(float)
        return float(stats.ks_2samp(a, b, method="asymp").pvalue) if len(a) and len(b) else 1.0
    counts = pd.crosstab(
        np.repeat([0, 1], [len(then), len(now)]), pd.concat([then, now]).astype(str).to_numpy()
    ).to_numpy()
    counts = counts[:, counts.sum(axis=0) >= 10]  # chi-squared needs some of each
    return float(stats.chi2_contingency(counts).pvalue) if counts.shape[1] > 1 else 1.0
