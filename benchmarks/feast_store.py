"""The Feast store against plain tools on the same task, a section a question.

A section is a function that measures and one that says it as lines of the page; what another section measured before
is kept. `python -m benchmarks.feast_store --help`.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import online_features, point_in_time
from benchmarks.page import about, write_section

JSON = Path("benchmarks/feast_store.json")
FEATURES = 30
DELIVERY, BASES = 10_000, (200_000, 2_000_000)
BATCH = 100_000  # rows of each delivery of which a base is made


@dataclass(frozen=True)
class Section:
    """One question: its title, what measures it, and what says the result."""

    title: str
    measure: Callable[[argparse.Namespace], dict]
    lines: Callable[[dict], list[str]]


def main() -> None:
    """Measure the sections asked for, and write JSON and page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    results = {}
    for name in options.sections:
        results[name] = SECTIONS[name].measure(options)
        print(name, json.dumps(results[name]), flush=True)
    if not options.dry_run:
        write(results)


def write(results: dict) -> None:
    """Write the JSON and the page's section; what was not measured now stays as it was."""
    before = json.loads(JSON.read_text())["sections"] if JSON.exists() else {}
    both = before | results
    both = {name: both[name] for name in SECTIONS if name in both}
    facts = about("feast", "duckdb", "pyarrow", "pandas")
    JSON.write_text(json.dumps(facts | {"sections": both}, indent=1) + "\n")
    lines = []
    for name, found in both.items():
        lines += [f"### {SECTIONS[name].title}", "", *SECTIONS[name].lines(found), ""]
    write_section("feast_store", facts, lines)


def append(options: argparse.Namespace) -> dict:
    """Measure how long a delivery takes to be a version that Feast knows, behind a small and a large base.

    The two bases take turns; the first turn warms up. The peer writes one Parquet file once more with the new rows
    behind the old, as Feast's file store does, and without Feast.
    """
    from rarecall.project import Project
    from tasks.append import deliveries, publish

    ours: dict[int, list[float]] = {base: [] for base in BASES}
    table_only: dict[int, list[float]] = {base: [] for base in BASES}
    rewritten: dict[int, list[float]] = {base: [] for base in BASES}
    folder = Path(tempfile.mkdtemp(prefix="feast-store-"))
    try:
        places = {}
        for base in BASES:
            home = folder / str(base)
            project = Project.model_validate(
                {
                    "name": "bench",
                    "source": {"deliveries": True},
                    "label": {"column": "y", "positive": 1},
                    "entity": "id",
                    "stores": {"home": str(home)},
                }
            )
            table = deliveries(project)
            for start in range(0, base, BATCH):
                head = table.append(rows(start, BATCH)).version
            publish(project, table, head)
            pq.write_table(table.read(), home / "one.parquet")
            places[base] = project, table, home / "one.parquet"
        for turn in range(options.repeats + 1):
            for base, (project, table, one) in places.items():
                new = rows(base + turn * DELIVERY, DELIVERY)
                begun = time.perf_counter()
                head = table.append(new).version
                appended = time.perf_counter()
                publish(project, table, head)
                ended = time.perf_counter()
                pq.write_table(pa.concat_tables([pq.read_table(one), new]), one.with_suffix(".new"))
                one.with_suffix(".new").replace(one)
                peer = time.perf_counter() - ended
                if turn:
                    table_only[base].append(appended - begun)
                    ours[base].append(ended - begun)
                    rewritten[base].append(peer)
        for base, (_, table, one) in places.items():
            if not table.read().equals(pq.read_table(one)):
                raise AssertionError(f"the table of {base} rows differs from the file that was written once more")
    finally:
        shutil.rmtree(folder)
    small, large = (median(ours[base]) for base in BASES)
    return {
        "rows": DELIVERY,
        "features": FEATURES,
        "repeats": options.repeats,
        "seconds": {str(base): median(ours[base]) for base in BASES},
        "table_seconds": {str(base): median(table_only[base]) for base in BASES},
        "rewrite_seconds": {str(base): median(rewritten[base]) for base in BASES},
        "ratio": large / small,
    }


def rows(start: int, n: int) -> pa.Table:
    """Return deliveries' rows: an id, a moment, a label and features, the same for the same start."""
    rng = np.random.default_rng(start)
    ids = np.arange(start, start + n)
    moments = np.datetime64("2026-01-01", "us") + ids * np.timedelta64(1, "s")
    columns = {"id": ids, "event_timestamp": pa.array(moments, pa.timestamp("us", "UTC"))}
    columns |= {f"x{at}": rng.standard_normal(n) for at in range(FEATURES)}
    return pa.table(columns | {"y": (rng.random(n) < 0.01).astype(np.int64)})


def _append_lines(found: dict) -> list[str]:
    size = f"{found['rows']:,} rows x {found['features']} features, medians of {found['repeats']} in turn, seconds."
    return [
        f"{size} To reach: the same time within 1.5 times; reached: {found['ratio']:.2f}.",
        "",
        "| base | append to the table | append and publish in Feast | one Parquet file written once more, no Feast |",
        "|--:|--:|--:|--:|",
        *(
            f"| {int(base):,} | {found['table_seconds'][base]:.3f} | {seconds:.3f} "
            f"| {found['rewrite_seconds'][base]:.3f} |"
            for base, seconds in found["seconds"].items()
        ),
    ]


SECTIONS = {
    "point_in_time": Section("The training set as of each row's moment", point_in_time.measure, point_in_time.lines),
    "append": Section("Publishing a version costs by its new rows", append, _append_lines),
    "materialize": Section("Putting features online", online_features.materialize, online_features.materialize_lines),
    "online_read": Section("Reading one entity online", online_features.read, online_features.read_lines),
}


if __name__ == "__main__":
    main()
