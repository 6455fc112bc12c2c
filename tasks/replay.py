"""Replay: the project's own history lived through again, by the calendar, on any drift, and under its triggers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rarecall.errors import StoreError
from rarecall.project import Project
from tasks import runs
from tasks.augment import PARTS
from tasks.shelf import warehouse

if TYPE_CHECKING:
    from rarecall.replay.history import History

PAGE, PICTURES = "replay.html", {"svg": "replay.svg", "png": "replay.png"}
MOST_ROWS = 60_000
"""Rows that teach one model at most, the newest: its recall on rows that did not teach is what later ones are held
against, so there have to be more positives than a comparison of ways to train needs."""


def replay(
    project: Project, output: Path, *, rounds: int, begin: float, rows: int = MOST_ROWS, seed: int | None = None
) -> dict[str, Any]:
    """Return what each policy came to on the real rows of the last run, and write the page and its picture.

    Parameters
    ----------
    project : Project
    output : Path
        The folder to write to.
    rounds : int
        How often a policy may retrain.
    begin : float
        The share of the rows that the first model learns from.
    rows : int
        Most rows that teach one model, the newest.
    seed : int, optional
        By default the project's.

    Raises
    ------
    StoreError
        There was no run yet, or the folder cannot be written.
    DataError
        The project has no timestamp's worth of moments, or too few labels to begin with.
    """
    from monitoring.plots.replay import as_file
    from monitoring.replay import render

    history = _history(project)
    found = lived(project, history, rounds=rounds, begin=begin, rows=rows, seed=project.seed if seed is None else seed)
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / PAGE).write_text(render(found), encoding="utf-8")
        for kind, name in PICTURES.items():
            (output / name).write_bytes(as_file(found["policies"], kind))
    except OSError as error:
        raise StoreError(f"{output} cannot be written: {error.strerror}; give another folder with --output") from error
    return found | {"page": str(output / PAGE)}


def lived(
    project: Project, history: History, *, rounds: int, begin: float, seed: int, rows: int = MOST_ROWS
) -> dict[str, Any]:
    """Return the policies and the verdict on a history, JSON-ready."""
    from rarecall.replay.models import Models
    from rarecall.replay.policies import Breach
    from rarecall.replay.run import replay as run
    from rarecall.replay.run import verdict

    cut = history.rounds(begin=begin, many=rounds)
    models = Models(
        history=history,
        rounds=cut,
        training=project.training,
        precision_floor=project.gates.minority_precision,
        most_rows=rows,
        seed=seed,
    )
    watch = project.watch
    ours = Breach(
        alpha=watch.alpha,
        horizon=watch.horizon.total_seconds() / 86_400,
        confidence=project.gates.confidence,
        min_positives=watch.min_positives or project.gates.min_positives,
        margin=watch.margin,
    )
    found = run(models, history, ours)
    return {
        "project": project.name,
        "rows": len(history.y),
        "rounds": rounds,
        "begins": str(history.moments[cut[0].start])[:10],
        "ends": str(history.moments[-1])[:10],
        "positives": int(history.y[cut[0].start :].sum()),
        "learner": project.training.learner,
        "seed": seed,
        "policies": [one.as_dict() for one in found],
        "verdict": verdict(found),
    }


def said(found: dict[str, Any]) -> list[str]:
    """Return what a replay says, a sentence each."""
    from monitoring.replay import sentences

    return sentences(found)


def _history(project: Project) -> History:
    from rarecall import cohorts
    from rarecall.errors import DataError
    from rarecall.replay.history import of_table

    if not project.timestamp:
        raise DataError(
            "timestamp: expected a column that says when a row was true, got none; a replay needs the order"
        )
    *_, last = [None, *runs.records(project)]
    dataset = last and warehouse(project).find("datasets", last["dataset_version"])
    if last is None or dataset is None:
        raise StoreError(
            f"{project.name} has no run in {project.stores.home} to replay; make one with: rarecall retrain"
        )
    parts = [pd.read_parquet(dataset.file(f"{part}.parquet")) for part in PARTS]
    rows = pd.concat([parts[0][~parts[0]["is_synthetic"]], *parts[1:]], ignore_index=True)
    return of_table(
        rows,
        dataset.facts["features"],
        cohorts.assign(rows, project.cohorts),
        delay=pd.Timedelta(project.label.delay),
    )
