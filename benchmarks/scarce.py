"""Which learner, when there are too few rare rows to compare any? Every learner taught by 29 rare rows of real tables.

So few are not enough evidence to choose by, so the choice is made once and for all, by this: a table's teaching rows
keep 29 positives, drawn anew ten times, and each learner is asked about the other half of the table as it is. Adult has
no part in it, for `benchmarks.published` asks there whether what was chosen here holds.
`python -m benchmarks.scarce --data FOLDER`
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split

from benchmarks.page import about, write_section
from benchmarks.quality import interval, load
from rarecall import training
from rarecall.learners.known import KNOWN
from rarecall.sections import Training

TABLES = ("bank_marketing", "credit_default", "census_income_kdd")
ROWS, POSITIVES, NEGATIVES = 20_000, 29, 7_500
USUAL = "hist_gradient_boosting"
JSON = Path("benchmarks/scarce.json")
WAYS = {
    name if not weights else f"{name}, class weights": Training.model_validate({"learner": name, "parameters": weights})
    for name, learner in KNOWN.items()
    for weights in ([{}, learner.balanced] if learner.balanced else [{}])
}


def main() -> None:
    """Measure and write JSON and table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for table in TABLES:
        found[table] = {way: {"auc_roc": [], "auc_pr": [], "seconds": []} for way in WAYS}
        for seed in range(options.draws):
            measure(table, options.data, seed, found[table])
        write(found, options.draws)


def measure(table: str, data: Path, seed: int, into: dict[str, dict[str, list[float]]]) -> None:
    """Teach every learner on one draw of half the rows and add what it scores on the other half."""
    rows, kinds = load(table, data, ROWS)
    y, rng = rows["label"].to_numpy(), np.random.default_rng(seed)
    half, judge = train_test_split(np.arange(len(rows)), test_size=0.5, stratify=y, random_state=seed)
    few = rng.choice(half[y[half] == 1], POSITIVES, replace=False)
    many = rng.choice(half[y[half] == 0], NEGATIVES, replace=False)
    teach = np.sort(np.concatenate([few, many]))
    for way, how in WAYS.items():
        start = time.perf_counter()
        pipeline = training.fit(training.estimator(how, kinds, seed=seed), rows.iloc[teach], y[teach])
        score = training.score(pipeline, rows.iloc[judge])
        into[way]["seconds"].append(time.perf_counter() - start)
        into[way]["auc_roc"].append(float(roc_auc_score(y[judge], score)))
        into[way]["auc_pr"].append(float(average_precision_score(y[judge], score)))


def write(found: dict[str, dict[str, dict[str, list[float]]]], draws: int) -> None:
    """Write the JSON and the page's section."""
    facts = about("scikit-learn", "imbalanced-learn", "lightgbm", "xgboost-cpu")
    JSON.write_text(json.dumps(facts | {"draws": draws, "tables": found}, indent=1) + "\n")
    lines = [
        (
            f"{POSITIVES} positives and {NEGATIVES:,} negatives of one half of a table teach, drawn {draws} times; the "
            "other half judges, as it is. Means over the draws; the gains are over all draws of all tables, paired "
            f"with {USUAL}'s, with their 95% interval. Learners with their defaults."
        ),
        "",
        "| learner | "
        + " | ".join(f"{table}, AUC-PR | AUC-ROC" for table in found)
        + " | gain in AUC-PR | in AUC-ROC | seconds |",
        "|:--|" + "--:|" * (2 * len(found) + 3),
    ]
    for way in WAYS:
        cells = [f"{np.mean(of[way][name]):.3f}" for of in found.values() for name in ("auc_pr", "auc_roc")]
        for name in ("auc_pr", "auc_roc"):
            gains = np.concatenate([np.subtract(of[way][name], of[USUAL][name]) for of in found.values()])
            mean, low, high = interval(gains)
            cells.append("" if way == USUAL else f"{mean:+.3f} ({low:+.3f} to {high:+.3f})")
        cells.append(f"{np.mean([of[way]['seconds'] for of in found.values()]):.1f}")
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    write_section("scarce", facts, lines)


if __name__ == "__main__":
    main()
