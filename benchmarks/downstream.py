"""Does a model learn as much from our rows? AUC-PR on real holdout rows, against imbalanced-learn's ADASYN, in pairs.

Every seed splits a table anew, stratified, and all peers get the same encoded training rows; only real rows are
scored. `python -m benchmarks.downstream --data FOLDER`, where the folder holds the tables as `rarecall fetch` names
them: NAME.csv.gz.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import imblearn.over_sampling
import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.page import about, write_section
from rarecall.resampling import ADASYN


@dataclass(frozen=True)
class Table:
    """A real table: its label, the positive value, what is no feature, and how many of its rows are taken."""

    label: str
    positive: Any
    dropped: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Result:
    """A table's AUC-PR by peer and seed, and the recall of the approximate search."""

    table: str
    rows: int
    positives: int
    columns: int
    auc_pr: dict[str, list[float]]
    recall: float
    seconds: float

    def difference(self, ours: str) -> tuple[float, float, float]:
        """Return the mean of ours less imbalanced-learn's over the seeds, and its paired 95% interval."""
        each = np.subtract(self.auc_pr[ours], self.auc_pr["imblearn"])
        reach = stats.t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each))
        return float(each.mean()), float(each.mean() - reach), float(each.mean() + reach)


TABLES = {
    # `duration` is known only after the call whose outcome is to be predicted.
    "bank_marketing": Table("y", "yes", ("client_id", "contacted_on", "duration"), 30_000),
    "adult": Table("income", ">50K", ("person_id",), 30_000),
    "credit_default": Table("has_default", 1, ("client_id",), 30_000),
    "census_income_kdd": Table("label", "50000+", ("person_id", "year"), 60_000),
}
PEERS: dict[str, Callable[[int], Any]] = {
    "imblearn": lambda seed: imblearn.over_sampling.ADASYN(random_state=seed),
    "exact": lambda seed: ADASYN(mode="exact", random_state=seed),
    "approximate": lambda seed: ADASYN(mode="approximate", random_state=seed),
    "auto": lambda seed: ADASYN(random_state=seed),
}
OURS = ("exact", "approximate", "auto")
COLUMNS = (
    *("table", "rows", "positive", "columns", "none", "imbalanced-learn", *OURS),
    *(*(f"{ours} less its" for ours in OURS), "recall, approximate", "s"),
)
JSON = Path("benchmarks/downstream.json")


def main() -> None:
    """Measure the tables asked for and write JSON and table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, help="rows of each table, instead of its own number")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results = []
    for name in options.tables:
        results.append(measure(name, options.data, seeds=options.seeds, rows=options.rows))
        print(_row(results[-1]), flush=True)
    write(results, options.seeds)


def measure(name: str, data: Path, *, seeds: int, rows: int | None) -> Result:
    """Let every peer augment the same training rows, seed by seed."""
    X, y = load(name, data, rows)
    scores: dict[str, list[float]] = {peer: [] for peer in ("none", *PEERS)}
    recalls, start = [], time.perf_counter()
    for seed in range(seeds):
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)
        scaler = StandardScaler().fit(X_train)
        X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
        for peer, scored in scores.items():
            given = X_train, y_train
            if peer in PEERS:
                sampler = PEERS[peer](seed)
                given = sampler.fit_resample(*given)
                recalls += [sampler.neighbor_recall_] if peer == "approximate" else []
            model = HistGradientBoostingClassifier(l2_regularization=1.0, random_state=seed).fit(*given)
            scored.append(float(average_precision_score(y_test, model.predict_proba(X_test)[:, 1])))
    seconds = time.perf_counter() - start
    return Result(name, len(X), int(y.sum()), X.shape[1], scores, float(np.mean(recalls)), seconds)


def load(name: str, data: Path, rows: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return a sample of a table as float64, its categories as whole numbers in the order of their names."""
    table = TABLES[name]
    frame = pd.read_csv(data / f"{name}.csv.gz").sample(rows or table.rows, random_state=0)
    y = (frame[table.label] == table.positive).to_numpy().astype(int)
    X = frame.drop(columns=[table.label, *table.dropped])
    for column in X.select_dtypes("object"):
        X[column] = X[column].astype("category").cat.codes
    return X.to_numpy(dtype=np.float64), y


def write(results: list[Result], seeds: int) -> None:
    """Write the JSON and the page's section."""
    facts = about("numpy", "scikit-learn", "imbalanced-learn", "faiss-cpu")
    told = [asdict(result) | {f"{o}_less_imblearn": result.difference(o) for o in OURS} for result in results]
    JSON.write_text(json.dumps(facts | {"seeds": seeds, "tables": told}, indent=1) + "\n")
    how = (
        f"Mean AUC-PR over {seeds} stratified splits (a quarter held out), HistGradientBoosting with "
        "l2_regularization 1.0; in brackets the paired 95% interval of ours less imbalanced-learn's."
    )
    table = [f"| {' | '.join(COLUMNS)} |", "|:--|" + "--:|" * (len(COLUMNS) - 1), *map(_row, results)]
    write_section("downstream", facts, [how, "", *table])


def _row(result: Result) -> str:
    means = " | ".join(f"{np.mean(result.auc_pr[peer]):.4f}" for peer in ("none", *PEERS))
    apart = " | ".join("{:+.4f} ({:+.4f} to {:+.4f})".format(*result.difference(ours)) for ours in OURS)
    return (
        f"| {result.table} | {result.rows:,} | {result.positives / result.rows:.1%} | {result.columns} | {means} "
        f"| {apart} | {result.recall:.3f} | {result.seconds:.0f} |"
    )


if __name__ == "__main__":
    main()
