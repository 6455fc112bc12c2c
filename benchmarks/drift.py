"""A comparison with a sketch beside Evidently's preset on the same million rows, and what raises a false alarm.

`python -m benchmarks.drift`: some ten minutes, nearly all of them Evidently's.
"""

import json
import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.page import about, write_section
from rarecall import drift
from rarecall.intervals import wilson
from rarecall.sections import Cohort

JSON = Path("benchmarks/drift.json")
ROWS, NUMBERS, CATEGORIES, RUNS = 1_000_000, 24, 6, 3
SMALL, TRIALS = 250, 200
COHORT = Cohort(column="region")
REGIONS = {"north": 0.4, "south": 0.3, "east": 0.2, "west": 0.1}


def main() -> None:
    """Measure the time, then the false alarms, then what a shift inside a small cohort takes to be found."""
    warnings.simplefilter("ignore")
    found: dict[str, Any] = {"rows": ROWS, "columns": NUMBERS + CATEGORIES, **speed()}
    print(found, flush=True)
    found["alarms"] = alarms()
    print(found["alarms"], flush=True)
    facts = about("numpy", "pandas", "scipy", "evidently")
    JSON.write_text(json.dumps(facts | found, indent=1) + "\n")
    write_section("drift", facts, _page(found))


def table(rows: int, seed: int) -> pd.DataFrame:
    """Return numbers of several shapes, categories of several sizes, and a cohort; some values are missing."""
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {}
    for place in range(NUMBERS):
        values = (rng.normal(size=rows), rng.lognormal(sigma=1.2, size=rows), rng.poisson(2.0, rows).astype(float))
        made[f"number_{place:02}"] = values[place % 3]
        if place % 6 == 0:
            made[f"number_{place:02}"][rng.random(rows) < 0.05] = np.nan
    for place in range(CATEGORIES - 1):
        many = (2, 5, 12, 40, 200)[place]
        shares = 1 / np.arange(1, many + 1)
        names = np.array([f"value {one}" for one in range(many)], dtype=object)
        made[f"category_{place}"] = names[rng.choice(many, rows, p=shares / shares.sum())]
    made["region"] = np.array([*REGIONS], dtype=object)[rng.choice(len(REGIONS), rows, p=[*REGIONS.values()])]
    return pd.DataFrame(made)


def kinds(frame: pd.DataFrame) -> dict[str, str]:
    """Return which columns are numbers."""
    return {name: "categorical" if frame[name].dtype == object else "numeric" for name in frame}


