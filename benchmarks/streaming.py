"""Tables larger than memory: what the whole process holds at its highest, and how long it takes.

Each job is a process of its own, imports included, and its peak is the kernel's (VmHWM). What a job made is checked in
another process, so that checking costs the job no memory. `python -m benchmarks.streaming --help`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.page import about, write_section

JOBS = {
    "draw": "draw synthetic rows from a plan into Parquet",
    "search": "search a folder of Parquet exactly for {queries:,} queries",
    "table": "plan from a folder of Parquet and draw into Parquet",
}
LIMIT_MB = 2560
REAL, MINORITY = 200_000, 10_000  # the table that is drawn from
RARE = 1000  # one row in so many of the folder is of the rare class
FILE_ROWS = 1_000_000
CHECKED = 32  # queries searched once more by brute force; synthetic rows are rebuilt from one row group
K = 5
JSON = Path("benchmarks/streaming.json")


def main() -> None:
    """Run the jobs asked for, and write JSON and table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--child", nargs=2, metavar=("JOB", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        job, folder = options.child
        print(json.dumps(_measured(job, Path(folder), options)))
        return
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        if {"search", "table"} & set(options.jobs):
            make_folder(Path(folder) / "table", options.rows, options.features)
        for job in options.jobs:
            command = [sys.executable, "-m", "benchmarks.streaming", "--child", job, folder]
            for size in ("rows", "features", "queries"):
                command += [f"--{size}", str(getattr(options, size))]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
            results[job] = json.loads(answer.stdout)
            results[job]["checked"] = _CHECKS[job](Path(folder), options)
            print(job, results[job], flush=True)
    write(results, options)


def write(results: dict, options: argparse.Namespace) -> None:
    """Write the JSON and the page's section; jobs that were not run keep what they had, if the sizes are the same."""
    facts = about("numpy", "pyarrow", "faiss-cpu")
    kept = {"rows": options.rows, "features": options.features, "queries": options.queries}
    before = json.loads(JSON.read_text()) if JSON.exists() else {}
    if kept.items() <= before.items():
        results = before["jobs"] | results
    results = {job: results[job] for job in JOBS if job in results}
    JSON.write_text(json.dumps(facts | kept | {"jobs": results}, indent=1) + "\n")
    size = f"{options.rows:,} x {options.features} float32, {options.rows * options.features * 4 / 1e9:.1f} GB"
    lines = [
        f"{size} as one array; the whole process's peak, of which {LIMIT_MB:,} MB are allowed.",
        "",
        "| job | cores | s | peak, MB | checked |",
        "|:--|--:|--:|--:|:--|",
        *(
            f"| {JOBS[job].format(queries=options.queries)} | {run['cores']} | {run['seconds']:.0f} "
            f"| {run['peak_mb']:,.0f} | {run['checked']} |"
            for job, run in results.items()
        ),
    ]
    write_section("streaming", facts, lines)


def make_folder(folder: Path, rows: int, features: int) -> None:
    """Write the table file by file, never more than a file's rows in memory."""
    import pyarrow as pa

    folder.mkdir()
    names = [f"x{at}" for at in range(features)]
    for number, start in enumerate(range(0, rows, FILE_ROWS)):
        X = _rows(min(FILE_ROWS, rows - start), features, seed=number)
        label = (np.arange(start, start + len(X)) % RARE == 0).astype(np.int8)
        table = pa.table([*X.T.copy(), label], names=[*names, "label"])
        pq.write_table(table, folder / f"{number:05d}.parquet", row_group_size=1 << 17, use_dictionary=False)


def _rows(n: int, features: int, *, seed: int) -> np.ndarray:
    """Return rows about 64 centres; the columns hang together through twelve hidden ones."""
    shape = np.random.default_rng(0)
    centers, mixing = shape.normal(size=(64, features)), shape.normal(size=(12, features))
    rng = np.random.default_rng([1, seed])
    rows = rng.standard_normal((n, 12), dtype=np.float32) @ mixing.astype(np.float32)
    rows += centers[rng.integers(0, 64, n)].astype(np.float32)
    rows += 0.3 * rng.standard_normal(rows.shape, dtype=np.float32)
    return rows


def _measured(job: str, folder: Path, options: argparse.Namespace) -> dict:
    start = time.perf_counter()
    _JOBS[job](folder, options)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_mb": _peak_mb(), "cores": len(os.sched_getaffinity(0))}


def _draw(folder: Path, options: argparse.Namespace) -> None:
    from rarecall.resampling import ADASYN, write

    X, y = _real(options.features)
    plan = ADASYN(random_state=0, sampling_strategy={1: MINORITY + options.rows}).plan(X, y)
    write(plan, X, folder / "draw-rows.parquet", folder / "draw-lineage.parquet")


