"""Does the pipeline's choice keep up with the best single strategy? Figures on real rows that nothing learned from.

Every seed splits a table anew, stratified: 60% teach, 20% choose the threshold, 20% judge. A strategy is one way to
train, taken on faith; the choice is what `rarecall.arms` ships after looking at the teaching rows alone.
`python -m benchmarks.quality --data FOLDER`, where the folder holds the tables as `rarecall fetch` names them.
"""

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split

from benchmarks.page import about, write_section
from rarecall import threshold
from rarecall.arms.ablation import compare
from rarecall.arms.arm import Arm, arms
from rarecall.arms.trial import Bench
from rarecall.sections import Ablation, Augmentation, Gates, Training

FLOOR = 0.5
"""Of precision, at which recall is told: half of what is flagged is what was looked for."""

LEARNER = "hist_gradient_boosting"
SINGLE = {
    "threshold only": Arm(strategy="threshold", learner=LEARNER),
    "class weights": Arm(strategy="class_weights", learner=LEARNER),
    "ADASYN 10%": Arm(strategy="adasyn", learner=LEARNER, k=5, synthetic_share=0.1),
    "ADASYN 30%": Arm(strategy="adasyn", learner=LEARNER, k=5, synthetic_share=0.3),
    "ADASYN 50%": Arm(strategy="adasyn", learner=LEARNER, k=5, synthetic_share=0.5),
}
CHOICE = "rarecall's choice"
MEASURES = ("auc_pr", "auc_roc", "recall", "seconds")
JSON = Path("benchmarks/quality.json")


@dataclass(frozen=True)
class Table:
    """A real table: its label, the positive value, what is no feature, and how many of its rows are taken."""

    label: str
    positive: object
    dropped: tuple[str, ...]
    rows: int = 20_000


TABLES = {
    # `duration` is known only after the call whose outcome is to be predicted.
    "bank_marketing": Table("y", "yes", ("client_id", "contacted_on", "duration")),
    "adult": Table("income", ">50K", ("person_id",)),
    "credit_default": Table("has_default", 1, ("client_id",)),
    "census_income_kdd": Table("label", "50000+", ("person_id", "year")),
}


@dataclass
class Result:
    """A table's figures by strategy, a value a seed, and what was chosen each time."""

    table: str
    rows: int
    positives: int
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    shipped: list[str] = field(default_factory=list)

    def note(self, strategy: str, **figures: float) -> None:
        """Add one seed's figures."""
        for name, value in figures.items():
            self.figures.setdefault(strategy, {}).setdefault(name, []).append(value)

    def best(self) -> str:
        """Return the single strategy with the highest mean AUC-PR."""
        return max(SINGLE, key=lambda name: float(np.mean(self.figures[name]["auc_pr"])))

    def less_best(self) -> tuple[float, float, float]:
        """Return the choice's AUC-PR less the best single strategy's, with its paired 95% interval over the seeds."""
        return _interval(np.subtract(self.figures[CHOICE]["auc_pr"], self.figures[self.best()]["auc_pr"]))


