"""The reference report: how the holdout differs from what the model was trained on, drawn by Evidently."""

from pathlib import Path
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset


def write(
    train: pd.DataFrame, holdout: pd.DataFrame, kinds: dict[str, str], file: Path, *, rows: int, seed: int
) -> dict[str, Any]:
    """Write Evidently's drift page and return what it found.

    Parameters
    ----------
    train, holdout : DataFrame
        Real rows only: a synthetic row in a reference would hide drift towards it.
    kinds : dict of str to str
        The features and their kinds.
    file : Path
        The HTML page, self-contained.
    rows : int
        At most this many of each are read: the preset takes minutes on a million.
    seed : int
        Of the sample.

    Returns
    -------
    dict
        `drifted` (the columns that drifted, most first, with Evidently's score) and `columns` (how many were compared).
    """
    # A column that is wholly missing on one side has no distribution to compare.
    columns = {name: kind for name, kind in kinds.items() if train[name].notna().any() and holdout[name].notna().any()}
    definition = DataDefinition(
        numerical_columns=[name for name, kind in columns.items() if kind == "numeric"],
        categorical_columns=[name for name, kind in columns.items() if kind == "categorical"],
    )
    reference, current = (
        Dataset.from_pandas(_sample(part[list(columns)], rows, seed), data_definition=definition)
        for part in (train, holdout)
    )
    snapshot = Report([DataDriftPreset(columns=list(columns))]).run(current, reference)
    snapshot.save_html(str(file))
    return {"columns": len(columns), "drifted": _drifted(snapshot.dict())}


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
