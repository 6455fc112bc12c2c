"""Compare strategies on the rows that taught the last run's model: cell by cell, each kept as it is done."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import rarecall
from rarecall import digest
from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from rarecall.sections.section import as_duration
from rarecall.strategies.known import KNOWN, MAKERS, check
from rarecall.warehouse import Version
from tasks import measured, runs
from tasks.shelf import warehouse
from tasks.teaching import teaching

if TYPE_CHECKING:
    from rarecall.arms.blocks import Positions
    from rarecall.arms.trial import Bench

PAGE, PICTURES = "compare.html", {"svg": "compare.svg", "png": "compare.png"}

FIGURES = ("auc_pr", "auc_roc", "recall", "precision", "ece", "entropy", "distinct", "risk", "seconds", "megabytes")
"""What the table has of each strategy: the mean over the folds that are done."""

ALL = "all"


def names(asked: str) -> list[str]:
    """Return the strategies that a person asks for: `all`, or names between commas; the plain learner is always there.

    >>> names("smote_nc, near_miss")
    ['threshold', 'smote_nc', 'near_miss']
    """
    if asked == ALL:
        return [name for name, one in KNOWN.items() if one.same_as is None]
    found = [name.strip() for name in asked.split(",") if name.strip()]
    for name in found:
        try:
            check(name, (*MAKERS, "plain", "under", "weights", "ensemble"), ALL)
        except ValueError as error:
            raise DataError(f"--strategies: {error}") from error
    return list(dict.fromkeys(["threshold", *found]))


def seconds(budget: str | None) -> float | None:
    """Return a budget such as `30m` in seconds.

    >>> seconds("30m"), seconds(None)
    (1800.0, None)
    """
    if budget is None:
        return None
    span = as_duration(budget)
    if not isinstance(span, timedelta):
        raise DataError(f"--budget: expected a duration such as 30m or 2h, got {budget!r}")
    return span.total_seconds()


def said(found: dict[str, Any]) -> list[str]:
    """Return what a comparison says, a sentence each."""
    from monitoring.compare import sentences

    return sentences(found)


def compare(project: Project, asked: Sequence[str], output: Path, *, budget: float | None = None) -> dict[str, Any]:
    """Return what each strategy comes to by cross-validation, and write the page and its picture.

    What is done is kept under the project's home and never done again; with a budget it ends there, and the next call
    goes on. Validation and holdout rows have no part in it.

    Parameters
    ----------
    project : Project
    asked : sequence of str
        Strategies by name.
    output : Path
        The folder to write to.
    budget : float, optional
        Seconds after which no other cell is begun.

    Returns
    -------
    dict
        JSON-ready: `project`, `dataset_version`, `learner`, `rows`, `positives`, `folds`, `by`, `floor`, `strategies`
        (best first: `name`, `spoken`, `kind`, `folds` that are done, `FIGURES`, `by_fold` of AUC-PR), `refused`
        (name to sentence), `left` (cells that are not done yet) and `page`.

    Raises
    ------
    StoreError
        There was no run yet, or the folder cannot be written.
    DataError
        Too few positives to test on.
    """
    from rarecall.arms import blocks

    dataset, bench, moments, groups = _bench(project)
    folds, floor = (
        project.ablation.folds,
        min(1.0, project.gates.minority_precision + project.training.precision_margin),
    )
    block = blocks.cut(bench.y, n_blocks=folds + 1, moments=moments, groups=groups, seed=project.seed)
    cuts = list(blocks.folds(block, timed=moments is not None))
    folder, ends = _folder(project, dataset), None if budget is None else time.monotonic() + budget
    cells: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in asked}
    left = 0
    for number, (teach, test) in enumerate(cuts):  # a fold of all before the next of any: an early end is fair
        for name in asked:
            file = folder / f"{name}-{number}.json"
            if not file.exists() and (ends is None or time.monotonic() < ends):
                _keep(file, _done(bench, name, teach, test, floor=floor, seed=project.seed))
            if file.exists():
                cells[name][number] = json.loads(file.read_text(encoding="utf-8"))
            else:
                left += 1
    found = {
        "project": project.name,
        "dataset_version": dataset.key,
        "learner": project.training.learner,
        "rows": len(bench.y),
        "positives": int(bench.y.sum()),
        "folds": len(cuts),
        "by": "time" if moments is not None else "entity" if groups is not None else "class",
        "floor": floor,
        **_told(cells),
        "left": left,
    }
    return found | {"page": str(_written(found, output))}


def _done(bench: Bench, name: str, teach: Positions, test: Positions, *, floor: float, seed: int) -> dict[str, Any]:
    from rarecall.strategies.cell import cell

    try:
        with measured.course() as course:
            figures = cell(bench, name, teach, test, floor=floor, seed=seed)
    except DataError as error:  # a table that it is not for, an extra that is not there: said, and not tried again
        return {"refused": str(error)}
    return figures | {"seconds": course["seconds"], "megabytes": max(0.0, course["peak_mb"] - course["before_mb"])}


def _told(cells: Mapping[str, Mapping[int, dict[str, Any]]]) -> dict[str, Any]:
    """Return each strategy's means, best first, and why the others could not be tried."""
    refused = {name: one["refused"] for name, done in cells.items() for one in done.values() if "refused" in one}
    told = []
    for name, done in cells.items():
        figures = [one for _, one in sorted(done.items())]
        if not figures or name in refused:
            continue
        means = {key: _mean([one[key] for one in figures]) for key in FIGURES}
        about = {"name": name, "spoken": KNOWN[name].spoken, "kind": KNOWN[name].kind, "learner": figures[0]["learner"]}
        told.append(about | {"folds": len(figures)} | means | {"by_fold": [one["auc_pr"] for one in figures]})
    told.sort(key=lambda one: (-one["folds"], -one["auc_pr"]))
    return {"strategies": told, "refused": refused}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _bench(project: Project) -> tuple[Version, Bench, pd.Series[Any] | None, Any]:
    """Return the last run's dataset version, and a bench of its real training rows as its arms were compared on."""
    from rarecall.arms.trial import Bench

    *_, last = [None, *runs.records(project)]
    shelf = warehouse(project)
    dataset = last and shelf.find("datasets", last["dataset_version"])
    if last is None or dataset is None:
        raise StoreError(
            f"{project.name} has no run in {project.stores.home} to compare on; make one with: rarecall retrain"
        )
    inputs = dict(name.split("/", 1) for name in shelf.recipe(dataset)["inputs"])
    found = {kind: shelf.find(kind, key) for kind, key in inputs.items()}
    training_set, judged, parts = (found.get(kind) for kind in ("training_sets", "label_verdicts", "splits"))
    if training_set is None or judged is None or parts is None:
        raise StoreError(
            f"what dataset version {dataset.key} was made of is not in the warehouse any more; run: rarecall retrain"
        )
    rows = pd.read_parquet(training_set.file("rows.parquet"))
    train = teaching(project, rows, pd.read_parquet(parts.file("parts.parquet"))["part"], judged)
    bench = Bench(
        rows=train.rows,
        kinds=dataset.facts["features"],
        weight=train.weight,
        eligible=train.eligible,
        training=project.training,
        augmentation=project.augmentation.model_copy(update={"target": None}),
        rules=project.expectations.rules_over(dataset.facts["features"]),
        most_rows=project.ablation.rows,
    )
    return dataset, bench, train.rows["event_timestamp"] if project.timestamp else None, train.groups


