"""A retrain's stages over Parquet of 100,000 to 20,000,000 payments: seconds, CPU seconds, and the most memory held.

Each stage is a process of its own, imports included; its peak is the kernel's (VmHWM) and its CPU time the kernel's
too. Label checking, which is not what is measured, is stood in for by a verdict that trusts every label.
`python -m benchmarks.scale --help`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.page import about, write_section
from rarecall.project import Project
from rarecall.tables import scan
from rarecall.warehouse import Draft, Version, Warehouse
from tasks.stage import Plan

COMPUTES = ("local", "dask://local?workers=1", "dask://local?workers=2")
STAGES = ("ingest", "validate", "retrieve", "split", "augment")
SEARCHES = "augment"
"""The stage that compares each rare row with all: twice the rows are four times the pairs."""
SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 20_000_000)
LIMIT_GB = 6.0
FILE_ROWS = 1_000_000
DAYS = 125
WHOLE = "RARECALL_BENCHMARK_WHOLE"
"""Set by `--whole`: every table in one piece, as before there were scans."""
_TRUSTED = pa.table({"score": [1.0], "action": ["keep"], "weight": [1.0]})
JSON = Path("benchmarks/scale.json")
PLAN = Path("docs/scale.md")
PLANNED = 1_000_000_000
PROJECT = """\
name: card-payments
source: {path: payments}
entity: payment_id
timestamp: paid_at
label: {column: is_fraud, positive: 1, delay: 10d}
features:
  exclude: [customer_id, terminal_id, fraud_kind, labelled_at]
