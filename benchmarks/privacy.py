"""The attacks on synthetic rows of real tables, against each mitigation, and what each costs a model.

Two settings. `rare`: 400 positives to 6,000 negatives, numbers only and as floats, drawn up to balance: where the
attacks work best. `pipeline`: the whole training part, mixed and typed, at the pipeline's share of synthetic rows.
`python -m benchmarks.privacy DATA_FOLDER --tables bank-marketing --seeds 0 1 2`; results are merged into the JSON.
"""

import argparse
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imblearn.over_sampling
import numpy as np
import pandas as pd
from scipy.stats import t as student
from sklearn.metrics import average_precision_score

from benchmarks.page import about, write_section
from rarecall.intake import snapshot, source
from rarecall.privacy import AttackResult, attack
from rarecall.project import load
from rarecall.resampling import ADASYN
from rarecall.sections import Training
from rarecall.training import estimator, fit, score

TABLES = ("bank-marketing", "adult", "credit-default", "census-income")
RARE, RATIO, TESTED = 400, 15, 8000
JSON = Path("benchmarks/privacy.json")
COLUMNS = (
    *("table", "sampler", "reconstruction recall", "precision", "recall of rows held out", "`lines`", "`modes`"),
    *("distinguishing AUC", "AUC-PR against off_segment=0"),
)
VARIANTS = {
    "imbalanced-learn": None,
    "off_segment=0": {},
    "off_segment=0.1": {"off_segment": 0.1},
    "off_segment=auto": {"off_segment": "auto"},
    "off_segment=1": {"off_segment": 1.0},
    "max_per_parent=15": {"max_per_parent": 15},
    "n_mixed=3": {"n_mixed": 3},
    "n_mixed=3, auto": {"n_mixed": 3, "off_segment": "auto"},
}
PIPELINE = ("off_segment=0", "off_segment=auto")
SEEDS = {"rare": 30, "pipeline": 6}
ATTACKED = {"rare": 3, "pipeline": 2}  # of these seeds: models need more of them than attacks to be told apart


@dataclass(frozen=True)
class Table:
    """One real table, typed as a snapshot types it."""

    rows: pd.DataFrame
    y: np.ndarray
    kinds: dict[str, str]

    @classmethod
    def of(cls, name: str, folder: str) -> "Table":
        """Read an example's table."""
        project = load(Path("examples") / name, {"RARECALL_DATA": folder})
        rows, facts = snapshot.take(source.read(project.source, project.missing.markers), project)
        y = snapshot.positives(rows[project.label.column], project).to_numpy(dtype=int)
        return cls(rows[list(facts["features"])], y, facts["features"])


