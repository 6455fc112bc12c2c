"""Does the pipeline's choice keep up with the best single strategy? Figures on real rows that nothing learned from.

Every seed splits a table anew, stratified: 60% teach, 20% calibrate and choose the threshold, 20% judge. A strategy is
one way to train, taken on faith; the choice is what `rarecall.arms` ships after looking at the teaching rows alone:
once as a project's defaults have it, with one learner, and once among several learners.
`python -m benchmarks.quality --data FOLDER`, where the folder holds the tables as `rarecall fetch` names them. A
table's figures are written as it ends, beside those of the others, so that they may be measured one by one.
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
from rarecall import calibration, reliability, threshold
from rarecall.arms.ablation import compare
from rarecall.arms.arm import Arm, arms
from rarecall.arms.trial import Bench
from rarecall.learners.known import KNOWN
from rarecall.sections import Ablation, Augmentation, Gates, Training

FLOOR = 0.5
"""Of precision, at which recall is told: half of what is flagged is what was looked for."""

LEARNER = "hist_gradient_boosting"
OTHERS = ["logistic_regression", "lightgbm"]
"""Learners that the second choice may take besides: one that adds up and one that boosts."""

SINGLE = {
    "threshold only": Arm(strategy="threshold", learner=LEARNER),
    "class weights": Arm(strategy="class_weights", learner=LEARNER),
    "ADASYN 10%": Arm(strategy="adasyn", learner=LEARNER, k=5, synthetic_share=0.1),
    "ADASYN 30%": Arm(strategy="adasyn", learner=LEARNER, k=5, synthetic_share=0.3),
    "ADASYN 50%": Arm(strategy="adasyn", learner=LEARNER, k=5, synthetic_share=0.5),
    **{name: Arm(strategy="threshold", learner=name) for name in KNOWN if name != LEARNER},
}
CHOICES = {
    "rarecall's choice": Ablation(),
    "rarecall's choice of learners": Ablation.model_validate({"learners": OTHERS}),
}
OF = {
    "rarecall's choice": [name for name, arm in SINGLE.items() if arm.learner == LEARNER],
    "rarecall's choice of learners": [name for name, arm in SINGLE.items() if arm.learner in {LEARNER, *OTHERS}],
}
"""The single strategies that each choice could have made."""

MEASURES = ("auc_pr", "auc_roc", "recall", "ece", "seconds")
JSON = Path("benchmarks/quality.json")


@dataclass(frozen=True)
class Table:
    """A real table: its label, the positive value, and what is no feature."""

    label: str
    positive: object
    dropped: tuple[str, ...]


TABLES = {
    # `duration` is known only after the call whose outcome is to be predicted.
    "bank_marketing": Table("y", "yes", ("client_id", "contacted_on", "duration")),
    "adult": Table("income", ">50K", ("person_id",)),
    "credit_default": Table("has_default", 1, ("client_id",)),
    "census_income_kdd": Table("label", "50000+", ("person_id", "year")),
}


@dataclass
class Result:
    """A table's figures by strategy, a value a seed, and what each choice was each time."""

    table: str
    rows: int
    positives: int
    figures: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    shipped: dict[str, list[str]] = field(default_factory=dict)

    def note(self, strategy: str, **figures: float) -> None:
        """Add one seed's figures."""
        for name, value in figures.items():
            self.figures.setdefault(strategy, {}).setdefault(name, []).append(value)

    def best(self, choice: str) -> str:
        """Return the single strategy with the highest mean AUC-PR of those that the choice could have made."""
        return max(OF[choice], key=lambda name: float(np.mean(self.figures[name]["auc_pr"])))

    def less_best(self, choice: str) -> tuple[float, float, float]:
        """Return the choice's AUC-PR less that strategy's, with its paired 95% interval over the seeds."""
        return interval(np.subtract(self.figures[choice]["auc_pr"], self.figures[self.best(choice)]["auc_pr"]))


