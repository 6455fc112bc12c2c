"""Whose label is wrong? Labels are turned on purpose, and ours and cleanlab say which.

`python -m benchmarks.label_noise --data FOLDER`, where the folder holds the tables as `rarecall fetch` names them:
NAME.csv.gz. Every peer gets the same rows, the same turned labels and the same folds.
"""

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from scipy import stats
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from benchmarks.page import about, write_section
from rarecall.doubt.vicinity import kinds_of
from rarecall.labels import SUSPECT, judge
from rarecall.sections import Training
from rarecall.training import estimator

MADE = {
    # Chosen so that cleanlab's default on scikit-learn's default learner comes near the published 0.48, 0.56 and 10.5%.
    "protocol": {"n_informative": 10, "n_redundant": 2, "class_sep": 1.6},
    "harder": {"n_informative": 8, "n_redundant": 2, "class_sep": 1.25},
}
REAL = {
    # `duration` is known only after the call whose outcome is to be predicted.
    "bank_marketing": ("y", "yes", ["client_id", "contacted_on", "duration"]),
    "adult": ("income", ">50K", ["person_id"]),
}
RATES, WAYS = (0.05, 0.15, 0.30), ("random", "by feature")
LIKELIER = 9  # times as likely to be turned: the rows above the median of the first numeric column, where by feature
FIGURES = ("precision", "recall", "recall_lost", "recall_gained", "removed", "withheld", "dropped", "suspect")
JSON = Path("benchmarks/label_noise.json")


@dataclass(frozen=True)
class Result:
    """What one peer said of one table whose labels were turned one way, seed by seed.

    Of the figures, `recall_lost` is that of positives turned to negative and `recall_gained` that of negatives turned
    to positive; `removed` is the share of the clean positives under review or dropped, `withheld` of those that
    seed no synthetic row, `dropped` of those dropped; `suspect` the share of the rows labelled positive under review or
    dropped.
    """

    table: str
    way: str
    lost: float
    gained: float
    peer: str
    figures: dict[str, list[float]]

    def told(self, figure: str) -> str:
        """Return the mean over the seeds with its 95% interval, or with its range where the seeds are few."""
        each = np.array(self.figures[figure])
        if np.isnan(each).any():
            return "-"
        if len(each) < 5:
            return f"{each.mean():.3f} [{each.min():.3f}, {each.max():.3f}]"
        reach = stats.t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each))
        return f"{each.mean():.3f} ± {reach:.3f}"


def main() -> None:
    """Measure what was asked for and write JSON and tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10, help="of the protocol")
    parser.add_argument("--cell-seeds", type=int, default=2, help="of each cell in both directions")
    parser.add_argument("--rows", type=int, default=50_000, help="of a made table")
    parser.add_argument("--real-rows", type=int, default=10_000, help="of a real table")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    protocol, cells = [], []
    for name in MADE:
        protocol += measure(name, "random", 0.2, 0.0, options, range(options.seeds), published=True)
    for name in REAL:
        cells += measure(name, "none", 0.0, 0.0, options, range(1))
    for name in ("protocol", *REAL):
        for way in WAYS:
            for rate in RATES:
                cells += measure(name, way, rate, rate, options, range(options.cell_seeds))
    write(protocol, cells, options, time.perf_counter() - start)


def measure(
    name: str,
    way: str,
    lost: float,
    gained: float,
    options: argparse.Namespace,
    seeds: range,
    *,
    published: bool = False,
) -> list[Result]:
    """Turn labels, let every peer judge them, and hold the verdicts beside the truth.

    Parameters
    ----------
    lost, gained : float
        Share of the positives turned to negative, and how many negatives are turned to positive for each positive.
    published : bool
        Whether cleanlab is also asked on scikit-learn's default learner, which the published figures are from.
    """
    figures: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        X, truth = load(name, options, seed)
        y = turn(X, truth, way=way, lost=lost, gained=gained, seed=seed)
        for peer, (suspect, kept, dropped) in verdicts(X, y, seed, published=published):
            found = figures.setdefault(peer, {figure: [] for figure in FIGURES})
            for figure, value in zip(FIGURES, beside(truth, y, suspect, kept, dropped), strict=True):
                found[figure].append(float(value))
    results = [Result(name, way, lost, gained, peer, found) for peer, found in figures.items()]
    for result in results:
        print(_row(result), flush=True)
    return results


def load(name: str, options: argparse.Namespace, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a made table of 20 columns and 1% positives, anew for each seed, or a sample of a real one."""
    if name in MADE:
        X, y = make_classification(options.rows, 20, weights=[0.99], flip_y=0.0, random_state=seed, **MADE[name])
        return pd.DataFrame(X, columns=[f"x{at}" for at in range(20)]), y
    label, positive, dropped = REAL[name]
    frame = pd.read_csv(options.data / f"{name}.csv.gz", na_values=["unknown", "?"])
    frame = frame.sample(min(options.real_rows, len(frame)), random_state=seed).reset_index(drop=True)
    X = frame.drop(columns=[label, *dropped])
    return X, (frame[label] == positive).to_numpy().astype(int)


