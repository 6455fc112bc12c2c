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
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.page import about
from rarecall.project import Project
from rarecall.tables import scan
from rarecall.warehouse import Draft, Version, Warehouse
from tasks.stage import Plan

COMPUTES = ("local", "dask://local?workers=1", "dask://local?workers=2")
STAGES = ("ingest", "validate", "retrieve", "split", "augment")
SIZES = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 20_000_000)
LIMIT_GB = 6.0
FILE_ROWS = 1_000_000
DAYS = 125
WHOLE = "RARECALL_BENCHMARK_WHOLE"
"""Set by `--whole`: every table in one piece, as before there were scans."""
_TRUSTED = pa.table({"score": [1.0], "action": ["keep"], "weight": [1.0]})
JSON = Path("benchmarks/scale.json")
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
                _keep({"rows": rows, "fraud_share": options.fraud_share, "whole": options.whole, **run})
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
    """Write the page's section."""


if __name__ == "__main__":
    main()
