"""The watch: what was found of the version that serves, held against what it was registered with. It only reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError
from rarecall.finding import OVERALL
from rarecall.project import Project
from tasks.aliases import no_model, read

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from monitoring.watched import Cell, References, Watched
    from rarecall.maturity import Corrected

FIGURES = "sli.json"
"""What a version held on its holdout, in the MLflow run that made it (`tasks.candidate`)."""


def watch(project: Project, *, version: int | None = None, as_of: datetime | None = None) -> dict[str, Any]:
    """Return the recall of each cohort in traffic and whether an alarm sounds, JSON-ready.

    Parameters
    ----------
    project : Project
    version : int, optional
        By default the champion of that moment.
    as_of : datetime, optional
        By default now: nothing that was written later is seen.

    Returns
    -------
    dict
        `project`, `version`, `as_of`, `answered`, `cells`, `findings`, `breaches` (how many of them), `maturity`,
        `references` (how many cohort values were registered with a recall).

    Raises
    ------
    DataError
        There is no model yet, or no champion.
    StoreError
        A store cannot be read.
    """
    from monitoring import watched
    from serving import registry

    client = registry.connect(project) if registry.exists(project) else None
    served = champion(project, client, as_of) if version is None else version
    known = references(client, project.name, served) if client else {}
    return _told(project, watched.watch(project, version=served, as_of=as_of, references=known), known)


def champion(project: Project, client: MlflowClient | None, as_of: datetime | None = None) -> int:
    """Return the version that was champion at a moment, by the ledger."""
    known = read(project, client) if client else None
    if known is None:
        raise no_model(project)
    moment = as_of or datetime.now(UTC)
    stood = [entry.payload["standing"]["champion"] for entry in known.entries if entry.at <= moment]
    found = stood[-1] if known.entries and stood else None if known.entries else known.standing.champion
    if found is None:
        raise DataError(
            f"{project.name} had no champion at {moment:%Y-%m-%dT%H:%MZ}; name a version with --version N, or make one "
            "champion with: rarecall promote"
        )
    return int(found)


def references(client: MlflowClient, model: str, version: int) -> References:
    """Return what a version held on its holdout, as hits and positives; nothing where its run did not keep it."""
    import mlflow

    from serving import registry

    registered = registry.version(client, model, str(version))
    if registered is None:
        raise DataError(f"MLflow has no version {version} of {model}; name one that rarecall status shows")
    run = registered.run_id
    if not run or all(one.path != FIGURES for one in client.list_artifacts(run)):
        return {}
    sli = mlflow.artifacts.load_dict(f"runs:/{run}/{FIGURES}")
    cells = {OVERALL: {"": sli}, **sli["by_cohort"]}
    return {
        cohort: {
            value: (round(one["minority_recall"] * one["positives"]), one["positives"])
            for value, one in values.items()
            if one["positives"]
        }
        for cohort, values in cells.items()
    }


def _told(project: Project, found: Watched, known: References) -> dict[str, Any]:
    return {
        "project": project.name,
        "version": found.version,
        "as_of": found.as_of.isoformat(),
        "answered": found.answered,
        "cells": [_cell(cell) for cell in found.cells],
        "findings": [one.as_dict() | {"fingerprint": one.fingerprint} for one in found.findings],
        "breaches": sum(one.breach for one in found.findings),
        "maturity": found.maturity,
        "references": sum(len(values) for values in known.values()),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "cohort": cell.cohort,
        "value": cell.value,
        "since": cell.since.isoformat(),
        "until": cell.until.isoformat(),
        "positives": cell.positives,
        "hits": cell.hits,
        "recall": _figure(cell.recall),
        "precision": _figure(cell.precision),
        "false_negative_rate": _missed(cell),
        "is_corrected": cell.is_corrected,
        "revised": cell.revised,
        "first_told": cell.first_told,
    }


def _figure(one: Corrected) -> dict[str, Any]:
    return {
        "value": one.value,
        "interval": list(one.interval),
        "known": one.known,
        "counted": one.counted,
        "young": one.young,
    }


def _missed(cell: Cell) -> dict[str, Any]:
    recall = cell.recall.value
    return {"value": None if recall is None else 1 - recall, "interval": list(cell.missed)}
