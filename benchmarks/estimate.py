"""How far is the expected recall from what the labels show later? On the simulator and the real tables cut to 1%.

`python -m benchmarks.estimate --data ../shared/data`: ten minutes on a free core. A line of the result is a table under
a shift: the model is trained and calibrated as a run does it, then chunks of 10,000 rows are drawn from rows it has
not seen. The shift is made by weighted sampling, so the share of positives among like rows stays the same.
"""

import argparse
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from benchmarks.page import about, write_section
from rarecall import calibration, cohorts, threshold, training
from rarecall.estimate import Reference, expected, ratio
from rarecall.sections import Cohort, Training
from rarecall.simulator.simulate import FEATURES, Payments, simulate

JSON = Path("benchmarks/estimate.json")
PREVALENCE, CHUNK, CHUNKS, SEEDS = 0.01, 10_000, 3, 3
SHIFTS = {"none": 0.0, "mild": 0.5, "strong": 1.0}
"""How many e-folds a standard deviation along a direction of the features changes a row's chance to be drawn."""

REAL = {
    "adult": ("adult.csv.gz", "income", ">50K", ["person_id"], Cohort(column="sex")),
    "bank": ("bank_marketing.csv.gz", "y", "yes", ["client_id", "duration", "contacted_on"], Cohort(column="marital")),
    "census": ("census_income_kdd.csv.gz", "label", "50000+", ["person_id", "year"], Cohort(column="sex")),
    "credit": ("credit_default.csv.gz", "has_default", "1", ["client_id"], Cohort(column="sex")),
}
WAYS = ("constant", "scores", "weighted")
"""Nothing happened; probabilities as they were calibrated; ours, with weights and cohorts."""


@dataclass(frozen=True)
class Table:
    """Features, their kinds, the truth, and a cohort."""

    rows: pd.DataFrame
    kinds: dict[str, str]
    truth: NDArray[np.bool_]
    cohort: Cohort


def main() -> None:
    """Measure each table under each shift, and what no estimate of this kind can see."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked.add_argument("--tables", nargs="*", default=["simulator", *REAL])
    options = asked.parse_args()
    warnings.simplefilter("ignore")
    known = json.loads(JSON.read_text()) if JSON.exists() else {"tables": {}}
    found = {"tables": known["tables"]}
    for name in options.tables:
        runs = [one for seed in range(SEEDS) for one in run(table(name, options.data, seed), seed)]
        found["tables"][name] = {shift: _told([one for one in runs if one["shift"] == shift]) for shift in SHIFTS}
        print(name, json.dumps(found["tables"][name], indent=1), flush=True)
    found["blind"] = blind()
    print(found["blind"], flush=True)
    facts = about("numpy", "scikit-learn", "pandas")
    JSON.write_text(json.dumps(facts | found, indent=1) + "\n")
    write_section("estimate", facts, _page(found))


def table(name: str, folder: Path, seed: int) -> Table:
    """Return a table with all its positives."""
    if name == "simulator":
        stream = simulate(Payments(rows=200_000, days=60, seed=seed, fraud_share=0.03))
        kinds = {c: "categorical" if stream[c].dtype == object else "numeric" for c in FEATURES}
        return Table(stream, kinds, stream["is_fraud"].to_numpy(dtype=bool), Cohort(column="region"))
    file, label, positive, left, cohort = REAL[name]
    rows = pd.read_csv(folder / file, na_values=["?"], low_memory=False)
    truth = (rows[label].astype(str) == positive).to_numpy()
    rows = rows.drop(columns=[label, *left])
    kinds = {c: "numeric" if pd.api.types.is_numeric_dtype(rows[c]) else "categorical" for c in rows}
    for column, kind in kinds.items():
        if kind == "categorical":
            rows[column] = rows[column].astype(object).where(rows[column].notna(), None)
    return Table(rows, kinds, truth, cohort)


def run(asked: Table, seed: int) -> list[dict[str, Any]]:
    """Train on a part, keep a part as the reference, and estimate chunks of the rest."""
    rng = np.random.default_rng(seed)
    part = rng.choice(3, size=len(asked.rows), p=[0.4, 0.3, 0.3])
    rare = ~asked.truth | (rng.random(len(part)) < _kept(asked.truth))
    served = _model(asked, np.flatnonzero((part == 0) & rare), np.flatnonzero((part == 1) & rare), seed)
    groups = cohorts.assign(asked.rows, [asked.cohort])
    pool, known = np.flatnonzero(part == 2), np.flatnonzero((part == 1) & rare)
    chance = np.where(asked.truth[pool], _kept(asked.truth), 1.0)
    direction, found = _direction(asked, rng), []
    for shift, strength in SHIFTS.items():
        weight = chance * np.exp(strength * direction[pool])
        true = _recall(asked.truth[pool], served.flagged[pool], weight)
        for chunk in range(CHUNKS):
            draw = np.random.default_rng([seed, chunk, int(10 * strength)])
            now = draw.choice(pool, CHUNK, p=weight / weight.sum())
            found.append({"shift": shift} | _estimates(asked, served, groups, known, now, true, seed))
    return found


@dataclass(frozen=True)
class Served:
    """What the model says of every row."""

    score: NDArray[np.float64]
    flagged: NDArray[np.bool_]


def _kept(truth: NDArray[np.bool_]) -> float:
    """Return which share of the positives leaves one in a hundred."""
    return float(PREVALENCE / (1 - PREVALENCE) * (~truth).sum() / truth.sum())


def _model(asked: Table, teach: NDArray[np.intp], known: NDArray[np.intp], seed: int) -> Served:
    """Train, calibrate and choose the threshold, the last two on half of the reference, as a run does."""
    rows, truth, features = asked.rows, asked.truth, list(asked.kinds)
    half = known[: len(known) // 2]
    pipeline = training.estimator(Training(), asked.kinds, seed=seed)
    training.fit(pipeline, rows.iloc[teach][features], truth[teach].astype(int))
    raw = training.score(pipeline, rows[features])
    score = calibration.fit(truth[half], raw[half]).apply(raw)
    chosen = threshold.choose(truth[half], score[half], precision_floor=0.5, confidence=0.95)
    return Served(score, score >= chosen.value)


def _direction(asked: Table, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a standardised direction of the features: ranks of three numbers and a value of a category each way."""
    numeric = [name for name, kind in asked.kinds.items() if kind == "numeric" and asked.rows[name].nunique() > 5]
    chosen = rng.choice(numeric, 3, replace=False)
    ranks = asked.rows[chosen].rank(pct=True).fillna(0.5).to_numpy() - 0.5
    groups = cohorts.assign(asked.rows, [asked.cohort])[asked.cohort.column]
    lifted = (groups == groups.value_counts().index[-1 if groups.nunique() < 3 else 1]).to_numpy()
    along = ranks @ rng.choice([-1.0, 1.0], 3) + lifted * 0.5
    made: NDArray[np.float64] = (along - along.mean()) / along.std()
    return made


