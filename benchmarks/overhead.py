"""What the orchestrators cost: `rarecall retrain` beside a bare script that computes the same without them.

The script reads the table and calls the engine, Great Expectations and Evidently as the stages do, in one process, with
everything in memory: no Prefect, no Feast, no MLflow, no warehouse. Both runs of a pair are new processes over the same
simulated payments and begin with an empty home. `python -m benchmarks.overhead [--rows N] [--repeats N]`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.page import about, write_section

DAYS = 125
PROJECT = """\
name: card-payments
source: {path: payments.parquet}
entity: payment_id
timestamp: paid_at
label: {column: is_fraud, positive: 1, delay: 10d}
features:
  exclude: [customer_id, terminal_id, fraud_kind, labelled_at]
cohorts: [region, channel]
split: {train: 0.7, validation: 0.15, holdout: 0.15}
ablation: {ship: configured}
"""
JSON = Path("benchmarks/overhead.json")
ASKED = 1.25


def main() -> None:
    """Measure pairs in turn, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _deliver(place, options.rows)
        pairs = [_pair(place, number) for number in range(options.repeats)]
    result = {**about("prefect", "feast", "mlflow", "scikit-learn"), "rows": options.rows, "pairs": pairs}
    JSON.write_text(json.dumps(result, indent=1) + "\n")
    _write(result)


def _deliver(place: Path, rows: int) -> None:
    from rarecall.simulator.simulate import Payments, simulate

    simulate(Payments(rows=rows, days=DAYS)).to_parquet(place / "payments.parquet", index=False)
    (place / "rarecall.yaml").write_text(PROJECT)


def _pair(place: Path, number: int) -> dict[str, Any]:
    flow = _timed(
        [str(Path(sys.executable).with_name("rarecall")), "retrain", str(place), "--json"], place / f"h{number}"
    )
    script = _timed([sys.executable, "-m", "benchmarks.bare_retrain", str(place)], place / f"b{number}")
    pair = {
        "flow": flow["seconds"],
        "bare": script["seconds"],
        "stages": {stage["name"]: stage["seconds"] for stage in flow["said"]["stages"]},
        "parts": script["said"]["parts"],
    }
    _agree(flow["said"], script["said"])
    print(
        f"{number}: flow {pair['flow']:.1f} s, bare {pair['bare']:.1f} s, {pair['flow'] / pair['bare']:.3f}x",
        flush=True,
    )
    return pair


def _timed(command: list[str], home: Path) -> dict[str, Any]:
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own script, by its path
        command, env=os.environ | {"RARECALL_HOME": str(home)}, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return {"seconds": seconds, "said": json.loads(done.stdout.splitlines()[-1])}


def _agree(flow: dict[str, Any], script: dict[str, Any]) -> None:
    """Raise unless both came to the same model: its recall, precision and area on the same holdout."""
    names = ("minority_recall", "minority_precision", "auc_pr", "positives")
    if differing := {n: (flow["sli"][n], script["sli"][n]) for n in names if flow["sli"][n] != script["sli"][n]}:
        raise AssertionError(f"the two did not compute the same: {differing}")


def _write(result: dict[str, Any]) -> None:
    pairs = result["pairs"]
    ratios = sorted(pair["flow"] / pair["bare"] for pair in pairs)
    flow, script = median(pair["flow"] for pair in pairs), median(pair["bare"] for pair in pairs)
    stages = {name: median(pair["stages"][name] for pair in pairs) for name in pairs[0]["stages"]}
    parts = {name: median(pair["parts"].get(name, 0.0) for pair in pairs) for name in stages}
    what = f"`rarecall retrain` on {result['rows']:,} simulated payments beside a bare script that computes the same: "
    counted = "one pair" if len(pairs) == 1 else f"medians of {len(pairs)} pairs"
    what += f"{counted}, each run a new process with an empty home."
    lines = [
        what,
        "",
        "| | retrain | bare script | ratio (asked at most 1.25) |",
        "| --- | --- | --- | --- |",
        f"| seconds | {flow:.1f} | {script:.1f} | **{median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f}) |",
        "",
        "| stage | retrain, s | bare script, s |",
        "| --- | --- | --- |",
        *(f"| {name.replace('_', ' ')} | {stages[name]:.1f} | {parts[name]:.1f} |" for name in stages),
        f"| start, imports, server, report | {flow - sum(stages.values()):.1f} | {script - sum(parts.values()):.1f} |",
    ]
    write_section("overhead", result, lines)


if __name__ == "__main__":
    main()
