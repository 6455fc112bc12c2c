"""How soon is a fall of the recall heard, where all rules are equally often wrong? Ours beside what else one might do.

`python -m benchmarks.detection`: some fifteen minutes on one core. Every rule sees the same simulated positives: 2,050
at a recall of 0.80, then 2,950 at a lower one. Each is set so that it sounds within 5,000 at 0.80 in one run of twenty.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN
from river.drift.binary import HDDMA, HDDMW

from benchmarks.page import about, write_section
from rarecall.intervals import wilson
from rarecall.sequential import alarm

RUNS, POSITIVES, GOOD = 2000, 5000, 2050  # the change comes in the midst of a window of 100 or 200
SLOW_RUNS = 400  # of rules that go row by row
RECALL, ALPHA = 0.80, 0.05
DROPS = (0.05, 0.10, 0.20)
SAMPLE = 1000  # positives that a reference was measured on
JSON = Path("benchmarks/detection.json")
NEVER = POSITIVES + 1

Hits = NDArray[np.bool_]
Values = NDArray[np.float64]
Rule = Callable[[Hits], Values]
"""From runs to what the rule makes of each after every positive; it sounds where that passes a threshold."""


def main() -> None:
    """Set every rule on runs in which nothing changes, try it on others, and write what came of it."""
    steady = _runs(0.0, seed=1)
    changed = {drop: _runs(drop, seed=2) for drop in DROPS}
    afresh = _runs(0.0, seed=3)
    found: dict[str, dict[str, Any]] = {}

    def told(name: str, threshold: float, rule: Rule, runs: int = RUNS) -> None:
        at = {drop: _sounds(rule(hits[:runs]), threshold) for drop, hits in changed.items()}
        false = int((_sounds(rule(afresh[:runs]), threshold) < NEVER).sum())
        found[name] = {"threshold": threshold, "false": false / runs, "false_interval": list(wilson(false, runs)),
                       "runs": runs, "drops": {str(drop): _heard(one) for drop, one in at.items()}}  # fmt: skip
        print(name, json.dumps(found[name]), flush=True)

    told("ours, as promised", float(np.log(1 / ALPHA)), ours)
    for name, rule in RULES.items():
        told(name, _equal(rule(steady)), rule)
    told("ours, against a sample, as promised", float(np.log(1 / ALPHA)), ours_below, SLOW_RUNS // 2)
    for name, (make, settings) in DETECTORS.items():
        setting = _setting(make, settings, steady[:SLOW_RUNS])
        told(name, 0.5, _stepwise(make, setting), SLOW_RUNS)
        found[name]["threshold"] = setting
    JSON.write_text(json.dumps(found, indent=1))
    write_section("detection", about("numpy", "scipy", "river"), page(found))


def ours(hits: Hits) -> Values:
    """Return the log of the evidence that the recall is below its objective, 0.80; coins for 5,000 positives."""
    coins = np.full(POSITIVES, 1 / POSITIVES)
    return np.concatenate([alarm.path(some, RECALL, coins).astype(np.float32) for some in np.array_split(hits, 10)])


def ours_below(hits: Hits) -> Values:
    """Return the same where 0.80 is not known, but was measured once on a sample of each run's own."""
    sampled = np.random.default_rng(4).binomial(SAMPLE, RECALL, size=len(hits))
    coins = np.full(POSITIVES, 1 / POSITIVES)
    return np.stack([alarm.path_below(run, (int(got), SAMPLE), coins) for run, got in zip(hits, sampled, strict=True)])


def window(size: int, *, every: int) -> Rule:
    """Return the share of misses in the last `size` positives, looked at after every so many."""

    def rule(hits: Hits) -> Values:
        missed = np.pad((~hits).cumsum(axis=1, dtype=np.int32), ((0, 0), (1, 0)))
        found = np.full(hits.shape, -1.0, dtype=np.float32)
        found[:, size - 1 :] = (missed[:, size:] - missed[:, :-size]) / size
        keep = (np.arange(1, POSITIVES + 1) % every) == 0
        found[:, ~keep] = -1.0
        return found

    return rule


def ddm(hits: Hits) -> Values:
    """Return DDM's statistic: the standard deviations by which the misses are above their best, as river does."""
    n = np.arange(1, POSITIVES + 1)
    p = (~hits).cumsum(axis=1) / n
    s = np.sqrt(p * (1 - p) / n)
    both = np.where(n > 30, p + s, np.inf)
    place = _place_of_minimum(both)
    rows = np.arange(len(hits))[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 30, (p + s - p[rows, place]) / s[rows, place], -np.inf).astype(np.float32)


def page_hinkley(hits: Hits) -> Values:
    """Return Page-Hinkley's statistic at river's defaults: its cumulated excess of misses above the least."""
    n = np.arange(1, POSITIVES + 1)
    deviation = (~hits) - (~hits).cumsum(axis=1) / n
    level, least = np.zeros(len(hits)), np.full(len(hits), np.inf)
    found = np.full(hits.shape, -np.inf, dtype=np.float32)
    for place in range(POSITIVES):
        level = 0.9999 * level + deviation[:, place] - 0.005
        least = np.minimum(least, level)
        if place >= 29:
            found[:, place] = level - least
    return found


