"""What is a label worth? Recall of the rare class by labels, chosen by `rarecall labels suggest` and at random.

A table's rows lose their labels but for a few that are drawn at random; four times a learner is taught by what is
labelled, a share of the others is chosen, and their labels are told. Every way starts from the same rows and is held
against random, seed by seed, on rows that no way ever sees. `python -m benchmarks.label_budget --data FOLDER`.
"""

import argparse
import json
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.page import about, write_section
from benchmarks.quality import interval
from rarecall.sections import Training
from rarecall.suggestion import BY, suggest
from rarecall.training import estimator, fit, score

TABLES: dict[str, dict[str, Any]] = {
    "census_income_kdd": {"label": "label", "positive": "50000+", "without": ["person_id", "year"], "rare": None},
    "credit_default": {"label": "has_default", "positive": "1", "without": ["client_id"], "rare": 0.02},
}
"""Census as it is (6% positive); of credit default so few positives are kept that they are 2%."""

ROWS, HOLDOUT = 20_000, 0.35
FIRST, EACH, ROUNDS = 500, 250, 3
JSON = Path("benchmarks/label_budget.json")


@dataclass(frozen=True)
class Table:
    """Rows, their labels, and their features' kinds."""

    X: pd.DataFrame
    y: np.ndarray
    kinds: dict[str, str]


def load(data: Path, name: str, seed: int) -> Table:
    """Return a draw of a table's rows."""
    about_it = TABLES[name]
    frame = pd.read_csv(data / f"{name}.csv.gz", na_values=["?"])
    y = (frame[about_it["label"]].astype(str) == about_it["positive"]).to_numpy().astype(int)
    X = frame.drop(columns=[about_it["label"], *about_it["without"]])
    rng = np.random.default_rng(seed)
    positive, negative = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    if share := about_it["rare"]:
        positive = rng.choice(positive, int(len(negative) * share / (1 - share)), replace=False)
    at = rng.permutation(np.concatenate([positive, negative]))[:ROWS]
    X = X.iloc[at].reset_index(drop=True)
    kinds = {str(one): "numeric" if X[one].dtype.kind in "if" else "categorical" for one in X}
    texts = [one for one, kind in kinds.items() if kind == "categorical"]
    return Table(X.assign(**{one: X[one].astype(object).where(X[one].notna(), None) for one in texts}), y[at], kinds)


def course(table: Table, way: str, seed: int) -> dict[str, list[float]]:
    """Return the recall after each round, and how many rare rows were labelled by then."""
    train, holdout = train_test_split(np.arange(len(table.y)), test_size=HOLDOUT, stratify=table.y, random_state=seed)
    rng, known = np.random.default_rng(seed), np.zeros(len(train), dtype=bool)
    known[rng.choice(len(train), FIRST, replace=False)] = True
    recalls, positives = [], []
    for turn in range(ROUNDS + 1):
        taught = train[known]
        model = fit(estimator(Training(), table.kinds, seed=seed), table.X.iloc[taught], table.y[taught])
        recalls.append(recall(score(model, table.X.iloc[holdout]), table.y[holdout]))
        positives.append(float(table.y[taught].sum()))
        if turn == ROUNDS:
            break
        pool = np.flatnonzero(~known)
        known[pool[chosen(table, model, way, train[pool], float(table.y[taught].mean()), rng)]] = True
    return {"recall": recalls, "positives": positives}


def chosen(
    table: Table, model: Any, way: str, rows: np.ndarray, prevalence: float, rng: np.random.Generator
) -> np.ndarray:
    """Return which rows of those without a label are to have one."""
    if way == "random":
        return rng.choice(len(rows), EACH, replace=False)
    among = table.X.iloc[rows].reset_index(drop=True)
    found = score(model, among)
    # As many are flagged as are expected to be rare, which is also what the recall is measured at.
    cut = float(np.clip(np.quantile(found, 1 - prevalence), 1e-6, 1 - 1e-6))
    return suggest(among, table.kinds, found, cut, budget=EACH, by=way)["at"].to_numpy()


def recall(found: np.ndarray, y: np.ndarray) -> float:
    """Return the recall where as many rows are flagged as are rare; it is the precision too."""
    rare = int(y.sum())
    return float(y[np.argsort(-found, kind="stable")[:rare]].mean())


def main() -> None:
    """Run every table, way and seed, and write JSON and the page's section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    start, results = time.perf_counter(), {}
    for name in TABLES:
        ways: dict[str, list[dict[str, list[float]]]] = {way: [] for way in ("random", *BY)}
        for seed in range(options.seeds):
            table = load(options.data, name, seed)
            for way, found in ways.items():
                found.append(course(table, way, seed))
        results[name] = ways
        print(name, {way: round(np.mean([one["recall"][-1] for one in found]), 3) for way, found in ways.items()})
    write(results, time.perf_counter() - start)


def write(results: dict[str, Any], seconds: float) -> None:
    """Write the JSON and the page's section."""
    facts = about("scikit-learn", "faiss-cpu")
    seeds = len(next(iter(results.values()))["random"])
    JSON.write_text(json.dumps(facts | {"seconds": seconds, "results": results}, indent=1) + "\n")
    last = FIRST + ROUNDS * EACH
    lines = [
        (
            f"Recall where as many rows are flagged as are rare, on the {HOLDOUT:.0%} of {ROWS:,} rows that no way "
            f"sees, of the default learner. {FIRST} labels are drawn at random, then {ROUNDS} times {EACH} are chosen "
            f"of the rows without. {seeds} seeds, each with its own rows; in brackets the 95% interval of the mean of "
            "the differences from random, seed by seed."
        ),
        "",
        f"| table | way | recall, {FIRST + EACH} labels | {last} labels | from random, {last} | rare rows among them |",
        "|:--|:--|--:|--:|--:|--:|",
    ]
    for name, ways in results.items():
        base = np.array([one["recall"] for one in ways["random"]])
        for way, found in ways.items():
            each = np.array([one["recall"] for one in found])
            mean, low, high = interval(each[:, -1] - base[:, -1])
            apart = "" if way == "random" else f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
            positives, soon = np.mean([one["positives"][-1] for one in found]), each[:, 1].mean()
            spoken = "random" if way == "random" else f"`--by {way}`"
            lines.append(f"| {name} | {spoken} | {soon:.3f} | {each[:, -1].mean():.3f} | {apart} | {positives:.0f} |")
    lines += ["", _verdict(results)]
    write_section("label_budget", facts, lines)


def _verdict(results: dict[str, Any]) -> str:
    """Say what the figures show, way by way."""
    said, gains = [], {}
    for way in BY:
        told = []
        for name, ways in results.items():
            each, base = ([one["recall"][-1] for one in ways[key]] for key in (way, "random"))
            _, low, high = interval(np.array(each) - np.array(base))
            gains.setdefault(way, []).append(np.mean(each) - np.mean(base))
            told.append(f"{'better' if low > 0 else 'worse' if high < 0 else 'no different'} on {name}")
        said.append(f"`{way}` is {', '.join(told)}")
    order = sorted(gains, key=lambda way: -np.mean(gains[way]))
    return (
        f"Beside random, {'; '.join(said)}. By the mean over the tables the order is {', '.join(order)}; the default "
        "is `rare`. Density, by which the literature multiplies uncertainty, is here to be compared."
    )


if __name__ == "__main__":
    main()
