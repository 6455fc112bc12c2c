"""How soon is a canary that lost recall found, and how often is one that lost nothing? Beside what else one might do.

`python -m benchmarks.canary`: some minutes on one core. All rules see the same simulated positives.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN
from river.drift.binary import DDM
from scipy.stats import binom, norm

from benchmarks.page import about, write_section
from rarecall.canary import Evidence, Pairs, Stream, Tallied, judge
from rarecall.canary.measure import WEIGHTS
from rarecall.intervals import wilson
from rarecall.sections import Canary
from rarecall.sequential import betting, split

RUNS, POSITIVES = 1000, 1500
WARM_UP = 500  # of the champion's positives, so that a detector of changes has something to see a change from
WINDOW = 100
PREVALENCE, SHARE = 0.01, 0.01
TRUTHS = {
    # Of the positives that the champion finds alone, and the canary alone: as in two retrains of one model.
    "0.80 as before": (0.05, 0.05),
    "0.80 to 0.75": (0.09, 0.04),
    "0.80 to 0.70": (0.13, 0.03),
    "0.80 to 0.60": (0.22, 0.02),
    # And as in two models that know nothing of one another.
    "0.80 as before, unlike": (0.16, 0.16),
    "0.80 to 0.70, unlike": (0.24, 0.14),
}
SETTINGS = Canary()
JSON = Path("benchmarks/canary.json")

Rule = Callable[[NDArray[np.int8], NDArray[np.bool_]], NDArray[np.int64]]
NEVER = POSITIVES + 1


def main() -> None:
    """Run every rule on every truth, and the whole judgement on canaries that lost nothing or just the margin."""
    found: dict[str, Any] = {"rules": {}, "requests": {}, "whole": {}}
    for truth, (by_champion, by_canary) in TRUTHS.items():
        rng = np.random.default_rng(20)
        chances = (by_champion, 0.80 - by_champion, by_canary, 0.20 - by_canary)
        came = rng.choice(np.array([0, 1, 2, 3], dtype=np.int8), p=chances, size=(RUNS, POSITIVES))
        warm_up = rng.random((RUNS, WARM_UP)) < 0.20
        found["rules"][truth] = {name: _told(rule(came, warm_up)) for name, rule in RULES.items()}
        print(truth, found["rules"][truth], flush=True)
    found["requests"] = requests()
    print(found["requests"], flush=True)
    for name, arguments in WHOLE.items():
        found["whole"][name] = whole(**arguments)
        print(name, found["whole"][name], flush=True)
    JSON.write_text(json.dumps(found, indent=1))
    write_section("canary", about("numpy", "scipy", "river"), page(found))


def ours(came: NDArray[np.int8], _: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the positive at which the recall is shown to be lower, with the part of alpha that it has."""
    only = [(came == place).cumsum(axis=1) for place in (0, 2)]
    counts = np.stack([*only, np.arange(1, POSITIVES + 1) - sum(only)], axis=-1)
    goal = np.log(1 / (WEIGHTS["recall"] * SETTINGS.alpha))
    # In pieces: a fortune of each stake for each positive of all runs at once is a gigabyte.
    logs = [betting.evidence((-1, 1, 0), some, 0.0, low=-1, high=1, above=False) for some in np.array_split(counts, 20)]
    return _first(np.logaddexp(np.log(0.8) + np.concatenate(logs), np.log(0.2)) >= goal)


