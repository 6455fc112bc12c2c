"""Export: the one way in which synthetic rows leave the warehouse, with what an attacker would make of them beside."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from rarecall import digest
from rarecall.errors import DataError, StoreError, nearest
from rarecall.project import Project
from rarecall.warehouse import Version
from tasks import runs
from tasks.forget import withheld
from tasks.inspect import attacked
from tasks.ledger import open_project_ledger
from tasks.shelf import warehouse

EXPORTED = "synthetic.exported"
LINEAGE = ("row_id", "event_timestamp", "parent_id", "neighbor_id", "step")
"""What ties a synthetic row to its parents; its moment is that of the younger one."""

_RISK = (
    "rows_at_risk",
    "reconstruction_recall",
    "recall_interval",
    "reconstruction_precision",
    "precision_interval",
    "distinguishing_auc",
    "real_rows",
    "synthetic_rows",
    "complete",
)


def export(
    project: Project,
    file: Path,
    *,
    dataset: str | None = None,
    lineage: bool = False,
    overwrite: bool = False,
    who: str,
    why: str,
) -> dict[str, Any]:
    """Write the synthetic rows of a dataset version to a file, and into the ledger who took them, why and at what risk.

    Parameters
    ----------
    project : Project
        Must say `privacy.export: true`.
    file : Path
        `.parquet` or `.csv`.
    dataset : str, optional
        A dataset version or the beginning of one; by default that of the last run.
    lineage : bool
        Also what ties each row to its parents.
    overwrite : bool
        Replace the file where it exists.
    who, why : str

    Returns
    -------
    dict
        `dataset_version`, `file`, `sha256`, `columns`, `rows`, `withheld` (rows that descend from a forgotten entity
        stay here), `risk` (what the attack on the whole dataset version found) and `entry`, the ledger's number.

    Raises
    ------
    DataError
        The project does not allow it, the file is not one to write, or there is no such version or no synthetic row.
    StoreError
        The warehouse's files are not what was written, or the file cannot be written.
    """
    if not project.privacy.export:
        raise DataError(
            "privacy.export: expected true before synthetic rows may leave the warehouse, got false; they can tell of "
            f"the real rows they were made of, so set it in the project file of {project.name} when that may be"
        )
    _check(file, project, overwrite=overwrite)
    version = _find(project, dataset)
    warehouse(project).verify(version)
    train = pd.read_parquet(version.file("train.parquet"))
    made = train[train["is_synthetic"]]
    leaves = made[~made["row_id"].isin(withheld(project, version.key))]
    if leaves.empty:
        raise DataError(f"dataset version {version.key} has no synthetic row that may leave; choose another: --dataset")
    risk = _risk(project, version, train)
    rows = leaves[[*(LINEAGE if lineage else ()), *version.facts["features"]]].assign(
        **{project.label.column: project.label.positive}
    )
    found: dict[str, Any] = {
        "dataset_version": version.key,
        "columns": list(rows.columns),
        "rows": len(rows),
        "withheld": len(made) - len(leaves),
        "risk": risk,
    }
    aside = file.with_name(f".partial-{file.name}")
    try:
        rows.to_csv(aside, index=False) if file.suffix == ".csv" else rows.to_parquet(aside, index=False)
        found["sha256"] = digest.of_file(aside)
        # Into the ledger first: a file that nobody knows of would be worse than an entry without its file.
        payload = found | {"file": file.name}
        entry = open_project_ledger(project).append(EXPORTED, project.name, payload, who=who, why=why)
        aside.replace(file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}; give another --output") from error
    finally:
        aside.unlink(missing_ok=True)
    return {"project": project.name, "file": str(file), **found, "entry": entry.number}


def _check(file: Path, project: Project, *, overwrite: bool) -> None:
    if file.suffix not in {".parquet", ".csv"}:
        raise DataError(f"--output: expected a file that ends in .parquet or .csv, got {file.name!r}; rename it")
    if not file.parent.is_dir():
        raise DataError(f"--output: expected a file in a folder that is there, got {file}; make {file.parent} first")
    if file.resolve().is_relative_to(Path(project.stores.home).resolve()):
        raise DataError(f"--output: expected a file outside the home {project.stores.home}, got {file}; give another")
    if file.is_dir():
        raise DataError(f"--output: expected a file, got the folder {file}; give a name in it")
    if file.exists() and not overwrite:
        raise DataError(f"{file} exists; give another --output, or --overwrite to replace it")


def _find(project: Project, dataset: str | None) -> Version:
    """Return a dataset version that this project made, by the beginning of its key, or that of the last run."""
    shelf = warehouse(project)
    if dataset is None:
        records = runs.folders(project)
        if not records:
            raise StoreError(f"{project.name} has no run yet in {project.stores.home}; make one with: rarecall retrain")
        dataset = str(json.loads((records[-1] / runs.RECORD).read_text())["dataset_version"])
    published = (one.facts["name"].rpartition("_") for one in shelf.versions("feast_datasets"))
    ours = [key for name, _, key in published if name == project.name]
    hits = sorted({key for key in ours if key.startswith(dataset)}) if dataset else []
    found = shelf.find("datasets", hits[0]) if len(hits) == 1 else None
    if not found:
        why = f"{len(hits)} that begin so" if len(hits) > 1 else f"none{nearest(dataset, ours)}"
        raise DataError(f"expected one dataset version of {project.name} named {dataset!r}, got {why}")
    return found


def _risk(project: Project, dataset: Version, train: pd.DataFrame) -> dict[str, Any]:
    """Return what the attacks found: as the run inspected it, or by running them now."""
    inspected = [
        one.facts["privacy"]
        for one in warehouse(project).versions("inspections")
        if one.facts["dataset"] == dataset.key and one.facts.get("privacy")
    ]
    # As a run's facts hold them: through JSON, where a tuple is a list.
    facts = inspected[-1] if inspected else json.loads(json.dumps(attacked(project, dataset, train).facts()))
    return {name: facts[name] for name in _RISK} | {"inspected": bool(inspected)}