cohorts: [region, channel]
split: {train: 0.7, validation: 0.15, holdout: 0.15}
labels: {on_noise: ignore}
"""


def main() -> None:
    """Measure each size in turn, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=SIZES)
    parser.add_argument("--computes", nargs="+", default=list(COMPUTES), choices=COMPUTES)
    parser.add_argument("--fraud-share", type=float, default=0.002)
    parser.add_argument("--folder", type=Path, help="where the tables are made and removed; by default a temporary one")
    parser.add_argument("--whole", action="store_true", help="hold every table in one piece, as below 2,000,000 rows")
    parser.add_argument("--child", nargs=3, metavar=("STAGE", "PLACE", "COMPUTE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        stage, place, compute = options.child
        print(json.dumps(_measured(stage, Path(place), compute)))
        return
    os.environ |= {WHOLE: "1"} if options.whole else {}
    for rows in options.rows:
        with TemporaryDirectory(dir=options.folder) as folder:
            deliver(Path(folder), rows, options.fraud_share)
            for run in _chain(Path(folder), options.computes):
                _keep(
                    {
                        "rows": rows,
                        "fraud_share": options.fraud_share,
                        "whole": options.whole and rows > scan.LARGE,
                        **run,
                    }
                )
    write(json.loads(JSON.read_text()))


def deliver(place: Path, rows: int, share: float) -> None:
    """Write payments file by file, each a stretch of the days, never more than a file's rows in memory."""
    import pandas as pd

    from rarecall.simulator.simulate import Payments, simulate

    (place / "payments").mkdir()
    (place / "rarecall.yaml").write_text(PROJECT)
    parts = max(1, rows // FILE_ROWS)
    for part in range(parts):
        days = max(1, DAYS // parts)
        some = simulate(Payments(rows=rows // parts, days=days, fraud_share=share, seed=part))
        some["payment_id"] += part * (rows // parts)
        for name in ("paid_at", "labelled_at"):
            some[name] += pd.Timedelta(days=part * days)
        some.to_parquet(place / "payments" / f"{part:03d}.parquet", index=False, row_group_size=1 << 18)


def _chain(place: Path, computes: list[str]) -> Iterator[dict[str, Any]]:
    """Yield what each stage took; the last one once for each way to compute, the others know but one."""
    for stage in STAGES:
        for compute in computes if stage == "augment" else ["local"]:
            command = [sys.executable, "-m", "benchmarks.scale", "--child", stage, str(place), compute]
            environ = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
            done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
            if done.returncode:
                raise RuntimeError(done.stderr[-3000:])
            run = {"stage": stage, "compute": compute, **json.loads(done.stdout.splitlines()[-1])}
            print(run, flush=True)
            yield run


def _measured(stage: str, place: Path, compute: str) -> dict[str, Any]:
    from rarecall.project import load
    from tasks import shelf

    project = load(place, {}, home=str(place / "home"))
    project = project.model_copy(update={"stores": project.stores.model_copy(update={"compute": compute})})
    if os.environ.get(WHOLE):
        scan.LARGE = sys.maxsize
    if compute == "local":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, as one worker has
    made = _Made(place, shelf.warehouse(project))
    plan = _PLANS[stage](project, made)
    begun = time.perf_counter()
    with made.shelf.aside(plan.kind) as folder:
        draft = Draft(folder=folder)
        plan.write(draft)
        seconds = time.perf_counter() - begun
        if compute == "local":
            made.keep(stage, plan, draft)
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(sum(used.ru_utime + used.ru_stime for used in (own, children)), 2),
        "peak_mb": own.ru_maxrss // 1024,
        "worker_peak_mb": children.ru_maxrss // 1024 if compute != "local" else None,
        "read_rows": draft.facts.get("rows", draft.facts.get("read")),
        "synthetic_rows": draft.facts.get("synthetic_rows"),
    }


class _Made:
    """What the stages before made."""

    def __init__(self, place: Path, warehouse: Warehouse) -> None:
        self.file, self.shelf = place / "made.json", warehouse

    def keep(self, stage: str, plan: Plan, draft: Draft) -> None:
        """Put a draft on the shelf, as a stage does."""
        with self.shelf.write(plan.kind, stage, recipe={}) as version:
            for file in list(draft.folder.iterdir()):
                file.rename(version.folder / file.name)
            version.facts.update(draft.facts)

    def __getitem__(self, stage: str) -> Version:
        kind = {"ingest": "snapshots", "validate": "verdicts", "retrieve": "training_sets", "split": "splits"}[stage]
        found = self.shelf.find(kind, stage)
        if found is None:
            raise RuntimeError(f"{stage} was not measured before")
        return found


def _retrieve(project: Project, made: _Made) -> Plan:
    from tasks.retrieve import retrieve

    schema = pq.read_schema(made["validate"].file("accepted.parquet"))
    features = [name for name in schema.names if name not in {"row_id", "event_timestamp", "label", *project.entity}]
    view = {"view": project.name, "keys": project.entity, "features": features, "created": None}
    return _plan(retrieve, project, made["ingest"], made["validate"], _version("feature_views", view))


def _augment(project: Project, made: _Made) -> Plan:
    from rarecall.arms.ablation import plain
    from rarecall.arms.arm import Arm
    from tasks.augment import augment

    rows = made["retrieve"].facts["rows"]
    folder = made.file.parent / "judged"
    if not folder.exists():
        folder.mkdir()
        with pq.ParquetWriter(folder / "labels.parquet", _TRUSTED.schema) as writer:
            for begin in range(0, rows, FILE_ROWS):
                writer.write_table(_TRUSTED.take(pa.array(np.zeros(min(FILE_ROWS, rows - begin), dtype=np.int64))))
    noise = {"noise_rate": 0.0, "low": 0.0, "high": 0.0}
    judged = Version(kind="label_verdicts", key="trusted", path=str(folder), facts=noise)
    drawn = project.augmentation
    arm = Arm(strategy="adasyn", learner=project.training.learner, k=drawn.k, synthetic_share=drawn.synthetic_share)
    compared = _version("ablations", {"shipped": plain(arm)})
    return _plan(augment, project, made["ingest"], made["retrieve"], judged, made["split"], compared)


def _plan(stage: Any, project: Project, *inputs: Version) -> Plan:
    """Return a stage's plan, without Prefect."""
    plan: Plan = stage.__wrapped__(project, *inputs)
    return plan


def _version(kind: str, facts: dict[str, Any]) -> Version:
    return Version(kind=kind, key="given", path="", facts=facts)


def _ingest(project: Project, made: _Made) -> Plan:  # noqa: ARG001 - all are asked alike
    from tasks.ingest import ingest

    return _plan(ingest, project)


def _validate(project: Project, made: _Made) -> Plan:
    from tasks.validate import validate

    return _plan(validate, project, made["ingest"])


def _split(project: Project, made: _Made) -> Plan:
    from tasks.split import split

    return _plan(split, project, made["retrieve"])


_PLANS = {"ingest": _ingest, "validate": _validate, "retrieve": _retrieve, "split": _split, "augment": _augment}


def _keep(run: dict[str, Any]) -> None:
    """Put a measurement into the file; measured again, the one before stays beside it."""
    before = json.loads(JSON.read_text()) if JSON.exists() else {"runs": []}
    facts = about("pandas", "pyarrow", "great-expectations", "duckdb", "faiss-cpu", "distributed")
    JSON.write_text(json.dumps({**facts, "runs": [*before["runs"], run]}, indent=1) + "\n")


def write(result: dict[str, Any]) -> None:
    """Write what was measured into the page of benchmarks, and what follows of it for more rows into docs/scale.md."""
    now = [run for run in result["runs"] if not run["whole"]]
    write_section("scale", result, [*_measured_lines(now), "", *_before(result["runs"]), "", *_slopes(now)])
    write_section("scale", result, _plan_lines(now), PLAN)


def _measured_lines(runs: list[dict[str, Any]]) -> list[str]:
    sizes = sorted({run["rows"] for run in runs})
    said = (
        "CPU seconds, then the process's peak in MB; each stage a process of its own on one core, imports included. "
        f"{LIMIT_GB:g} GB are allowed. Wall time is not shown: the machine's two cores were shared with other work."
    )
    lines = [
        said,
        "",
        f"| stage | {' | '.join(f'{rows:,} rows' for rows in sizes)} |",
        f"| :-- |{' --: |' * len(sizes)}",
    ]
    for stage, compute in [(stage, compute) for stage in STAGES for compute in COMPUTES]:
        found = {rows: _median(runs, rows, stage, compute) for rows in sizes}
        if any(found.values()):
            shown = [_shown(found[rows]) for rows in sizes]
            lines.append(f"| {stage}{'' if compute == 'local' else f', {compute}'} | {' | '.join(shown)} |")
    said = "With Dask the peak is this process's, behind it that of its largest worker. Below "
    return [*lines, "", f"{said}{scan.LARGE:,} rows a table is held in one piece and no Dask is used."]


def _shown(run: dict[str, Any] | None) -> str:
    if run is None:
        return ""
    worker = f" + {run['worker_peak_mb']:,.0f}" if run["worker_peak_mb"] else ""
    return f"{run['cpu_seconds']:,.0f} s, {run['peak_mb']:,.0f}{worker}"


def _before(runs: list[dict[str, Any]]) -> list[str]:
    """Say what the same took in one piece, where that was measured."""
    pairs = [
        (run, now)
        for run in runs
        if run["whole"] and run["rows"] > scan.LARGE and (now := _median(runs, run["rows"], run["stage"], "local"))
    ]
    lines = [
        f"{run['stage']} of {run['rows']:,} rows in one piece: {run['peak_mb']:,} MB, {run['cpu_seconds']:,.0f} CPU s; "
        f"in blocks {now['peak_mb']:,.0f} MB, {now['cpu_seconds']:,.0f} CPU s."
        for run, now in pairs
    ]
    return ["\n".join(lines)] if lines else []


def _median(runs: list[dict[str, Any]], rows: int, stage: str, compute: str) -> dict[str, Any] | None:
    """Return the medians of a stage's measurements at a size."""
    these = [
        run
        for run in runs
        if (run["rows"], run["stage"], run["compute"]) == (rows, stage, compute) and not run["whole"]
    ]
    names = ("seconds", "cpu_seconds", "peak_mb", "worker_peak_mb")
    return {name: median(run[name] or 0 for run in these) for name in names} if these else None


def _points(runs: list[dict[str, Any]], stage: str, figure: str, least: int) -> tuple[np.ndarray, np.ndarray]:
    sizes = sorted({run["rows"] for run in runs if run["stage"] == stage and run["rows"] >= least})
    found = [(rows, made[figure]) for rows in sizes if (made := _median(runs, rows, stage, "local"))]
    return np.array([rows for rows, _ in found], dtype=float), np.array([value for _, value in found], dtype=float)


def _slopes(runs: list[dict[str, Any]]) -> list[str]:
    """Return how CPU time and memory grow: log-log slopes with their 95% intervals, from a million rows on."""
    lines = [
        "Grows with the rows to the power of (log-log fit from 1,000,000 rows on, 95% interval of Student's t):",
        "",
        "| stage | CPU time | peak memory | sizes |",
        "| :-- | --: | --: | --: |",
    ]
    for stage in STAGES:
        shown = []
        for figure in ("cpu_seconds", "peak_mb"):
            rows, value = _points(runs, stage, figure, 1_000_000)
            shown.append(_power(rows, value))
        lines.append(f"| {stage} | {' | '.join(shown)} | {len(rows)} |")
    return lines


def _power(rows: np.ndarray, value: np.ndarray) -> str:
    from scipy import stats

    if len(rows) < 3:
        return "too few sizes"
    fit = stats.linregress(np.log(rows), np.log(value))
    most = stats.t.ppf(0.975, len(rows) - 2) * fit.stderr
    return f"{fit.slope:.2f} [{fit.slope - most:.2f}, {fit.slope + most:.2f}]"


def _plan_lines(runs: list[dict[str, Any]]) -> list[str]:
    """Project each stage: a constant, a part that grows with the rows, and of the search one with their square."""
    largest = {stage: int(_points(runs, stage, "cpu_seconds", 0)[0].max()) for stage in STAGES}
    lines = [
        f"Measured up to the second column; all behind it is **projected**, the last two to {PLANNED:,} rows.",
        "",
        f"| stage | largest measured | GB at {SIZES[-1]:,} rows | CPU hours | GB |",
        "| :-- | --: | --: | --: | --: |",
    ]
    total = 0.0
    for stage in STAGES:
        rows, seconds = _points(runs, stage, "cpu_seconds", 300_000)
        hours = _projected(rows, seconds, (0, 1, 2) if stage == SEARCHES else (0, 1)) / 3600
        held = _points(runs, stage, "peak_mb", 1_000_000)
        soon, later = (_shown_gb(_projected(*held, (0, 1), at)) for at in (SIZES[-1], PLANNED))
        total += hours
        lines.append(f"| {stage} | {largest[stage]:,} rows | {soon} | {hours:,.1f} | {later} |")
    return [*lines, f"| all | | | {total:,.1f} | |"]


def _shown_gb(megabytes: float) -> str:
    return "too few sizes" if np.isnan(megabytes) else f"{megabytes / 1024:,.1f}"


def _projected(rows: np.ndarray, value: np.ndarray, powers: tuple[int, ...], at: int = PLANNED) -> float:
    """Return the value at a size, of a sum of powers none of which shrinks; relative errors count alike."""
    from scipy.optimize import nnls

    if len(rows) < 2:
        return float("nan")
    million = rows / 1e6
    terms = np.stack([million**power for power in powers], axis=1)
    weights, _ = nnls(terms / value[:, None], np.ones(len(value)))
    return float(sum(weight * (at / 1e6) ** power for weight, power in zip(weights, powers, strict=True)))


if __name__ == "__main__":
    main()