def mcnemar_at_every_look(came: NDArray[np.int8], _: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where McNemar's exact test, asked after every 25 positives, says 5%: what a dashboard invites to."""
    lost, won = ((came == place).cumsum(axis=1)[:, 24::25] for place in (0, 2))
    return _first(binom.cdf(won, won + lost, 0.5) <= 0.05, every=25)


def fixed_window(came: NDArray[np.int8], _: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where, window by window of 100 positives, a z-test of the two recalls says 5%."""
    windows = came.reshape(RUNS, -1, WINDOW)
    champion, canary = (np.isin(windows, kinds).mean(axis=2) for kinds in ((0, 1), (1, 2)))
    both = (champion + canary) / 2
    z = (champion - canary) / np.sqrt(np.maximum(2 * both * (1 - both) / WINDOW, 1e-12))
    return _first(z >= norm.ppf(0.95), every=WINDOW)


def adwin(came: NDArray[np.int8], warm_up: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where ADWIN, at its default of 0.002, sees the misses become more when the canary takes over."""
    return _detected(came, warm_up, ADWIN)


def ddm(came: NDArray[np.int8], warm_up: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return where DDM does, at its default of three standard deviations."""
    return _detected(came, warm_up, DDM)


RULES: dict[str, Rule] = {
    "ours": ours,
    "McNemar, every 25": mcnemar_at_every_look,
    f"window of {WINDOW}": fixed_window,
    "ADWIN": adwin,
    "DDM": ddm,
}


def requests() -> dict[str, dict[str, float]]:
    """Return how many requests it takes to see recall fall from 0.80 to 0.70 by the split alone, and with shadows."""
    rng = np.random.default_rng(3)
    most = 1500  # positives of the canary's own
    per_canary = round((1 - SHARE) / SHARE)
    hits = (rng.random((RUNS, most)) < 0.70).cumsum(axis=1)
    champions = rng.binomial(per_canary, 0.80, size=(RUNS, most)).cumsum(axis=1)
    own = np.arange(1, most + 1)
    logs = split.evidence(champions, own * per_canary, hits, own, above=False)
    goal = np.log(1 / SETTINGS.alpha)
    alone = _first(logs >= goal, never=most + 1) / (SHARE * PREVALENCE)
    chances = (0.13, 0.67, 0.03, 0.17)
    came = rng.choice(4, p=chances, size=(RUNS, POSITIVES))
    only = [(came == place).cumsum(axis=1) for place in (0, 2)]
    counts = np.stack([*only, np.arange(1, POSITIVES + 1) - sum(only)], axis=-1)
    pieces = [
        betting.evidence((-1, 1, 0), some, 0.0, low=-1, high=1, above=False) for some in np.array_split(counts, 20)
    ]
    shadows = _first(np.concatenate(pieces) >= goal) / ((1 - SHARE) * PREVALENCE)
    z = norm.ppf(0.95) + norm.ppf(0.80)
    once = z**2 * (0.7 * 0.3 + 0.8 * 0.2 / per_canary) / 0.01 / (SHARE * PREVALENCE)
    told = {name: {"p50": float(np.median(one)), "p90": float(np.quantile(one, 0.9))} for name, one in
            (("split alone", alone), ("shadows", shadows))}  # fmt: skip
    return {**told, "split alone, one look that was planned, 80% power": {"p50": float(once), "p90": float(once)}}


REGIONS = {"north": 12, "south": 8, "island": 5}
"""Positives of each region among 25."""

ALIKE = (0.75, 0.05, 0.05, 0.15)
WHOLE: dict[str, dict[str, Any]] = {
    "A/A": {"chances": ALIKE, "runs": RUNS},
    "A/A, errors and latency at their limits": {"chances": ALIKE, "runs": RUNS, "failing": 0.01, "slow": 0.01},
    "A/A, unlike": {"chances": (0.64, 0.16, 0.16, 0.04), "runs": 400},
    "recall lower by the margin, 0.05": {"chances": (0.71, 0.09, 0.04, 0.16), "runs": 400},
    "recall lower by 0.10": {"chances": (0.67, 0.13, 0.03, 0.17), "runs": 400},
    "recall lower by 0.40 in a region of a fifth of the positives, higher by 0.10 elsewhere": {
        "chances": (0.78, 0.02, 0.12, 0.08),
        "runs": 400,
        "lost": {"island": (0.38, 0.42, 0.02, 0.18)},
    },
    "recall lower by 0.05, the margin, in that region only": {
        "chances": ALIKE,
        "runs": 400,
        "lost": {"island": (0.71, 0.09, 0.04, 0.16)},
    },
    "recall higher by 0.05": {"chances": (0.76, 0.04, 0.09, 0.11), "runs": 400},
}


def whole(
    *,
    chances: tuple[float, ...],
    runs: int,
    failing: float = 0.001,
    slow: float = 0.002,
    ticks: int = 60,
    lost: dict[str, tuple[float, ...]] | None = None,
) -> dict[str, Any]:
    """Return what becomes of canaries that the flow judges after every 2,500 rows, 25 of them positive."""
    rng, lost = np.random.default_rng(8), lost or {}
    verdicts: list[tuple[str, int]] = []
    for _ in range(runs):
        # Of three regions one is small, and nobody knows of it before its first positive.
        by_region = np.stack([rng.multinomial(many, lost.get(region, chances), size=ticks).cumsum(axis=0)
                              for region, many in REGIONS.items()])  # fmt: skip
        positives = by_region.sum(axis=0)
        negatives = rng.multinomial(2475, (0.0025, 0.001, 0.001, 0.9955), size=ticks).cumsum(axis=0)
        requests = rng.multinomial(250, (failing, slow, 1 - failing - slow), size=ticks).cumsum(axis=0)
        share, verdict = SETTINGS.ramp[0], ("hold", ticks * 25)
        for tick in range(ticks):
            seen = Evidence(
                positives=Pairs(*map(int, positives[tick])),
                negatives=Pairs(*map(int, negatives[tick])),
                champion=Stream(),
                tallied=Tallied(int(requests[tick, 1:].sum()), int(requests[tick, 1]), int(requests[tick, 0])),
                champion_tallied=Tallied(2500 * (tick + 1), 0, 0),
                cohort_pairs={
                    "region": {
                        region: Pairs(*map(int, some[tick])) for region, some in zip(REGIONS, by_region, strict=True)
                    }
                },
                at_step=250,
            )
            judged = judge(seen, SETTINGS, share=share)
            share = judged.share or share
            if judged.verdict in {"promote", "rollback"}:
                verdict = (judged.verdict, (tick + 1) * 25)
                break
        verdicts.append(verdict)
    told: dict[str, Any] = {}
    for name in ("rollback", "promote", "hold"):
        at = [positives for verdict, positives in verdicts if verdict == name]
        told[name] = {
            "runs": len(at),
            "interval": list(wilson(len(at), runs)),
            "p50": float(np.median(at)) if at else None,
        }
    return told


def page(found: dict[str, Any]) -> list[str]:
    """Return the section's lines."""
    names = list(RULES)
    head = f"| recall of the canary | {' | '.join(names)} |"
    said = (
        f"What a rule says of {POSITIVES:,} labelled positives, {RUNS:,} runs of each truth: the share of runs "
        "in which it calls for a rollback, and the positives until then, median (90th percentile)."
    )
    lines = [said, "", head, f"| --- |{' --: |' * len(names)}"]
    for truth, rules in found["rules"].items():
        lines.append(f"| {truth} | {' | '.join(_cell(rules[name]) for name in names)} |")
    said = (
        f"Requests until a fall from 0.80 to 0.70 is seen, at {PREVALENCE:.0%} prevalence and a {SHARE:.0%} canary, "
        "all of alpha spent on it:"
    )
    lines += ["", said, "", "| | median | 90th percentile |", "| --- | --: | --: |"]
    for name, one in found["requests"].items():
        lines.append(f"| {name} | {one['p50']:,.0f} | {one['p90']:,.0f} |")
    said = (
        "The whole judgement (all measures, the ramp), canaries judged after every 2,500 rows of which 25 "
        "are positive, up to 1,500 positives: runs, 95% interval, and the median of the labelled positives until then."
    )
    lines += ["", said, "", "| canary | rolled back | promoted | neither |", "| --- | --: | --: | --: |"]
    for name, told in found["whole"].items():
        runs = sum(one["runs"] for one in told.values())
        cells = [
            f"{one['runs'] / runs:.1%} [{one['interval'][0]:.1%}, {one['interval'][1]:.1%}]"
            + (f", {one['p50']:.0f}" if one["p50"] and verdict != "hold" else "")
            for verdict, one in told.items()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _detected(came: NDArray[np.int8], warm_up: NDArray[np.bool_], kind: Any) -> NDArray[np.int64]:
    missed = np.isin(came, (0, 3))
    at = np.full(RUNS, NEVER)
    for run in range(RUNS):
        detector = kind()
        for miss in warm_up[run].tolist():
            detector.update(miss)
        before = float(warm_up[run].mean())
        for place, miss in enumerate(missed[run].tolist(), start=1):
            detector.update(miss)
            # Both tell of any change; only one to the worse is a rollback.
            if detector.drift_detected and missed[run, max(0, place - 200) : place].mean() > before:
                at[run] = place
                break
    return at


def _first(shown: NDArray[np.bool_], *, every: int = 1, never: int = NEVER) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.where(shown.any(axis=1), (shown.argmax(axis=1) + 1) * every, never)
    return found


def _told(at: NDArray[np.int64]) -> dict[str, Any]:
    hit = at < NEVER
    return {
        "share": float(hit.mean()),
        "p50": float(np.median(at[hit])) if hit.any() else None,
        "p90": float(np.quantile(at[hit], 0.9)) if hit.any() else None,
    }


def _cell(one: dict[str, Any]) -> str:
    return f"{one['share']:.1%}" + (f", {one['p50']:.0f} ({one['p90']:.0f})" if one["p50"] else "")


if __name__ == "__main__":
    main()
