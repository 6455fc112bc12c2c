"""How rows differ from what the model was trained on, drawn by Evidently for people to read."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Where Evidently keeps a report beside earlier ones, for `evidently ui --workspace FOLDER`.

    Attributes
    ----------
    folder : Path
        The workspace.
    project : str
        The project within it, made where there is none.
    run : str
        The report's name there; one that is there already is kept.
    """

    folder: Path
    project: str
    run: str


def write(
    train: pd.DataFrame,
    current: pd.DataFrame,
    kinds: dict[str, str],
    file: Path,
    *,
    rows: int,
    seed: int,
    workspace: Workspace | None = None,
) -> dict[str, Any]:
    """Write Evidently's drift page and return what it found.

    Parameters
    ----------
    train, current : DataFrame
        Real rows only: a synthetic row in a reference would hide drift towards it.
    kinds : dict of str to str
        The features and their kinds.
    file : Path
        The HTML page, self-contained.
    rows : int
        At most this many of each are read: the preset takes minutes on a million.
    seed : int
        Of the sample.
    workspace : Workspace, optional
        Where the report is kept besides.

    Returns
    -------
    dict
        `drifted` (the columns that drifted, most first, with Evidently's score) and `columns` (how many were compared).
    """
    # A column that is wholly missing on one side has no distribution to compare.
    columns = {name: kind for name, kind in kinds.items() if train[name].notna().any() and current[name].notna().any()}
    definition = DataDefinition(
        numerical_columns=[name for name, kind in columns.items() if kind == "numeric"],
        categorical_columns=[name for name, kind in columns.items() if kind == "categorical"],
    )
    before, now = (
        Dataset.from_pandas(_sample(part[list(columns)], rows, seed), data_definition=definition)
        for part in (train, current)
    )
    snapshot = Report([DataDriftPreset(columns=list(columns))]).run(now, before)
    snapshot.save_html(str(file))
    if workspace is not None:
        _keep(snapshot, workspace)
    return {"columns": len(columns), "drifted": _drifted(snapshot.dict())}


def _keep(snapshot: Any, asked: Workspace) -> None:
    from evidently.sdk.models import ProjectModel
    from evidently.ui.workspace import Workspace as Opened

    kept = Opened.create(str(asked.folder))
    # The project's id follows from its name, so that two processes at once make the same one.
    place = uuid.uuid5(uuid.NAMESPACE_URL, f"rarecall:{asked.project}")
    known = next((one for one in kept.search_project(asked.project) if one.id == place), None)
    if known is None:
        known = kept.add_project(ProjectModel(id=place, name=asked.project))
    kept.add_run(known.id, snapshot, name=asked.run)


def _sample(part: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    sample = part if len(part) <= rows else part.sample(rows, random_state=seed)
    return sample.reset_index(drop=True)


def _drifted(found: dict[str, Any]) -> list[dict[str, Any]]:
    metrics = [metric for metric in found["metrics"] if metric["config"]["type"].endswith(":ValueDrift")]
    drifted = [
        {"column": config["column"], "method": config["method"], "score": round(float(metric["value"]), 6)}
        for metric in metrics
        if _is_drift(float(metric["value"]), config := metric["config"])
    ]
    return sorted(drifted, key=lambda one: (one["method"], -one["score"], one["column"]))


def _is_drift(score: float, config: dict[str, Any]) -> bool:
    # Evidently tests small samples by p-value (small is drift) and large ones by distance (large is drift).
    return score < config["threshold"] if "p_value" in config["method"] else score >= config["threshold"]