def main() -> None:
    """Measure the tables and seeds asked for, and write JSON and page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--tables", nargs="+", default=TABLES)
    parser.add_argument("--seeds", type=int, nargs="+", help="by default 0 to 29 of `rare`, 0 to 5 of `pipeline`")
    parser.add_argument("--settings", nargs="+", default=["rare", "pipeline"])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), help="of the setting `rare`")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.tables:
        table = Table.of(name, options.data)
        for setting in options.settings:
            for seed in options.seeds or range(SEEDS[setting]):
                measured = rare(table, seed, options.variants) if setting == "rare" else pipeline(table, seed)
                results = json.loads(JSON.read_text()) if JSON.exists() else {}
                for variant, figures in measured.items():
                    results[f"{setting}|{name}|{variant}|{seed}"] = figures
                    print(setting, name, variant, seed, figures, flush=True)
                JSON.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    write(json.loads(JSON.read_text()))


def rare(table: Table, seed: int, variants: list[str]) -> dict[str, dict]:
    """Attack 400 rare rows among 6,000 others, and test a model on rows that have no part in it."""
    attacked = seed < ATTACKED["rare"]
    chosen = {name: VARIANTS[name] for name in (variants if attacked else PIPELINE)}
    rng = np.random.default_rng(seed)
    positive, negative = (rng.permutation(np.flatnonzero(table.y == label)) for label in (1, 0))
    numbers = [name for name, kind in table.kinds.items() if kind == "numeric"]
    known = np.concatenate([positive[:RARE], negative[: RARE * RATIO]])
    tested = np.concatenate([positive[RARE : 2 * RARE], negative[RARE * RATIO :][: RARE * RATIO]])
    X = table.rows[numbers].astype("float64").fillna(table.rows[numbers].median())
    kinds = dict.fromkeys(numbers, "numeric")
    return _measured(X, table.y, known, tested, kinds, chosen, None, seed, attacked=attacked)


def pipeline(table: Table, seed: int) -> dict[str, dict]:
    """Do what the pipeline does with 60% of the rows, and test on the rest."""
    order = np.random.default_rng(seed).permutation(len(table.y))
    cut = int(0.6 * len(order))
    chosen = {name: VARIANTS[name] for name in PIPELINE}
    known, tested, attacked = order[:cut], order[cut:], seed < ATTACKED["pipeline"]
    return _measured(table.rows, table.y, known, tested, table.kinds, chosen, 0.1, seed, attacked=attacked)


def _measured(
    X: pd.DataFrame,
    y: np.ndarray,
    known: np.ndarray,
    tested: np.ndarray,
    kinds: dict[str, str],
    variants: dict[str, dict | None],
    share: float | None,
    seed: int,
    *,
    attacked: bool,
) -> dict[str, dict]:
    rows, labels = X.iloc[known].reset_index(drop=True), y[known]
    strategy = "auto" if share is None else {1: int(labels.sum() + share / (1 - share) * len(labels))}
    spare = X.iloc[tested][y[tested] == 1]
    measured = {}
    for name, options in variants.items():
        if options is None:
            sampler = imblearn.over_sampling.ADASYN(random_state=seed)
        else:
            categories = [column for column, kind in kinds.items() if kind != "numeric"]
            sampler = ADASYN(random_state=seed, scaling="robust", categorical_features=categories, **options)
        sampler.set_params(sampling_strategy=strategy)
        augmented, classes = sampler.fit_resample(rows, labels)
        drawn = augmented.iloc[len(rows) :]
        model = fit(estimator(Training(), kinds, seed=seed), augmented, classes)
        measured[name] = {
            "synthetic": len(drawn),
            "auc_pr": float(average_precision_score(y[tested], score(model, X.iloc[tested]))),
        }
        if attacked:
            result = attack(rows[labels == 1], drawn, random_state=seed, kinds=kinds, holdout=spare, time_limit=600.0)
            measured[name] |= _told(result)
    return measured


def _told(result: AttackResult) -> dict[str, Any]:
    by_name = {one.attacker: one for one in result.attackers}
    best = next(one for one in result.attackers if one.recall_interval == result.recall_interval)
    return {
        "recall": result.reconstruction_recall,
        "precision": result.reconstruction_precision,
        "chance": best.chance_recall,
        "lines": by_name["lines"].recall,
        "modes": by_name["modes"].recall,
        "auc": result.distinguishing_auc,
        "copied": result.copied,
        "closest": result.closest,
    }


def write(results: dict[str, dict]) -> None:
    """Write the tables of both settings, means over the seeds with 95% intervals."""
    lines = []
    for setting in ("rare", "pipeline"):
        lines += [
            f"### {setting.capitalize()}",
            "",
            "| " + " | ".join(COLUMNS) + " |",
            "|---|---|" + "--:|" * (len(COLUMNS) - 2),
            *(
                _row(results, setting, table, variant)
                for table in TABLES
                for variant in VARIANTS
                if _seeds(results, setting, table, variant)
            ),
            "",
        ]
    write_section("privacy", about("numpy", "scikit-learn", "imbalanced-learn"), lines)


def _seeds(results: dict[str, dict], setting: str, table: str, variant: str) -> dict[str, dict]:
    prefix = f"{setting}|{table}|{variant}|"
    return {key.removeprefix(prefix): value for key, value in results.items() if key.startswith(prefix)}


def _row(results: dict[str, dict], setting: str, table: str, variant: str) -> str:
    runs = _seeds(results, setting, table, variant)
    plain = _seeds(results, setting, table, "off_segment=0")
    gained = [runs[seed]["auc_pr"] - plain[seed]["auc_pr"] for seed in runs]
    figures = [_mean([run[name] for run in runs.values() if name in run]) for name in
               ("recall", "precision", "chance", "lines", "modes", "auc")]  # fmt: skip
    return f"| {table} | {variant} | {' | '.join(figures)} | {_mean(gained, sign='+', digits=4)} |"


def _mean(values: list[float], *, sign: str = "", digits: int = 3) -> str:
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return f"{mean:{sign}.{digits}f}"
    half = float(student.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return f"{mean:{sign}.{digits}f} ± {half:.{digits}f}"


if __name__ == "__main__":
    main()
