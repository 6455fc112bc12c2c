"""ADASYN against imbalanced-learn, cell by cell: time, memory above the input, recall and allocation.

Each run is a process of its own that reads the same file, warms up on a small table and reports once. Peers take turns
within a repetition, so a machine that slows down slows all of them. `python -m benchmarks.adasyn --help`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import median

import imblearn.over_sampling
import numpy as np
from sklearn.datasets import make_classification
from sklearn.neighbors import NearestNeighbors

from rarecall.resampling import ADASYN

PEERS = ("imblearn_float64", "imblearn_float32", "exact", "auto")
OURS = ("exact", "auto")
LONG, TOO_LONG = 60.0, 600.0  # seconds: three repetitions instead of five; measured on a sample of its queries
SAMPLED = 500
COLUMNS = (
    *("rows", "features", "minority", "imblearn float64, s", "imblearn float32, s", "exact, s", "auto, s"),
    *("exact over float32", "auto over float64", "auto over float32", "recall", "variation", "memory, auto of float64"),
)
PAGE, JSON, PLOT = Path("docs/benchmarks.md"), Path("benchmarks/adasyn.json"), Path("docs/benchmarks-adasyn.svg")
BEGIN, END = "<!-- adasyn: written by benchmarks/adasyn.py -->", "<!-- adasyn: end -->"


@dataclass(frozen=True)
class Cell:
    """One table and what every peer took on it: medians over the repetitions."""

    rows: int
    features: int
    minority: float
    seconds: dict[str, float]
    peak_mb: dict[str, float]
    recall: float
    variation: float
    scaled: tuple[str, ...]

    def speedup(self, ours: str, peer: str) -> float:
        """Return how many times faster ours is."""
        return self.seconds[peer] / self.seconds[ours]


def main() -> None:
    """Measure the cells asked for and write JSON, table and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 50_000, 200_000, 1_000_000])
    parser.add_argument("--features", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--minority", type=float, nargs="+", default=[0.005, 0.01, 0.05])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--child", nargs=2, metavar=("PEER", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_run(options.child[0], Path(options.child[1]))))
        return
    cells = []
    for rows, features, minority in product(options.rows, options.features, options.minority):
        cells.append(measure(rows, features, minority, repeats=options.repeats))
        print(_row(cells[-1]), flush=True)
    write(cells)