def main() -> None:
    """Measure the tables asked for and write JSON and table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=10_000, help="most rows of a table")
    parser.add_argument("--choices", type=int, choices=(1, 2), default=2, help="1: only among one learner's ways")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.tables:
        result = measure(name, options.data, options.seeds, options.rows, list(CHOICES)[: options.choices])
        write(result)
        for choice in result.shipped:
            print(f"{name}: {choice} less {result.best(choice)}: {_told(*result.less_best(choice))}", flush=True)


def measure(name: str, data: Path, seeds: int, most: int, choices: list[str]) -> Result:
    """Train every way on the same rows, seed by seed."""
    rows, kinds = load(name, data, most)
    result = Result(name, len(rows), int(rows["label"].sum()))
    training, augmentation, gates = Training(), Augmentation(), Gates(minority_precision=FLOOR)
    for seed in range(seeds):
        teach, rest = train_test_split(np.arange(len(rows)), test_size=0.4, stratify=rows["label"], random_state=seed)
        chosen_on, judged_on = train_test_split(
            rest, test_size=0.5, stratify=rows["label"].to_numpy()[rest], random_state=seed
        )
        bench = bench_of(rows, kinds, training)
        measured = {
            strategy: _figures(bench, arm, teach, chosen_on, judged_on, seed) for strategy, arm in SINGLE.items()
        }
        for choice in choices:
            ablation = CHOICES[choice]
            start = time.perf_counter()
            inside = bench_of(rows.iloc[teach].reset_index(drop=True), kinds, training)
            found = arms(training, augmentation, ablation, gates)
            facts = compare(inside, found, ablation=ablation, gates=gates, precision_floor=FLOOR, seed=seed)
            spent = time.perf_counter() - start
            shipped = Arm(**facts["shipped"])
            figures = _figures(bench, shipped, teach, chosen_on, judged_on, seed)
            measured[choice] = figures | {"seconds": figures["seconds"] + spent}
            result.shipped.setdefault(choice, []).append(shipped.name)
        for strategy, figures in measured.items():
            result.note(strategy, **figures)
    return result


def bench_of(rows: pd.DataFrame, kinds: dict[str, str], training: Training) -> Bench:
    """Return a bench on which every label is trusted."""
    return Bench(
        rows=rows,
        kinds=kinds,
        weight=np.ones(len(rows)),
        eligible=np.ones(len(rows), dtype=bool),
        training=training,
        augmentation=Augmentation(),
    )


def load(name: str, data: Path, rows: int) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a sample of a table as the pipeline's training rows, and its features' kinds."""
    table = TABLES[name]
    frame = pd.read_csv(data / f"{name}.csv.gz").sample(rows, random_state=0).reset_index(drop=True)
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
    first, raw = score[: len(chosen_on)], score[len(chosen_on) :]
    made = calibration.fit(bench.y[chosen_on], first)
    first, last = made.apply(first), made.apply(raw)
    y = bench.y[judged_on]
    flagged = last >= threshold.choose(bench.y[chosen_on], first, precision_floor=FLOOR).value
    return {
        "auc_pr": float(average_precision_score(y, last)),
        "auc_roc": float(roc_auc_score(y, last)),
        "recall": float(flagged[y == 1].mean()),
        "precision": float(y[flagged].mean()) if flagged.any() else float("nan"),
        "ece": reliability.measure(y, last)["ece"],
        "ece_as_it_comes": reliability.measure(y, raw)["ece"],
        "seconds": spent,
    }


def write(result: Result) -> None:
    """Write the JSON, a table's figures in place of its older ones, and the page's section."""
    facts = about("numpy", "scikit-learn", "imbalanced-learn", "lightgbm", "xgboost-cpu")
    known = json.loads(JSON.read_text())["tables"] if JSON.exists() else []
    by_table = {one["table"]: one for one in known} | {result.table: asdict(result) | {"date": facts["date"]}}
    tables = [by_table[name] for name in TABLES if name in by_table]
    JSON.write_text(json.dumps(facts | {"tables": tables}, indent=1) + "\n")
    results = [Result(**{key: value for key, value in one.items() if key != "date"}) for one in tables]
    how = (
        f"Mean over {len(next(iter(result.shipped.values())))} splits with its 95% interval: 60% of a "
        "table's rows teach, 20% calibrate and choose the threshold, 20% judge. Recall is at a precision of "
        f"{FLOOR} or more as the threshold's rows promised it; ECE is after calibration. Strategies without a "
        f"learner's name are {LEARNER}'s, every learner with its defaults. A choice looked at the teaching rows "
        f"alone, and its seconds hold the comparison; that of learners was among {LEARNER}, {', '.join(OTHERS)}."
    )
    lines = [how]
    for one in results:
        lines += [
            "",
            f"**{one.table}**, {one.rows:,} rows, {one.positives:,} positives",
            "",
            "| strategy | AUC-PR | AUC-ROC | recall | ECE | seconds |",
            "|:--|" + "--:|" * len(MEASURES),
        ]
        for strategy, figures in one.figures.items():
            lines.append(f"| {strategy} | " + " | ".join(_cell(figures[name], name) for name in MEASURES) + " |")
    lines += [
        "",
        "AUC-PR of a choice less that of the best single strategy it could have made, known with hindsight:",
        "",
    ]
    for one in results:
        for choice in one.shipped:
            counted = pd.Series(one.shipped[choice]).value_counts().items()
            what = ", ".join(f"{name} {count} times" for name, count in counted)
            lines.append(
                f"- {one.table}, {choice}: {_told(*one.less_best(choice))} less {one.best(choice)}'s; shipped {what}"
            )
    write_section("quality", facts, lines)


def interval(values: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    """Return the mean over seeds with its 95% interval."""
    each = np.asarray(values, dtype=float)
    reach = stats.t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.inf
    return float(each.mean()), float(each.mean() - reach), float(each.mean() + reach)


def _cell(values: list[float], name: str) -> str:
    mean, low, high = interval(values)
    return f"{mean:.1f}" if name == "seconds" else f"{mean:.3f} ({low:.3f} to {high:.3f})"


def _told(mean: float, low: float, high: float) -> str:
    return f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"


if __name__ == "__main__":
    main()