def _folder(project: Project, dataset: Version) -> Path:
    """Return where the cells are kept: what they depend on names the folder."""
    about = {
        "dataset": dataset.key,
        "engine": rarecall.__version__,
        "seed": project.seed,
        "training": project.training.model_dump(mode="json", include={"learner", "parameters"}),
        "augmentation": project.augmentation.model_dump(mode="json", exclude={"target"}),
        "ablation": project.ablation.model_dump(mode="json", include={"folds", "rows"}),
        "precision": [project.gates.minority_precision, project.training.precision_margin],
    }
    folder = Path(project.stores.home) / "comparisons" / project.name / digest.of_value(about)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _keep(file: Path, cell: dict[str, Any]) -> None:
    aside = file.with_suffix(f".{os.getpid()}")
    aside.write_text(json.dumps(cell, allow_nan=False), encoding="utf-8")
    aside.rename(file)


def _written(found: dict[str, Any], output: Path) -> Path:
    from monitoring.compare import render
    from monitoring.plots.compare import as_file

    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / PAGE).write_text(render(found), encoding="utf-8")
        for kind, name in PICTURES.items():
            (output / name).write_bytes(as_file(found["strategies"], kind))
    except OSError as error:
        raise StoreError(f"{output} cannot be written: {error.strerror}; give another folder with --output") from error
    return output / PAGE