def _recall(truth: NDArray[np.bool_], flagged: NDArray[np.bool_], weight: NDArray[np.float64] | None = None) -> float:
    return float(np.average(flagged[truth], weights=None if weight is None else weight[truth]))


def _estimates(
    asked: Table,
    served: Served,
    groups: pd.DataFrame,
    known: NDArray[np.intp],
    now: NDArray[np.intp],
    true: float,
    seed: int,
) -> dict[str, Any]:
    """Estimate one chunk in each way, and say what its labels show."""
    score, flagged, truth = served.score, served.flagged, asked.truth
    likeness = ratio(asked.rows.iloc[known], asked.rows.iloc[now], asked.kinds, seed=seed)
    segments = groups.iloc[now]
    plain = expected(score[now], flagged[now], reference=Reference(truth[known], score[known], flagged[known]))
    reference = Reference(truth[known], score[known], flagged[known], groups.iloc[known], likeness.weight)
    ours = expected(score[now], flagged[now], reference=reference, cohorts=segments)
    realised = _recall(truth[now], flagged[now])
    whole = ours["groups"][0]
    precision = float(truth[now][flagged[now]].mean()) if flagged[now].any() else None
    by_value = []
    for one in ours["groups"][1:]:
        inside = (segments[one["cohort"]] == one["value"]).to_numpy()
        if truth[now][inside].sum() >= 30:
            seen = _recall(truth[now][inside], flagged[now][inside])
            low, high = one["recall_interval"]
            by_value.append({"error": abs(one["recall"] - seen), "held": low <= seen <= high})
    return {
        "realised": realised,
        "true": true,
        "auc": likeness.auc,
        "estimates": {
            "constant": _recall(truth[known], flagged[known]),
            "scores": plain["groups"][0]["recall"],
            "weighted": whole["recall"],
        },
        "held": whole["recall_interval"][0] <= realised <= whole["recall_interval"][1],
        "width": whole["recall_interval"][1] - whole["recall_interval"][0],
        "precision_error": None if precision is None else abs(precision - whole["precision"]),
        "cohorts": by_value,
    }