def turn(X: pd.DataFrame, truth: np.ndarray, *, way: str, lost: float, gained: float, seed: int) -> np.ndarray:
    """Return the labels with some turned in both directions."""
    rng = np.random.default_rng(seed)
    column = X.select_dtypes("number").iloc[:, 0].to_numpy()
    likely = np.where((way == "by feature") & (column > np.nanmedian(column)), LIKELIER, 1.0)
    y = truth.copy()
    for label, rate in ((1, lost), (0, gained)):
        own = np.flatnonzero(truth == label)
        share = likely[own] / likely[own].sum()
        y[rng.choice(own, round(rate * truth.sum()), replace=False, p=share)] = 1 - label
    return y


def verdicts(X: pd.DataFrame, y: np.ndarray, seed: int, *, published: bool) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield each peer with its suspects, its rows that may seed synthetic ones and its dropped rows."""
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = estimator(Training(), kinds_of(X), seed=seed)
    asked = {"cleanlab": (model, "prune_by_noise_rate"), "cleanlab, both": (model, "both")}
    if published:
        asked["cleanlab, default learner"] = HistGradientBoostingClassifier(random_state=seed), "prune_by_noise_rate"
    known: dict[int, np.ndarray] = {}
    for peer, (learner, rule) in asked.items():
        if id(learner) not in known:
            known[id(learner)] = cross_val_predict(learner, X, y, cv=folds, method="predict_proba")
        suspect = find_label_issues(y, known[id(learner)], filter_by=rule, n_jobs=1)
        yield peer, (suspect, ~suspect, suspect)
    action = judge(X, y, random_state=seed)["action"].to_numpy()
    yield "ours", (np.isin(action, SUSPECT), action == "keep", action == "drop")


def beside(truth: np.ndarray, y: np.ndarray, suspect: np.ndarray, kept: np.ndarray, dropped: np.ndarray) -> list[float]:
    """Return the figures of a verdict; NaN where there was nothing to be counted."""
    turned, clean = truth != y, (truth == 1) & (y == 1)

    def share(of: np.ndarray, among: np.ndarray) -> float:
        return of[among].mean() if among.any() else np.nan

    return [
        share(turned, suspect) if turned.any() else np.nan,
        *(share(suspect, turned & (truth == label)) if label >= 0 else share(suspect, turned) for label in (-1, 1, 0)),
        *(share(rows, clean) for rows in (suspect, ~kept, dropped)),
        share(suspect, y == 1),
    ]


def write(protocol: list[Result], cells: list[Result], options: argparse.Namespace, seconds: float) -> None:
    """Write the JSON and the page's section."""
    facts = about("numpy", "scikit-learn", "cleanlab", "faiss-cpu")
    told = {
        part: [asdict(one) for one in results] for part, results in (("protocol", protocol), ("both_directions", cells))
    }
    seeds = {"seeds": options.seeds, "cell_seeds": options.cell_seeds, "seconds": round(seconds), "made": MADE}
    JSON.write_text(json.dumps(facts | seeds | told, indent=1) + "\n")
    columns = (
        *("table", "turned", "lost", "gained", "peer", "precision", "recall", "recall, lost", "recall, gained"),
        *("clean positives removed", "withheld", "dropped", "labelled positive and suspect"),
    )
    head = [f"| {' | '.join(columns)} |", "|:--|:--|--:|--:|:--|" + "--:|" * (len(columns) - 5)]
    one_way = (
        f"{options.rows:,} x 20 rows, 1% positive, 20% of the positives turned to negative: mean over {options.seeds} "
        "seeds ± its 95% interval."
    )
    both_ways = (
        f"Both directions, as many negatives turned as positives, {options.real_rows:,} rows of a real table: mean "
        f"over {options.cell_seeds} seeds and the range. First the real tables as they come, one seed. "
        f"{seconds / 60:.0f} minutes in all."
    )
    lines = [
        one_way,
        "",
        *head,
        *map(_row, protocol),
        "",
        both_ways,
        "",
        *head,
        *map(_row, cells),
    ]
    write_section("label_noise", facts, lines)


def _row(result: Result) -> str:
    about_it = [result.table, result.way, f"{result.lost:.0%}", f"{result.gained:.0%}", result.peer]
    return f"| {' | '.join([*about_it, *map(result.told, FIGURES)])} |"


if __name__ == "__main__":
    main()