RULES: dict[str, Rule] = {
    "ours, set alike": ours,
    "window of 200, one after the other": window(200, every=200),
    **{f"sliding window of {size}": window(size, every=1) for size in (50, 100, 200, 400)},
    "DDM": ddm,
    "Page-Hinkley": page_hinkley,
}
LADDER = [10.0**-power for power in np.arange(1, 9.01, 0.25)]
DETECTORS: dict[str, tuple[Callable[[float], Any], list[float]]] = {
    "ADWIN": (lambda setting: ADWIN(delta=setting, clock=1), LADDER),
    "HDDM_A": (lambda setting: HDDMA(drift_confidence=setting), LADDER),
    "HDDM_W": (lambda setting: HDDMW(drift_confidence=setting), LADDER),
}


def _runs(drop: float, *, seed: int) -> Hits:
    recall = np.where(np.arange(POSITIVES) < GOOD, RECALL, RECALL - drop)
    found: Hits = np.random.default_rng(seed).random((RUNS, POSITIVES), dtype=np.float32) < recall.astype(np.float32)
    return found


def _equal(values: Values) -> float:
    """Return the threshold that at most one run of twenty passes while nothing changes."""
    most = np.sort(values.max(axis=1))[::-1]
    return float(np.nextafter(most[int(ALPHA * len(most))], np.float32(np.inf), dtype=np.float32))


def _sounds(values: Values, threshold: float) -> NDArray[np.int64]:
    """Return the positive after which each run sounds first."""
    passed = values >= threshold
    found: NDArray[np.int64] = np.where(passed.any(axis=1), passed.argmax(axis=1) + 1, NEVER)
    return found


def _stepwise(make: Callable[[float], Any], setting: float) -> Rule:
    """Return 1 from the first detection of a change to the worse on, row by row as river does."""

    def rule(hits: Hits) -> Values:
        found = np.zeros(hits.shape, dtype=np.float32)
        for run, row in enumerate(hits):
            for place in _detections(make(setting), row):
                found[run, place:] = 1.0
                break
        return found

    return rule


def _detections(detector: Any, row: Hits) -> Iterator[int]:
    before = 0
    for place, miss in enumerate((~row).tolist()):
        detector.update(miss)
        if detector.drift_detected:
            # ADWIN tells of a change either way; one to the better is no alarm.
            if row[max(0, place - 200) : place + 1].mean() < row[before : place + 1].mean():
                yield place
            before = place


def _setting(make: Callable[[float], Any], settings: list[float], steady: Hits) -> float:
    """Return the most sensitive setting by which one run of twenty at most sounds while nothing changes."""
    for setting in settings:
        false = 0
        for run in steady:
            false += next(_detections(make(setting), run), None) is not None
            if false > ALPHA * len(steady):
                break
        else:
            return setting
    return settings[-1]


def _place_of_minimum(values: Values) -> NDArray[np.int64]:
    """Return, after every column, where the least value so far stood last."""
    least = np.minimum.accumulate(values, axis=1)
    here = np.where(values <= least, np.arange(values.shape[1]), 0)
    found: NDArray[np.int64] = np.maximum.accumulate(here, axis=1)
    return found


def _heard(at: NDArray[np.int64]) -> dict[str, Any]:
    """Return what became of the runs that had not sounded before the change."""
    still = at[at > GOOD]
    delay = still[still < NEVER] - GOOD
    heard = np.where(still < NEVER, still - GOOD, np.inf)
    half = float(np.quantile(heard, 0.5, method="higher"))
    return {
        "share": float((still < NEVER).mean()),
        "mean": float(np.minimum(heard, POSITIVES - GOOD).mean()),
        "p50": half if np.isfinite(half) else None,
        "p90": float(np.quantile(delay, 0.9)) if delay.size else None,
        "before": float((at <= GOOD).mean()),
    }


def page(found: dict[str, Any]) -> list[str]:
    """Return the section's lines."""
    head = " | ".join(f"fall of {drop:.2f}" for drop in DROPS)
    said = (
        f"{GOOD:,} positives at a recall of {RECALL:.2f}, then {POSITIVES - GOOD:,} at a lower one. Each rule's "
        f"threshold is set on {RUNS:,} runs without a change ({SLOW_RUNS} for ADWIN and HDDM) so that {ALPHA:.0%} of "
        f"them sound within {POSITIVES:,} positives; *false* is how many of as many other runs do. In each cell the "
        "share of runs that is heard, and the labelled positives from the change until then: **mean** (a run that is "
        "not heard counts with all that were left), median, 90th percentile of those heard."
    )
    lines = [
        said,
        "",
        f"| rule | false | {head} |",
        f"| --- | --: |{' --: |' * len(DROPS)}",
    ]
    for name, one in found.items():
        low, high = one["false_interval"]
        cells = [_cell(one["drops"][str(drop)]) for drop in DROPS]
        lines.append(f"| {name} | {one['false']:.1%} [{low:.1%}, {high:.1%}] | {' | '.join(cells)} |")
    return lines


def _cell(one: dict[str, Any]) -> str:
    half, most = ("-" if one[name] is None else f"{one[name]:.0f}" for name in ("p50", "p90"))
    return f"{one['share']:.0%}, **{one['mean']:.0f}**, {half}, {most}"


if __name__ == "__main__":
    main()
