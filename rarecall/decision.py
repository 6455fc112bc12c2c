"""Whether a model may serve: a pure function of figures on the untouched holdout, with reasons a person can read.

A gate reads the interval, never the point. Whatever is neither good nor bad is not enough evidence, and that never
promotes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rarecall import intervals
from rarecall.comparison import Comparison, Difference
from rarecall.errors import DataError
from rarecall.gate import SAYS, Figure, Gate, digits_of, limited, text
from rarecall.intervals import Interval, State
from rarecall.sections import Gates

Verdict = Literal["promote", "reject", "needs_approval", "not_enough_evidence"]

SAID: dict[Verdict, str] = {
    "promote": "promote to canary",
    "reject": "reject",
    "needs_approval": "needs approval",
    "not_enough_evidence": "not enough evidence",
}
"""How a person reads each verdict."""

_ON_HOLDOUT = ("minority_recall", "minority_precision", "f1_minority", "train_test_gap")
_SPOKEN = {
    "minority_recall": "minority recall",
    "minority_precision": "minority precision",
    "f1_minority": "minority F1",
    "train_test_gap": "train-test recall gap",
    "label_noise_rate": "label-noise rate",
}
_ON_SYNTHETIC: dict[str, tuple[Literal["≥", "≤"], str]] = {
    "detectability": ("≤", "detectability of the synthetic rows"),
    "marginal_distance": ("≤", "largest marginal distance of the synthetic rows"),
    "correlation_difference": ("≤", "largest correlation difference of the synthetic rows"),
    "outside_share": ("≤", "share of synthetic rows outside the majority-free region"),
    "distinct_share": ("≥", "share of distinct synthetic rows"),
    "reconstruction_recall": ("≤", "recall of real rows rebuilt from the synthetic ones"),
}
_LIMITS = {"≥": "min", "≤": "max"}
_ASKS = "every gate holds, and a person has the last word, for gates.approval is required"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A verdict, why, and everything that was looked at."""

    verdict: Verdict
    reasons: tuple[str, ...]
    gates: tuple[Gate, ...]
    champion: Comparison | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values, as they stand in the decision record."""
        return {
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "gates": [asdict(gate) for gate in self.gates],
            "champion": self.champion.as_dict() if self.champion else None,
        }


def decide(
    sli: Mapping[str, Any],
    gates: Gates,
    *,
    champion: Comparison | None,
    augmented: bool,
    synthetic: Mapping[str, Mapping[str, Any]] | None = None,
    latency: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Decision:
    """Decide whether a candidate may serve.

    Parameters
    ----------
    sli : mapping
        What `rarecall.sli.measure` returned, with `label_noise_rate` and, for an augmented training set,
        `synthetic_ratio` (synthetic rows as a share of the training rows) added. A `label_noise_rate` among its
        `intervals` is read in place of the value.
    gates : Gates
    champion : Comparison or None
        On the same holdout rows; None: there is none yet.
    augmented : bool
        Whether the training set holds synthetic rows; if not, neither their share nor their fidelity is a gate.
    synthetic : mapping, optional
        The `figures` of `rarecall.fidelity.measure` and the attack's: {name: {`value`, `low`, `high`, `rows`}}. One is
        a gate where `gates` sets its limit, such as `detectability_max`.
    latency : mapping, optional
        What `rarecall.latency.measure` returned; read where `gates` sets `latency_ms_max`.
    notes : sequence of str
        What else a reader of the verdict must know of the candidate; they end the reasons and decide nothing.

    Returns
    -------
    Decision
        "reject" when a gate is bad or the recall is worse than the champion's, overall or in a cohort value with
        enough positives; else, when every gate is good, "promote", or "needs_approval" where `gates.approval` is
        "required"; else "not_enough_evidence". The reasons begin with what decided.

    Raises
    ------
    DataError
        The champion was compared on other rows.

    Examples
    --------
    >>> import numpy as np
    >>> from rarecall.sli import measure
    >>> y = np.repeat([True, False], [200, 800])
    >>> score = np.concatenate([np.repeat([0.9, 0.1], [164, 36]), np.repeat([0.8, 0.2], [20, 780])])
    >>> sli = measure(y, score, threshold=0.5, train=(y, score)) | {"label_noise_rate": 0.004}
    >>> decision = decide(sli, Gates(), champion=None, augmented=False)
    >>> decision.verdict
    'not_enough_evidence'
    >>> decision.reasons[0]
    'minority recall 0.82 [0.76, 0.87] may be below the floor 0.80: not enough evidence (200 positives)'
    """
    if champion is not None and champion.overall.positives != sli["positives"]:
        raise DataError(
            f"expected the champion on the candidate's holdout of {sli['positives']} positives, got "
            f"{champion.overall.positives}; compare them on the same rows"
        )
    found = (
        _gate("minority_recall", "≥", gates.minority_recall, sli, gates),
        _gate("minority_precision", "≥", gates.minority_precision, sli, gates),
        _gate("f1_minority", "≥", gates.f1_minority, sli, gates),
        _gate("train_test_gap", "<", gates.train_test_gap, sli, gates),
        _gate("label_noise_rate", "<", gates.label_noise_rate, sli, gates),
        *_asked(sli, latency, gates),
        *((_synthetic(sli, gates), *_fidelity(synthetic or {}, gates)) if augmented else ()),
    )
    worse = _worse(champion, gates) if champion else []
    by_state: dict[State, list[str]] = {"good": [], "bad": [], "not enough evidence": []}
    for gate in found:
        by_state[gate.state].append(gate.reason)
    bad, unsure = by_state["bad"] + worse, by_state["not enough evidence"]
    verdict: Verdict
    if bad:
        verdict, reasons = "reject", bad + unsure
    elif unsure:
        verdict, reasons = "not_enough_evidence", unsure
    else:
        verdict, reasons = "promote", [*by_state["good"], _beside(champion, gates)]
        if gates.approval == "required":
            verdict, reasons = "needs_approval", [_ASKS, *reasons]
    return Decision(verdict=verdict, reasons=(*reasons, *notes), gates=found, champion=champion)


def _gate(name: str, sign: Literal["≥", "<"], limit: float, sli: Mapping[str, Any], gates: Gates) -> Gate:
    value, bounds, positives = sli.get(name), sli["intervals"].get(name), sli["positives"]
    spoken, on_holdout = _SPOKEN[name], name in _ON_HOLDOUT
    needs = f"{sign} {text(limit)}"
    if value is None or (on_holdout and bounds is None):
        reason = f"{spoken} is not known: not enough evidence ({positives} positives)"
        return Gate(name=name, needs=needs, value=None, low=None, high=None, state="not enough evidence", reason=reason)
    interval = Interval(*bounds) if bounds is not None else Interval(value, value)
    digits = digits_of(limit, value, *interval)
    figure = f"{spoken} {text(value, digits)}"
    if bounds is not None:
        figure += f" [{text(interval.low, digits)}, {text(interval.high, digits)}]"
    if on_holdout and positives < gates.min_positives:
        state: State = "not enough evidence"
        reason = f"{figure} rests on {positives} positives where {gates.min_positives} are needed: not enough evidence"
    else:
        state = intervals.at_least(interval, limit) if sign == "≥" else intervals.below(interval, limit)
        reason = f"{figure} {SAYS[sign][state].format(limit=text(limit))}"
        reason += f" ({positives} positives)" if on_holdout else ""
    low, high = interval if bounds is not None else (None, None)
    return Gate(name=name, needs=needs, value=value, low=low, high=high, state=state, reason=reason)


def _synthetic(sli: Mapping[str, Any], gates: Gates) -> Gate:
    """Judge the synthetic share by its value: it is counted, not estimated."""
    share, least, most = sli.get("synthetic_ratio"), gates.synthetic_share_min, gates.synthetic_share_max
    bounds = f"{text(least)} to {text(most)}"
    if share is None:
        state: State = "not enough evidence"
        reason = "synthetic share is not known: not enough evidence"
    else:
        # To three digits: a share asked for at a bound is made of whole rows, so it may miss the bound by one of them.
        state = "good" if least <= round(share, 3) <= most else "bad"
        of = f" of {sli['synthetic_of']}" if "synthetic_of" in sli else ""
        reason = f"synthetic share{of} {share:.3f} is {'within' if state == 'good' else 'outside'} {bounds}"
    return Gate(name="synthetic_share", needs=bounds, value=share, low=None, high=None, state=state, reason=reason)


def _fidelity(synthetic: Mapping[str, Mapping[str, Any]], gates: Gates) -> Iterator[Gate]:
    """Yield a gate for each figure of the synthetic rows that the project sets a limit to."""
    for name, (sign, spoken) in _ON_SYNTHETIC.items():
        limit, figure = getattr(gates, f"{name}_{_LIMITS[sign]}"), synthetic.get(name)
        if limit is not None:
            known = figure or {"value": None, "low": None, "high": None, "rows": 0}
            told = Figure(**{field: known[field] for field in Figure._fields})
            yield limited(name, spoken, sign, limit, told, least=gates.min_positives, unit="rows")


def _asked(sli: Mapping[str, Any], latency: Mapping[str, Any] | None, gates: Gates) -> Iterator[Gate]:
    """Yield a gate for each further figure of the model that the project sets a limit to."""
    if (limit := gates.ece_max) is not None:
        low, high = sli["intervals"].get("ece", (None, None))
        told = Figure(value=sli.get("ece"), low=low, high=high, rows=sli["positives"])
        yield limited("ece", "calibration error", "≤", limit, told, least=gates.min_positives, unit="positives")
    if (limit := gates.cohort_recall_difference_max) is not None:
        for cohort, figures in sli["fairness"].items():
            recall = figures["recall"]
            spoken = f"largest difference of recall by {cohort}"
            if recall["worst"] is not None:
                spoken += f", {recall['worst']} below {recall['best']},"
            told = Figure(value=recall["difference"], low=recall["low"], high=recall["high"], rows=recall["judged"])
            # Who has enough positives for a say was settled when the difference was measured.
            name, unit = f"recall_difference_by_{cohort}", "values with enough positives"
            yield limited(name, spoken, "≤", limit, told, least=2, unit=unit)
    if (limit := gates.latency_ms_max) is not None:
        known = latency or {"p99": None, "p99_low": None, "p99_high": None, "repeats": 0}
        told = Figure(value=known["p99"], low=known["p99_low"], high=known["p99_high"], rows=known["repeats"])
        yield limited("latency_ms", "99th percentile of latency, ms,", "≤", limit, told, least=1, unit="repeats")


def _worse(champion: Comparison, gates: Gates) -> list[str]:
    found = [("recall", champion.overall)]
    found += [
        (f"recall where {cohort} is {value}", difference)
        for cohort, values in champion.by_cohort.items()
        for value, difference in values.items()
    ]
    return [
        f"{what} {difference.candidate:.2f} is worse than {difference.champion:.2f} of champion version "
        f"{champion.version}: {_signed(difference)} ({difference.positives} positives)"
        for what, difference in found
        if difference.worse(gates)
    ]


def _beside(champion: Comparison | None, gates: Gates) -> str:
    if champion is None:
        return "there is no champion yet to be compared with"
    judged = sum(
        difference.positives >= gates.min_positives
        for values in champion.by_cohort.values()
        for difference in values.values()
    )
    return (
        f"recall is not shown to be worse than champion version {champion.version}'s, overall "
        f"({_signed(champion.overall)}) or in any of {judged} cohort values with enough positives"
    )


def _signed(difference: Difference) -> str:
    return f"{difference.recall_difference:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]"