def measure(rows: int, features: int, minority: float, *, repeats: int) -> Cell:
    """Let every peer run in turn on one table."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.npz"
        X, y = _table(rows, features, minority)
        np.savez(file, X=X, y=y)
        del X, y
        runs: dict[str, list[dict]] = {peer: [] for peer in PEERS}
        for repeat in range(repeats):
            for peer in PEERS:
                if repeat >= 3 and median(run["seconds"] for run in runs[peer]) > LONG:
                    continue
                command = [sys.executable, "-m", "benchmarks.adasyn", "--child", peer, str(file)]
                answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
                runs[peer].append(json.loads(answer.stdout))
        exact, auto = (np.load(file.with_suffix(f".{peer}.npy")) for peer in OURS)
    return Cell(
        rows=rows,
        features=features,
        minority=minority,
        seconds={peer: median(run["seconds"] for run in runs[peer]) for peer in PEERS},
        peak_mb={peer: median(run["peak_mb"] for run in runs[peer]) for peer in PEERS},
        recall=runs["auto"][0]["recall"],
        variation=float(np.abs(exact / exact.sum() - auto / auto.sum()).sum() / 2),
        scaled=tuple(peer for peer in PEERS if runs[peer][0]["scaled"]),
    )


def write(cells: list[Cell]) -> None:
    """Write the JSON, the plot, and the table between its two markers of the page."""
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}",
        "versions": {name: version(name) for name in ("numpy", "scikit-learn", "imbalanced-learn", "faiss-cpu")},
    }
    JSON.write_text(json.dumps(about | {"cells": [asdict(cell) for cell in cells]}, indent=1) + "\n")
    lines = [
        BEGIN,
        f"{about['date']}, {about['machine']}; {', '.join(f'{k} {v}' for k, v in about['versions'].items())}.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "--:|" * len(COLUMNS),
        *map(_row, cells),
        "",
        "A star marks a time scaled up from a sample of the queries. " + _slopes(cells),
        END,
    ]
    page = PAGE.read_text() if PAGE.exists() else f"# Benchmarks\n\n## ADASYN\n\n{BEGIN}\n{END}\n"
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(before + "\n".join(lines) + after)
    _plot(cells)


def _row(cell: Cell) -> str:
    seconds = [f"{cell.seconds[peer]:.2f}{'*' if peer in cell.scaled else ''}" for peer in PEERS]
    ratios = [("exact", "imblearn_float32"), ("auto", "imblearn_float64"), ("auto", "imblearn_float32")]
    return "| {:,} | {} | {:.1%} | {} | {} | {:.3f} | {:.4f} | {:.2f} |".format(
        cell.rows,
        cell.features,
        cell.minority,
        " | ".join(seconds),
        " | ".join(f"{cell.speedup(*pair):.1f}x" for pair in ratios),
        cell.recall,
        cell.variation,
        cell.peak_mb["auto"] / max(cell.peak_mb["imblearn_float64"], 1.0),
    )


def _series(cells: list[Cell]) -> tuple[list[int], list[Cell]]:
    """Return the cells of the most rows that differ in nothing else: 30 features and 5% where they were measured."""
    features = 30 if any(cell.features == 30 for cell in cells) else cells[0].features
    minority = max(cell.minority for cell in cells)
    chosen = sorted((c for c in cells if (c.features, c.minority) == (features, minority)), key=lambda c: c.rows)
    return [cell.rows for cell in chosen], chosen


def _slopes(cells: list[Cell]) -> str:
    rows, chosen = _series(cells)
    if len(rows) < 2:
        return ""
    slopes = {p: np.polyfit(np.log(rows), np.log([c.seconds[p] for c in chosen]), 1)[0] for p in PEERS}
    text = ", ".join(f"{peer} {slope:.2f}" for peer, slope in slopes.items())
    return f"Time grows with rows to the power of: {text} ({chosen[0].features} features, {chosen[0].minority:.0%})."


def _plot(cells: list[Cell]) -> None:
    from matplotlib.figure import Figure

    rows, chosen = _series(cells)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for peer in PEERS:
        axes.loglog(rows, [cell.seconds[peer] for cell in chosen], marker="o", label=peer)
    axes.set(xlabel="rows", ylabel="seconds", title=f"{chosen[0].features} features, {chosen[0].minority:.0%} minority")
    axes.legend()
    figure.savefig(PLOT, metadata={"Date": None})


def _table(rows: int, features: int, minority: float) -> tuple[np.ndarray, np.ndarray]:
    informative = min(12, features // 2 + 2)
    return make_classification(
        rows,
        features,
        n_informative=informative,
        n_redundant=min(6, features - informative),
        n_clusters_per_class=4,
        weights=[1 - minority],
        flip_y=0.002,
        random_state=0,
    )


def _run(peer: str, file: Path) -> dict[str, float]:
    """Resample once in this process and tell what it took."""
    with np.load(file) as table:
        X, y = table["X"], table["y"]
    if peer == "imblearn_float32":
        X = X.astype(np.float32)
    sampler = ADASYN(random_state=0, mode=peer) if peer in OURS else imblearn.over_sampling.ADASYN(random_state=0)
    warnings.simplefilter("ignore")
    sampler.fit_resample(*_table(3000, X.shape[1], 0.2))  # threads, caches and lazy imports
    if peer not in OURS and (seconds := _predicted(X, y)) > TOO_LONG:
        return {"seconds": seconds, "peak_mb": float("nan"), "recall": 1.0, "scaled": True}
    before = _reset_peak()
    start = time.perf_counter()
    sampler.fit_resample(X, y)
    seconds = time.perf_counter() - start
    answer = {"seconds": seconds, "peak_mb": _status("VmHWM") - before, "recall": 1.0, "scaled": False}
    if peer in OURS:
        answer["recall"] = sampler.neighbor_recall_
        counts = np.zeros(len(y))
        for part in sampler.plan_.classes:
            counts[part.parents] = part.counts
        np.save(file.with_suffix(f".{peer}.npy"), counts)
    return answer


def _predicted(X: np.ndarray, y: np.ndarray) -> float:
    """Return the seconds of imbalanced-learn's search for all minority rows, from some of them."""
    queries = X[y == 1]
    nn = NearestNeighbors(n_neighbors=6).fit(X)
    start = time.perf_counter()
    nn.kneighbors(queries[:SAMPLED])
    return (time.perf_counter() - start) * len(queries) / min(SAMPLED, len(queries))


def _reset_peak() -> float:
    """Forget the highest memory so far and return what is held now, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(name: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