def _search(folder: Path, options: argparse.Namespace) -> None:
    from rarecall.neighbors import FaissNeighbors
    from rarecall.search.blocks import Parquet

    source = Parquet(folder / "table", columns=[f"x{at}" for at in range(options.features)])
    queries = _rows(options.queries, options.features, seed=10**6)
    distance, ids = FaissNeighbors(K).fit(source).kneighbors(queries)
    np.savez(folder / "found.npz", distance=distance, ids=ids)


def _table(folder: Path, options: argparse.Namespace) -> None:
    from rarecall.resampling import ADASYN
    from rarecall.resampling.adasyn_parquet import adasyn_parquet

    sampler = ADASYN(random_state=0, sampling_strategy={1: options.rows // 10})
    scaled = adasyn_parquet(folder / "table", "label", sampler=sampler)
    scaled.write(folder / "table-rows.parquet", folder / "table-lineage.parquet")


def _drawn_are_rebuilt(folder: Path, options: argparse.Namespace) -> str:
    rows, lineage = (pq.ParquetFile(folder / f"draw-{name}.parquet") for name in ("rows", "lineage"))
    if rows.metadata.num_rows != options.rows:
        raise AssertionError(f"expected {options.rows} synthetic rows, got {rows.metadata.num_rows}")
    return _rebuilt(rows, lineage, _real(options.features)[0])


def _found_are_nearest(folder: Path, options: argparse.Namespace) -> str:
    queries = _rows(options.queries, options.features, seed=10**6)
    chosen = np.random.default_rng(0).choice(len(queries), CHECKED, replace=False)
    best, ids = brute_force(folder / "table", queries[chosen], K)
    found = np.load(folder / "found.npz")
    np.testing.assert_array_equal(found["ids"][chosen], ids)
    np.testing.assert_allclose(found["distance"][chosen], best, rtol=1e-12)
    return f"{CHECKED} queries against brute force: the same neighbours"


def _table_is_rebuilt(folder: Path, options: argparse.Namespace) -> str:
    import pandas as pd

    rows, lineage = (pq.ParquetFile(folder / f"table-{name}.parquet") for name in ("rows", "lineage"))
    columns = [f"x{at}" for at in range(options.features)]
    files = sorted((folder / "table").glob("*.parquet"))
    rare = [pd.read_parquet(file, filters=[("label", "==", 1)], columns=columns) for file in files]
    ids = np.arange(0, options.rows, RARE)
    return _rebuilt(rows, lineage, pd.concat(rare, ignore_index=True), ids)


_JOBS = {"draw": _draw, "search": _search, "table": _table}
_CHECKS = {"draw": _drawn_are_rebuilt, "search": _found_are_nearest, "table": _table_is_rebuilt}


def brute_force(folder: Path, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return distances and row numbers of the nearest rows by the plainest means there are."""
    from scipy.spatial.distance import cdist

    best, ids, start = np.full((len(queries), 0), np.inf), np.zeros((len(queries), 0), dtype=np.int64), 0
    for file in sorted(folder.glob("*.parquet")):
        for batch in pq.ParquetFile(file).iter_batches(batch_size=100_000):
            rows = np.column_stack([batch.column(at).to_numpy() for at in range(queries.shape[1])])
            best = np.hstack([best, cdist(queries, rows)])
            ids = np.hstack([ids, np.tile(np.arange(start, start + len(rows)), (len(queries), 1))])
            order = np.argsort(best, axis=1, kind="stable")[:, :k]
            best, ids = np.take_along_axis(best, order, axis=1), np.take_along_axis(ids, order, axis=1)
            start += len(rows)
    return best, ids


def _rebuilt(rows: pq.ParquetFile, lineage: pq.ParquetFile, X: object, ids: np.ndarray | None = None) -> str:
    """Make the rows of the middle row group again from their lineage and compare the bytes."""
    from rarecall.lineage import rebuild

    middle = rows.num_row_groups // 2
    made = rows.read_row_group(middle).drop_columns("class").to_pandas().to_numpy()
    again = np.asarray(rebuild(lineage.read_row_group(middle), X, ids=ids))
    if made.tobytes() != np.ascontiguousarray(again, dtype=made.dtype).tobytes():
        raise AssertionError("rows rebuilt from their lineage differ from the rows that were written")
    return f"{rows.metadata.num_rows:,} rows; {len(made):,} of them rebuilt bit for bit"


def _real(features: int) -> tuple[np.ndarray, np.ndarray]:
    X = _rows(REAL, features, seed=0)
    return X, (np.arange(REAL) % (REAL // MINORITY) == 0).astype(int)


def _peak_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
