"""The demo: a champion, a fraud it has never seen in one region, and the retrain that finds it.

Everything is real but the payments: the same flow, stores and gates as for a table of one's own.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.environment import configure
from rarecall.project import FILE

DAYS = {"champion": 70, "pattern": 70, "retrain": 125}

PROJECT = """\
# Written by `rarecall demo`; a project file of your own begins with `rarecall init TABLE --label COLUMN`.
name: card-payments
source: {path: payments.parquet}
entity: payment_id
timestamp: paid_at
label: {column: is_fraud, positive: 1, delay: 10d}   # a fraud is reported days later; younger rows wait
features:
  exclude: [customer_id, terminal_id, fraud_kind, labelled_at]   # ids, and what is only known afterwards
cohorts: [region, channel]
split: {train: 0.7, validation: 0.15, holdout: 0.15}
labels: {folds: 3}
ablation: {rows: 6000, seeds: 1, ship: SHIP}   # fewer folds and a smaller comparison than by default: a demo is short
stores: {home: .}
"""


def demo(home: Path, *, synthetic: bool = False, say: Callable[[str], None] | None) -> dict[str, Any]:
    """Tell the story in `home`, line by line to `say`, and return what it came to.

    With `synthetic`, models are trained on synthetic rows even where these are not shown to gain.
    """
    configure(os.environ, home)
    from flows.retrain import retrain
    from tasks.deliver import deliver

    tell = say or (lambda _line: None)
    file = home / FILE
    file.write_text(PROJECT.replace("SHIP", "configured" if synthetic else "earned"))
    table = home / "payments.parquet"

    first = deliver(table, day=DAYS["champion"], pattern_day=DAYS["pattern"])
    tell(f"[bold]Day {DAYS['champion']}.[/] {first['rows']:,} card payments, {first['prevalence']:.2%} known frauds.")
    champion = retrain(str(file), str(home))
    tell(_verdict(champion))

    later = deliver(table, day=DAYS["retrain"], pattern_day=DAYS["pattern"])
    tell(
        f"\n[bold]Day {DAYS['retrain']}.[/] Since day {DAYS['pattern']} a new fraud runs in the north. "
        f"{later['rows']:,} payments; the retrain compares both models on the same holdout:"
    )
    candidate = retrain(str(file), str(home))
    tell(_verdict(candidate))
    before = candidate["champion_sli"] or candidate["sli"]
    tell(_difference(before, candidate["sli"]))
    tell(f"\nread the report: {candidate['report']}")
    return {
        "champion": champion["model_version"],
        "candidate": candidate["model_version"],
        "verdict": candidate["decision"]["verdict"],
        "accuracy_of_champion": before["accuracy"],
        "recall_by_region": {
            name: {"champion": before["by_cohort"]["region"][name]["minority_recall"], "candidate": now}
            for name, now in _recalls(candidate["sli"]).items()
        },
        "report": candidate["report"],
    }


def _verdict(record: dict[str, Any]) -> str:
    names = " and ".join(record["aliases"]) or "without an alias"
    sli = record["sli"]
    low, high = sli["intervals"]["minority_recall"]
    return (
        f"Model version {record['model_version']} is registered, {names}: recall {sli['minority_recall']:.2f} "
        f"[{low:.2f}, {high:.2f}], precision {sli['minority_precision']:.2f}, {_trained(record)}."
    )


def _trained(record: dict[str, Any]) -> str:
    made, compared = record["augmentation"]["synthetic_rows"], record["arms"]["reasons"]
    if made:
        return f"{made:,} synthetic rows, each traceable to its parents"
    return f"no synthetic rows: {next((one for one in compared if 'ADASYN' in one), compared[0])}"


def _difference(before: dict[str, Any], now: dict[str, Any]) -> str:
    lines = [f"The champion's accuracy still reads {before['accuracy']:.2%}. Its recall by region does not:"]
    for name, recall in _recalls(now).items():
        champion = before["by_cohort"]["region"][name]["minority_recall"]
        lines.append(f"  {name:<9} champion {champion:.2f}   retrained {recall:.2f}")
    return "\n".join(lines)


def _recalls(sli: dict[str, Any]) -> dict[str, float]:
    values = sli["by_cohort"]["region"].items()
    return {name: found["minority_recall"] for name, found in values if found["minority_recall"] is not None}