def speed() -> dict[str, Any]:
    """Return seconds: to sketch, to compare, and of Evidently's preset on the same two tables, in turn."""
    before, after = table(ROWS, 0), table(ROWS, 1)
    rare = [np.random.default_rng(seed).random(ROWS) < 0.01 for seed in (2, 3)]
    asked = kinds(before)
    made, sketching = _timed(lambda: drift.take(before, asked, positive=rare[0], cohorts=[COHORT]))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sketch.npz"
        drift.save(made, file)
        size, kept = file.stat().st_size, drift.load(file)
    ours = [_timed(lambda: drift.compare(kept, after, positive=rare[1])) for _ in range(RUNS)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    theirs = evidently(before, after, asked)
    ours.append(_timed(lambda: drift.compare(kept, after, positive=rare[1])))
    compared = ours[0][0]
    return {
        "sketch": sketching,
        "sketch_bytes": size,
        "compare": sorted(seconds for _, seconds in ours),
        "groups": len(compared["groups"]),
        "tests": compared["tests"],
        "shifted": sum(one["state"] == "shifted" for one in compared["columns"]),
        "evidently": theirs,
        "ratio": theirs / float(np.median([seconds for _, seconds in ours])),
        "memory": {"ours": peak, "evidently": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024},
    }


def evidently(before: pd.DataFrame, after: pd.DataFrame, asked: dict[str, str]) -> float:
    """Return the seconds of Evidently's preset; its import is not counted, nor is drawing a page."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(
        numerical_columns=[name for name, kind in asked.items() if kind == "numeric"],
        categorical_columns=[name for name, kind in asked.items() if kind == "categorical"],
    )
    started = time.perf_counter()
    reference, current = (Dataset.from_pandas(part, data_definition=definition) for part in (before, after))
    Report([DataDriftPreset()]).run(current, reference).dict()
    return time.perf_counter() - started


def alarms() -> dict[str, Any]:
    """Return how often each rule tells of a shift in a cohort of few rows: where there is none, and where one is."""
    before = table(100_000, 0)
    asked = {name: kind for name, kind in kinds(before).items() if name != "region"}
    sketch = drift.take(before, asked, cohorts=[COHORT])
    found: dict[str, Any] = {}
    for name, moved in {"none": 0.0, "half a deviation": 0.5, "one deviation": 1.0}.items():
        told = []
        for trial in range(TRIALS if moved == 0 else TRIALS // 2):
            now = table(SMALL * len(REGIONS), 10_000 + trial)
            now["region"] = np.repeat([*REGIONS], SMALL)
            now.loc[now["region"] == "west", "number_00"] += moved
            told.append(_told(drift.compare(sketch, now), "number_00" if moved else None))
        found[name] = {rule: [int(sum(one[rule] for one in told)), len(told)] for rule in told[0]}
    return found


def _told(compared: dict[str, Any], column: str | None) -> dict[str, bool]:
    """Return which rules tell of the cohort `west`: of any column where nothing moved, of the one that did."""
    west = [one for one in compared["columns"] if one["value"] == "west" and column in {None, one["column"]}]
    return {
        "ours": any(one["state"] == "shifted" for one in west),
        "PSI of 0.1": any(one["psi"] >= 0.1 for one in west),
        "PSI of 0.2": any(one["psi"] >= 0.2 for one in west),
        "p below 5%, not corrected": any(one["p"] < 0.05 for one in west),
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _page(found: dict[str, Any]) -> list[str]:
    times, memory, tests = found["compare"], found["memory"], found["tests"]
    shown = ", ".join(f"{one:.2f}" for one in times)
    rules = list(found["alarms"]["none"])
    what = (
        f"{ROWS:,} rows x {found['columns']} columns ({NUMBERS} numbers, {CATEGORIES} categories of texts), compared "
        "with as many, which Evidently is given as rows and ours as a sketch; in one process."
    )
    faster = (
        f"**{found['ratio']:.0f} times faster** (median of ours; asked: 80). The process grew to {memory['ours']:,.0f} "
        f"MB with ours and {memory['evidently']:,.0f} MB with Evidently, the two tables included."
    )
    told = (
        f"How often a rule tells of a cohort of {SMALL} rows with {found['columns'] - 1} columns: where nothing "
        "shifted, of any column, and where one did, of that one."
    )
    return [
        what,
        "",
        "| what | seconds |",
        "|:--|--:|",
        f"| Evidently's preset, all rows | {found['evidently']:.1f} |",
        f"| ours: {tests} comparisons: all rows, the rare class, 4 cohort values, the rare class in each | {shown} |",
        f"| the sketch, made once, {found['sketch_bytes'] / 1e6:.1f} MB | {found['sketch']:.2f} |",
        "",
        faster,
        "",
        told,
        "",
        "| shift of one column | " + " | ".join(rules) + " |",
        "|:--|" + "--:|" * len(rules),
        *(
            f"| {name} | " + " | ".join(_rate(*by[rule]) for rule in rules) + " |"
            for name, by in found["alarms"].items()
        ),
    ]


def _rate(hits: int, trials: int) -> str:
    low, high = wilson(hits, trials)
    return f"{hits / trials:.1%} ({low:.1%} to {high:.1%})"


if __name__ == "__main__":
    main()
