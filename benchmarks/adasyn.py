"""ADASYN against imbalanced-learn, cell by cell: time, memory above the input, recall and allocation.

Each peer runs in a process of its own that reads the same file, warms up on a small table, runs up to five times and
reports the median. Peers take turns within a repetition, so a machine that slows down slows all of them. Options:
`python -m benchmarks.adasyn --help`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import imblearn.over_sampling
import numpy as np
from sklearn.datasets import make_classification
from sklearn.neighbors import NearestNeighbors

from benchmarks.page import about, write_section
from rarecall.resampling import ADASYN

TYPES = ("float64", "float32")
PEERS = tuple(f"{name}_{dtype}" for name in ("imblearn", "exact", "auto") for dtype in TYPES)
TOO_LONG = 600.0  # seconds: a peer that would take longer is measured on a sample of its queries
SAMPLED = 500
SHORT, SHORT_RUNS = 60.0, 5  # seconds: a process runs five times, or until this is past, and reports the median
COLUMNS = (
    *("rows", "features", "minority", *(f"{peer.replace('_', ' ')}, s" for peer in PEERS)),
    *(f"{ours} over imblearn, {dtype}" for ours in ("exact", "auto") for dtype in TYPES),
    *("recall", "variation", *(f"memory, auto of imblearn, {dtype}" for dtype in TYPES)),
)
JSON, PLOT = Path("benchmarks/adasyn.json"), Path("docs/benchmarks-adasyn.svg")


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

    def speedup(self, ours: str, dtype: str) -> float:
        """Return how many times faster ours is on the same table."""
        return self.seconds[f"imblearn_{dtype}"] / self.seconds[f"{ours}_{dtype}"]

    def memory(self, dtype: str) -> float:
        """Return the peak of auto as a share of imbalanced-learn's; NaN where that was measured on a sample."""
        return self.peak_mb[f"auto_{dtype}"] / max(self.peak_mb[f"imblearn_{dtype}"], 1.0)


def main() -> None:
    """Measure the cells asked for and write JSON, table and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 50_000, 200_000, 1_000_000])
    parser.add_argument("--features", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--minority", type=float, nargs="+", default=[0.005, 0.01, 0.05])
    parser.add_argument("--repeats", type=int, default=3, help="processes of each peer, in turn")
    parser.add_argument("--sample-above", type=float, default=TOO_LONG, help="seconds; above, a peer is scaled up")
    parser.add_argument("--add", action="store_true", help="keep the cells that were measured before")
    parser.add_argument("--child", nargs=2, metavar=("PEER", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_run(options.child[0], Path(options.child[1]), options.sample_above)))
        return
    cells = {(cell.rows, cell.features, cell.minority): cell for cell in (_measured() if options.add else [])}
    for cell in product(options.rows, options.features, options.minority):
        cells[cell] = measure(*cell, repeats=options.repeats, sample_above=options.sample_above)
        print(_row(cells[cell]), flush=True)
        write([cells[key] for key in sorted(cells)])


def measure(rows: int, features: int, minority: float, *, repeats: int, sample_above: float) -> Cell:
    """Let every peer run in turn on one table."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.npz"
        X, y = _table(rows, features, minority)
        np.savez(file, X=X, y=y)
        del X, y
        runs: dict[str, list[dict]] = {peer: [] for peer in PEERS}
        for _ in range(repeats):
            for peer in PEERS:
                command = [sys.executable, "-m", "benchmarks.adasyn", "--child", peer, str(file)]
                command += ["--sample-above", str(sample_above)]
                answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
                runs[peer].append(json.loads(answer.stdout))
        exact, auto = (np.load(file.with_suffix(f".{ours}_float64.npy")) for ours in ("exact", "auto"))
    return Cell(
        rows=rows,
        features=features,
        minority=minority,
        seconds={peer: median(run["seconds"] for run in runs[peer]) for peer in PEERS},
        peak_mb={peer: median(run["peak_mb"] for run in runs[peer]) for peer in PEERS},
        recall=min(runs[f"auto_{dtype}"][0]["recall"] for dtype in TYPES),
        variation=float(np.abs(exact / exact.sum() - auto / auto.sum()).sum() / 2),
        scaled=tuple(peer for peer in PEERS if runs[peer][0]["scaled"]),
    )


def write(cells: list[Cell]) -> None:
    """Write the JSON, the plot, and the table between its two markers of the page."""
    facts = about("numpy", "scikit-learn", "imbalanced-learn", "faiss-cpu")
    JSON.write_text(json.dumps(facts | {"cells": [asdict(cell) for cell in cells]}, indent=1) + "\n")
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "--:|" * len(COLUMNS), *map(_row, cells), ""]
    lines.append("A star marks a time scaled up from a sample of the queries. " + _slopes(cells))
    write_section("adasyn", facts, lines)
    _plot(cells)


def _row(cell: Cell) -> str:
    seconds = [f"{cell.seconds[peer]:.3g}{'*' if peer in cell.scaled else ''}" for peer in PEERS]
    ratios = [cell.speedup(ours, dtype) for ours in ("exact", "auto") for dtype in TYPES]
    return "| {:,} | {} | {:.1%} | {} | {} | {:.3f} | {:.4f} | {} |".format(
        cell.rows,
        cell.features,
        cell.minority,
        " | ".join(seconds),
        " | ".join(f"{ratio:.1f}x" for ratio in ratios),
        cell.recall,
        cell.variation,
        " | ".join(f"{cell.memory(dtype):.2f}" for dtype in TYPES),
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


def _measured() -> list[Cell]:
    """Return the cells of the last run."""
    return [Cell(**{**cell, "scaled": tuple(cell["scaled"])}) for cell in json.loads(JSON.read_text())["cells"]]


def _run(peer: str, file: Path, sample_above: float) -> dict[str, float]:
    """Resample once in this process and tell what it took."""
    name, dtype = peer.split("_")
    with np.load(file) as table:
        X, y = table["X"].astype(dtype, copy=False), table["y"]
    peers = name == "imblearn"
    sampler = imblearn.over_sampling.ADASYN(random_state=0) if peers else ADASYN(random_state=0, mode=name)
    warnings.simplefilter("ignore")
    small, labels = _table(3000, X.shape[1], 0.2)
    sampler.fit_resample(small.astype(dtype), labels)  # threads, caches and lazy imports
    if peers and (seconds := _predicted(X, y)) > sample_above:
        return {"seconds": seconds, "peak_mb": float("nan"), "recall": 1.0, "scaled": True}
    before = _reset_peak()
    seconds = [_seconds(sampler, X, y)]
    peak = _status("VmHWM") - before
    while len(seconds) < SHORT_RUNS and sum(seconds) < SHORT:
        seconds.append(_seconds(sampler, X, y))
    answer = {"seconds": median(seconds), "peak_mb": peak, "recall": 1.0, "scaled": False}
    if not peers:
        answer["recall"] = sampler.neighbor_recall_
        counts = np.zeros(len(y))
        for part in sampler.plan_.classes:
            counts[part.parents] = part.counts
        np.save(file.with_suffix(f".{peer}.npy"), counts)
    return answer


def _seconds(sampler: Any, X: np.ndarray, y: np.ndarray) -> float:
    start = time.perf_counter()
    sampler.fit_resample(X, y)
    return time.perf_counter() - start


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