def _told(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean errors, with intervals over seeds, whose chunks share a model."""

    def mean(values: list[float | None]) -> list[float]:
        by_seed = [
            np.mean([v for v in part if v is not None]) for part in np.array_split(np.array(values, float), SEEDS)
        ]
        half = t.ppf(0.975, SEEDS - 1) * np.std(by_seed, ddof=1) / SEEDS**0.5
        return [float(np.mean(by_seed)), float(half)]

    each = [one for run in runs for one in run["cohorts"]]
    return {
        "chunks": len(runs),
        "recall": mean([one["realised"] for one in runs]),
        "auc": mean([one["auc"] for one in runs]),
        "floor": mean([abs(one["realised"] - one["true"]) for one in runs]),
        "error": {way: mean([abs(one["estimates"][way] - one["realised"]) for one in runs]) for way in WAYS},
        "from_true": {way: mean([abs(one["estimates"][way] - one["true"]) for one in runs]) for way in WAYS},
        "held": float(np.mean([one["held"] for one in runs])),
        "width": mean([one["width"] for one in runs]),
        "precision_error": mean([one["precision_error"] for one in runs]),
        "by_cohort": {
            "compared": len(each),
            "error": float(np.mean([one["error"] for one in each])) if each else None,
            "held": float(np.mean([one["held"] for one in each])) if each else None,
        },
    }


def blind() -> dict[str, Any]:
    """Let a new fraud begin in one region that no feature shift betrays, and say what is expected there."""
    found = []
    for seed in range(SEEDS):
        payments = Payments(rows=200_000, days=60, seed=seed, fraud_share=0.01, new_pattern_day=40)
        stream = simulate(payments)
        kinds = {c: "categorical" if stream[c].dtype == object else "numeric" for c in FEATURES}
        asked = Table(stream, kinds, stream["is_fraud"].to_numpy(dtype=bool), Cohort(column="region"))
        day = (stream["paid_at"] - stream["paid_at"].min()).dt.days.to_numpy()
        teach, known, now = (np.flatnonzero((day >= a) & (day < b)) for a, b in ((0, 25), (25, 40), (45, 60)))
        served = _model(asked, teach, known, seed)
        groups = cohorts.assign(stream, [asked.cohort])
        likeness = ratio(stream.iloc[known], stream.iloc[now], kinds, seed=seed)
        reference = Reference(
            asked.truth[known], served.score[known], served.flagged[known], groups.iloc[known], likeness.weight
        )
        told = expected(served.score[now], served.flagged[now], reference=reference, cohorts=groups.iloc[now])
        where = (groups.iloc[now]["region"] == payments.new_pattern_cohort[1]).to_numpy()
        [north] = [one for one in told["groups"] if one["value"] == payments.new_pattern_cohort[1]]
        found.append({
            "expected": north["recall"],
            "realised": _recall(asked.truth[now][where], served.flagged[now][where]),
        })  # fmt: skip
    return {name: float(np.mean([one[name] for one in found])) for name in ("expected", "realised")}


def _page(found: dict[str, Any]) -> list[str]:
    said = (
        f"Mean absolute error of the expected recall against the recall that the labels show, chunks of {CHUNK:,} rows "
        f"at 1% positives, {SEEDS} seeds of {CHUNKS} chunks; ± is the 95% interval over seeds. *Floor* is the error of "
        "somebody who knows the true recall under the shift: what chance does to 100 positives. *True* is the error "
        "against that true recall, without chance. *Constant* is the reference's recall, *scores* are the calibrated "
        "probabilities added up, *weighted* is ours. *Held* is how often the 95% interval holds the realised recall."
    )
    names = ["table", "shift", "AUC", "recall", "floor", *WAYS, *(f"true, {way}" for way in WAYS), "held", "precision"]
    names += ["cohorts", "held"]
    lines = [said, "", f"| {' | '.join(names)} |", "|:--|:--|" + "--:|" * (len(names) - 2)]
    for name, shifts in found["tables"].items():
        for shift, one in shifts.items():
            cells = [name, shift, f"{one['auc'][0]:.2f}", f"{one['recall'][0]:.2f}", _pm(one["floor"])]
            cells += [_pm(one["error"][way]) for way in WAYS] + [f"{one['from_true'][way][0]:.3f}" for way in WAYS]
            own = one["by_cohort"]
            cells += [f"{one['held']:.0%}", f"{one['precision_error'][0]:.3f}"]
            cells += ["-", "-"] if own["error"] is None else [f"{own['error']:.3f}", f"{own['held']:.0%}"]
            lines.append("| " + " | ".join(cells) + " |")
    every = [one for shifts in found["tables"].values() for one in shifts.values()]
    means = {way: np.mean([one["error"][way][0] for one in every]) for way in WAYS}
    away = {way: np.mean([one["from_true"][way][0] for one in every]) for way in WAYS}
    floor, seen = np.mean([one["floor"][0] for one in every]), found["blind"]
    total = (
        f"Over all: weighted {means['weighted']:.3f}, scores {means['scores']:.3f}, constant {means['constant']:.3f}, "
        f"floor {floor:.3f}; from the true {away['weighted']:.3f}, {away['scores']:.3f} and {away['constant']:.3f}. A "
        "new fraud in one region of the simulator, which is concept drift: expected recall there "
        f"{seen['expected']:.2f}, realised {seen['realised']:.2f}."
    )
    lines += ["", total]
    return lines


def _pm(pair: list[float]) -> str:
    return f"{pair[0]:.3f} ± {pair[1]:.3f}"


if __name__ == "__main__":
    main()