def main() -> None:
    """Measure the tables asked for and write JSON and table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results = []
    for name in options.tables:
        results.append(measure(name, options.data, options.seeds))
        write(results, options.seeds)
        print(f"{name}: choice less {results[-1].best()}: {_told(*results[-1].less_best())}", flush=True)


def measure(name: str, data: Path, seeds: int) -> Result:
    """Train every way on the same rows, seed by seed."""
    rows, kinds = load(name, data)
    result = Result(name, len(rows), int(rows["label"].sum()))
    training, augmentation, gates = Training(), Augmentation(), Gates(minority_precision=FLOOR)
    for seed in range(seeds):
        teach, rest = train_test_split(np.arange(len(rows)), test_size=0.4, stratify=rows["label"], random_state=seed)
        chosen_on, judged_on = train_test_split(
            rest, test_size=0.5, stratify=rows["label"].to_numpy()[rest], random_state=seed
        )
        bench = Bench(
            rows=rows,
            kinds=kinds,
            weight=np.ones(len(rows)),
            eligible=np.ones(len(rows), dtype=bool),
            training=training,
            augmentation=augmentation,
        )
        for strategy, arm in SINGLE.items():
            result.note(strategy, **_figures(bench, arm, teach, chosen_on, judged_on, seed))
        start = time.perf_counter()
        inside = Bench(
            rows=rows.iloc[teach].reset_index(drop=True),
            kinds=kinds,
            weight=np.ones(len(teach)),
            eligible=np.ones(len(teach), dtype=bool),
            training=training,
            augmentation=augmentation,
        )
        ablation = Ablation()
        found = arms(training, augmentation, ablation, gates)
        facts = compare(inside, found, ablation=ablation, gates=gates, precision_floor=FLOOR, seed=seed)
        shipped = Arm(**facts["shipped"])
        spent = time.perf_counter() - start
        figures = _figures(bench, shipped, teach, chosen_on, judged_on, seed)
        result.note(CHOICE, **figures | {"seconds": figures["seconds"] + spent})
        result.shipped.append(shipped.way)
    return result


def load(name: str, data: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a sample of a table as the pipeline's training rows, and its features' kinds."""
    table = TABLES[name]
    frame = pd.read_csv(data / f"{name}.csv.gz").sample(table.rows, random_state=0).reset_index(drop=True)
    features = frame.drop(columns=[table.label, *table.dropped])
    texts = features.select_dtypes("object").columns
    kinds = {str(column): "categorical" if column in texts else "numeric" for column in features}
    for column in texts:
        features[column] = features[column].astype(object).where(features[column].notna(), None)
    for column in features.columns.difference(texts):
        features[column] = features[column].astype("float64")
    return features.assign(
        row_id=np.arange(len(frame)),
        event_timestamp=pd.Timestamp("2026-01-01", tz="UTC"),
        label=(frame[table.label] == table.positive).astype("int8"),
    ), kinds


def _figures(
    bench: Bench, arm: Arm, teach: np.ndarray, chosen_on: np.ndarray, judged_on: np.ndarray, seed: int
) -> dict[str, float]:
    start = time.perf_counter()
    score = bench.score(arm, np.sort(teach), np.concatenate([chosen_on, judged_on]), seed=seed)
    spent = time.perf_counter() - start
    first, last = score[: len(chosen_on)], score[len(chosen_on) :]
    y = bench.y[judged_on]
    flagged = last >= threshold.choose(bench.y[chosen_on], first, precision_floor=FLOOR).value
    return {
        "auc_pr": float(average_precision_score(y, last)),
        "auc_roc": float(roc_auc_score(y, last)),
        "recall": float(flagged[y == 1].mean()),
        "precision": float(y[flagged].mean()) if flagged.any() else float("nan"),
        "seconds": spent,
    }


def write(results: list[Result], seeds: int) -> None:
    """Write the JSON and the page's section."""
    facts = about("numpy", "scikit-learn", "imbalanced-learn")
    JSON.write_text(json.dumps(facts | {"seeds": seeds, "tables": [asdict(one) for one in results]}, indent=1) + "\n")
    how = (
        f"Mean over {seeds} splits with its 95% interval: 60% of up to 20,000 rows teach, 20% choose the threshold, "
        f"20% judge. Recall is at a precision of {FLOOR} or more as the threshold's rows promised it. {LEARNER} with "
        "its defaults; the choice looked at the teaching rows alone, and its seconds hold the comparison."
    )
    lines = [
        how,
        "",
        "| table | strategy | " + " | ".join(MEASURES) + " |",
        "|:--|:--|" + "--:|" * len(MEASURES),
    ]
    for one in results:
        for strategy, figures in one.figures.items():
            cells = " | ".join(_cell(figures[name], name) for name in MEASURES)
            lines.append(f"| {one.table} | {strategy} | {cells} |")
    lines += ["", "AUC-PR of the choice less the best single strategy's, chosen with hindsight:", ""]
    for one in results:
        counted = pd.Series(one.shipped).value_counts().items()
        what = ", ".join(f"{name} {count} times" for name, count in counted)
        lines.append(f"- {one.table}: {_told(*one.less_best())} less {one.best()}'s; shipped {what}")
    write_section("quality", facts, lines)


def _interval(values: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    each = np.asarray(values, dtype=float)
    reach = stats.t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.inf
    return float(each.mean()), float(each.mean() - reach), float(each.mean() + reach)


def _cell(values: list[float], name: str) -> str:
    mean, low, high = _interval(values)
    return f"{mean:.1f}" if name == "seconds" else f"{mean:.3f} ({low:.3f} to {high:.3f})"


def _told(mean: float, low: float, high: float) -> str:
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


if __name__ == "__main__":
    main()
