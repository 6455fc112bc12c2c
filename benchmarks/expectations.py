"""What the suite costs beside a bare pass of the same checks in pandas, on one table and in one run.

python -m benchmarks.expectations [--rows 1000000] [--repeats 5]
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd

from benchmarks.page import about, write_section
from expectations.check import check
from expectations.expect import NUMBERS, expect
from rarecall.project import Project

NUMERIC, TEXTS = 20, 10
KINDS = {f"n{i}": "numeric" for i in range(NUMERIC)} | {f"c{i}": "categorical" for i in range(TEXTS)}
LEVELS = [f"level {i}" for i in range(12)]
PROJECT = Project.model_validate(
    {"name": "bench", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": 1}, "entity": "id"}
)


def table(rows: int) -> pd.DataFrame:
    """Return a sound snapshot of `rows` rows and 30 features."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"n{i}": rng.normal(size=rows) for i in range(NUMERIC)}
    columns |= {f"c{i}": rng.choice(np.array(LEVELS, dtype=object), rows) for i in range(TEXTS)}
    moment = pd.Timestamp("2026-01-01", tz="UTC").as_unit("us")
    return pd.DataFrame(
        {
            "row_id": np.arange(rows),
            "event_timestamp": moment,
            "id": np.arange(rows),
            "y": (rng.random(rows) < 0.02) * 1,
        }
        | columns
    )


def questions() -> dict[str, tuple[Any, Callable[[pd.DataFrame], bool]]]:
    """Return 60 expectations by name, each beside the same question in pandas."""
    asked: dict[str, tuple[Any, Callable[[pd.DataFrame], bool]]] = {}

    def add(kind: type, arguments: dict[str, Any], bare: Callable[[pd.DataFrame], bool]) -> None:
        name = f"{kind.__name__} {arguments.get('column', arguments.get('column_list', ''))}"
        asked[name] = (expect(kind, arguments, scope="table", that=name), bare)

    for name, kind in KINDS.items():
        add(
            gxe.ExpectColumnValuesToNotBeNull,
            {"column": name, "mostly": 0.95},
            lambda rows, name=name: rows[name].notna().mean() >= 0.95,
        )
        if kind == "numeric":
            add(
                gxe.ExpectColumnValuesToBeBetween,
                {"column": name, "min_value": -9, "max_value": 9, "mostly": 0.99},
                lambda rows, name=name: rows[name].dropna().between(-9, 9).mean() >= 0.99,
            )
        else:
            add(
                gxe.ExpectColumnValuesToBeInSet,
                {"column": name, "value_set": LEVELS, "mostly": 0.99},
                lambda rows, name=name: rows[name].dropna().isin(LEVELS).mean() >= 0.99,
            )
    # Two a column make sixty; four nulls give way to questions of other kinds.
    for name in [f"n{i}" for i in range(4)]:
        del asked[f"ExpectColumnValuesToNotBeNull {name}"]
    add(gxe.ExpectTableRowCountToBeBetween, {"min_value": 1}, lambda rows: len(rows) >= 1)
    add(
        gxe.ExpectColumnValuesToBeInTypeList,
        {"column": "n0", "type_list": NUMBERS},
        lambda rows: rows["n0"].dtype.name in NUMBERS,
    )
    add(
        gxe.ExpectColumnUniqueValueCountToBeBetween,
        {"column": "c0", "min_value": 2},
        lambda rows: rows["c0"].nunique() >= 2,
    )
    add(gxe.ExpectColumnValuesToBeUnique, {"column": "id"}, lambda rows: not rows["id"].duplicated(keep=False).any())
    return asked


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Measure, print, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    rows, asked = table(options.rows), questions()

    def ask(names: list[str]) -> None:
        suite = gx.ExpectationSuite(name="bench", expectations=[asked[name][0].copy() for name in names])
        verdict = check(rows, PROJECT, KINDS, suite)
        if verdict.findings or verdict.expectations != len(names):
            raise RuntimeError(f"expected a sound table, got {verdict.refusal()}")

    def bare() -> None:
        if not all([question(rows) for _, question in asked.values()]):  # noqa: C419 - each is asked, as in the suite
            raise RuntimeError("expected a sound table")

    ask(list(asked)[:1])
    ours, theirs, floor = [], [], []
    for _ in range(options.repeats):
        ours.append(timed(lambda: ask(list(asked))))
        theirs.append(timed(bare))
        floor.append(timed(lambda: ask(["ExpectTableRowCountToBeBetween "])))
    kinds: dict[str, list[str]] = defaultdict(list)
    for name in asked:
        kinds[name.split()[0] + (" of texts" if " c" in name else "")].append(name)
    frame = statistics.median(floor)
    mine, bare_seconds = statistics.median(ours), statistics.median(theirs)
    told = (
        f"{options.rows:,} x 30 (20 numbers, 10 texts of 12 levels), {len(asked)} expectations, median of "
        f"{options.repeats}: **{mine:.2f} s, {mine / bare_seconds:.2f} times** the same questions in pandas "
        f"({bare_seconds:.2f} s). {frame:.2f} s of it goes to handing the frame over, once."
    )
    lines = [
        told,
        "",
        "| expectation | how many | ms each | in pandas, ms |",
        "| --- | --: | --: | --: |",
    ]
    cost = {
        kind: (
            max(0.0, timed(lambda names=names: ask(names)) - frame) / len(names),
            sum(timed(lambda name=name: asked[name][1](rows)) for name in names) / len(names),
        )
        for kind, names in kinds.items()
    }
    lines += [
        f"| {kind} | {len(kinds[kind])} | {1000 * a:.0f} | {1000 * b:.0f} |"
        for kind, (a, b) in sorted(cost.items(), key=lambda item: -item[1][0])
    ]
    print("\n".join(lines))
    write_section("expectations", about("great-expectations", "pandas", "numpy"), lines)


if __name__ == "__main__":
    main()
