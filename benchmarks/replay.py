"""Is a retrain worth it? Trigger policies over the simulator's new pattern and over bank marketing, seed by seed.

Each run adds its figures to `benchmarks/replay.json` and writes the section of the page anew from all of them.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.page import about, write_section
from rarecall import cohorts
from rarecall.project import Project
from rarecall.replay.history import History, of_table
from rarecall.simulator.simulate import FEATURES, Payments, simulate
from tasks.replay import lived

RESULTS = Path("benchmarks/replay.json")
ROUNDS = 24
LEARNER = {"learner": "hist_gradient_boosting", "parameters": {"max_iter": 40, "max_leaf_nodes": 15}}
STORIES = {
    "simulator": "A new fraud in the north from day 80 of 150; 30,000 payments, labels as late as the stream's own.",
    "bank-marketing": "45,211 calls from May 2008 to November 2010, labels 7 days late.",
}


def simulator(seed: int, _data: Path) -> tuple[Project, History]:
    """Return the stream of one seed: labels come when the stream says."""
    project = Project.model_validate(
        {
            "name": "simulator",
            "source": {"path": "-"},
            "timestamp": "paid_at",
            "label": {"column": "is_fraud", "positive": 1},
            "cohorts": ["region", "channel"],
            "training": LEARNER,
            "watch": {"margin": 0.0},  # regret counts every bit of recall
        }
    )
    stream = simulate(
        Payments(rows=30_000, days=150, fraud_share=0.03, new_pattern_day=80, new_pattern_share=0.04, seed=seed)
    )
    table = stream.rename(columns={"paid_at": "event_timestamp", "is_fraud": "label"})
    named = cohorts.assign(table, project.cohorts)
    return project, of_table(table, _kinds(table, FEATURES), named, known=table["labelled_at"])


def bank_marketing(_seed: int, data: Path) -> tuple[Project, History]:
    """Return the calls in their order; the table does not say when an answer was known."""
    project = Project.model_validate(
        {
            "name": "bank-marketing",
            "source": {"path": "-"},
            "timestamp": "contacted_on",
            "label": {"column": "y", "positive": "yes"},
            "cohorts": [{"column": "age", "edges": [30, 45, 60]}, "job"],
            "training": LEARNER,
            "watch": {"margin": 0.0},  # regret counts every bit of recall
            "gates": {"minority_precision": 0.30},
        }
    )
    table = pd.read_csv(data / "bank_marketing.csv.gz")
    table = table.assign(
        label=(table["y"] == "yes").astype(int), event_timestamp=pd.to_datetime(table["contacted_on"], utc=True)
    )
    # How long the call was is known only after it.
    features = [
        name for name in table if name not in {"client_id", "contacted_on", "event_timestamp", "y", "label", "duration"}
    ]
    named = cohorts.assign(table, project.cohorts)
    return project, of_table(table, _kinds(table, features), named, delay=pd.Timedelta(days=7))


def _kinds(table: pd.DataFrame, names: object) -> dict[str, str]:
    return {
        str(name): "numeric" if pd.api.types.is_numeric_dtype(table[name]) else "categorical" for name in names
    }  # fmt: skip


MADE = {"simulator": simulator, "bank-marketing": bank_marketing}


def main() -> None:
    """Run one story on some seeds and write what is known of all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--story", choices=sorted(MADE), action="append")
    parser.add_argument("--seed", type=int, action="append")
    asked = parser.parse_args()
    for story in asked.story or sorted(MADE):
        for seed in asked.seed or range(3):
            project, history = MADE[story](seed, asked.data)
            found = lived(project, history, rounds=ROUNDS, begin=0.4 if story == "simulator" else 0.3, seed=seed)
            for one in found["policies"]:
                del one["by_round"]
            known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"about": {}, "stories": {}}
            known["about"] = about("scikit-learn", "numpy", "pandas")
            known["stories"].setdefault(story, {})[str(seed)] = found
            RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
            print(story, seed, found["verdict"], flush=True)
    known = json.loads(RESULTS.read_text())
    write_section("replay", known["about"], list(_lines(known["stories"])))


def _lines(stories: dict) -> list[str]:
    lines = [
        (
            f"What each policy gives away of the recall of retraining before each of {ROUNDS} rounds (regret), and "
            f"how often it retrains; plain fits ({LEARNER['learner']}, 40 trees of 15 leaves)."
        ),
        "Ours retrains when the alarm of the watch sounds for a cohort. Beside it: what the calendar regrets at as",
        "many retrains, on the line between its neighbours, and how many it needs for as little; and any drift.",
    ]
    for story, seeds in sorted(stories.items()):
        lines += ["", f"**{story}.** {STORIES[story]}", "", *_table(seeds)]
    return lines


def _table(seeds: dict) -> list[str]:
    names = ["seed", "never: regret", "ours: retrains", "ours: regret", "calendar at as many", "it needs"]
    names += ["any drift: retrains", "any drift: regret"]
    rows = [f"| {' | '.join(names)} |", f"| --- |{' ---: |' * 7}"]
    figures = []
    for seed, found in sorted(seeds.items()):
        verdict = found["verdict"]
        never = next(one["regret"] for one in found["policies"] if one["retrains"] == 0)
        every = verdict["beside"]["every"]
        drift = next(one for one in found["policies"] if one["name"] == "any drift")
        figures.append((verdict["retrains"], verdict["regret"], every["regret"], drift["retrains"], drift["regret"]))
        rows.append(
            f"| {seed} | {never:.3f} | {verdict['retrains']} | {verdict['regret']:.3f} | {every['regret']:.3f} | "
            f"{_many(every)} | {drift['retrains']} | {drift['regret']:.3f} |"
        )
    if len(figures) > 1:
        retrains, ours, calendar, many, drift = np.mean(figures, axis=0)
        rows.append(f"| mean | | {retrains:.1f} | {ours:.3f} | {calendar:.3f} | | {many:.1f} | {drift:.3f} |")
    return rows


def _many(beside: dict) -> str:
    return "never" if beside["retrains"] is None else str(beside["retrains"])


if __name__ == "__main__":
    main()
