"""Inspect a dataset version before anything learns from it: how like real rows its synthetic ones are."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

import pandas as pd

from rarecall.errors import DataError
from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks import runs
from tasks.shelf import warehouse
from tasks.stage import Plan, stage

if TYPE_CHECKING:
    from rarecall.privacy import AttackResult

AT_RISK = "rows_at_risk.parquet"

ATTACKED = 500
"""Real rows attacked at most: their share has an interval of 0.04 to either side, and four times as many take eight
times as long."""


@stage
def inspect(project: Project, training_set: Version, dataset: Version) -> Plan:
    """Plan the inspection, beside that of the dataset version before; without synthetic rows there is little to do.

    A version that breaks the suite after augmentation ends the run: nothing learns from it.
    """
    previous = _previous(project, dataset)

    def write(draft: Draft) -> None:
        train = pd.read_parquet(dataset.file("train.parquet"))
        holdout = pd.read_parquet(dataset.file("holdout.parquet"))
        found: dict[str, Any] = {"fidelity": None, "privacy": None, "figures": {}, "previous": None}
        found["expectations"] = _checked(project, training_set, dataset, train, holdout)
        if dataset.facts["synthetic_rows"]:
            found |= _measured(project, dataset, train, holdout) | {"previous": _kept(previous)}
            if project.privacy.attack:
                at_risk, recall, found["privacy"] = _rebuilt(project, dataset, train)
                at_risk.to_parquet(draft.folder / AT_RISK, index=False)
                found["figures"]["reconstruction_recall"] = recall
        draft.facts.update(found, project=project.name, dataset=dataset.key)

    recipe = {
        "project": project.name,
        "fidelity": project.fidelity.model_dump(mode="json"),
        "privacy": project.privacy.model_dump(mode="json", include={"attack", "time_limit"}),
        "gates": project.gates.model_dump(
            mode="json", include={"confidence", "synthetic_share_min", "synthetic_share_max"}
        ),
        "expectations": project.expectations.model_dump(mode="json", include={"rules"}),
        "seed": project.seed,
        "scikit-learn": importlib.metadata.version("scikit-learn"),
    }
    inputs = (training_set, dataset, previous) if previous else (training_set, dataset)
    return Plan(kind="inspections", recipe=recipe, inputs=inputs, write=write)


def _checked(
    project: Project, training_set: Version, dataset: Version, train: pd.DataFrame, holdout: pd.DataFrame
) -> int:
    """Run the suite after augmentation and return how many expectations hold; DataError where one does not."""
    from expectations.dataset import check_dataset

    verdict = check_dataset(
        train,
        pd.read_parquet(dataset.file("validation.parquet")),
        holdout,
        pd.read_parquet(training_set.file("rows.parquet")),
        project,
        dataset.facts["features"],
        (dataset.facts.get("target") or {}).get("of"),
        sampler=dataset.facts["sampler"] if dataset.facts["synthetic_rows"] else "adasyn",
    )
    if refusal := verdict.refusal():
        raise DataError(refusal)
    return verdict.expectations


def _measured(project: Project, dataset: Version, train: pd.DataFrame, holdout: pd.DataFrame) -> dict[str, Any]:
    from rarecall import fidelity

    measured = fidelity.measure(
        train,
        holdout,
        dataset.facts["features"],
        rows=project.fidelity.rows,
        folds=project.fidelity.folds,
        confidence=project.gates.confidence,
        random_state=project.seed,
    )
    return {"figures": measured.pop("figures"), "fidelity": measured}


def attacked(project: Project, dataset: Version, train: pd.DataFrame) -> AttackResult:
    """Return what the attack reads off the synthetic rows of a dataset version; `at_risk` counts its rare real rows."""
    from rarecall.privacy import attack

    kinds, made = dataset.facts["features"], train["is_synthetic"]
    return attack(
        train.loc[~made & (train["label"] == 1), list(kinds)],
        train.loc[made, list(kinds)],
        random_state=project.seed,
        kinds=kinds,
        max_rows=ATTACKED,
        time_limit=project.privacy.time_limit,
    )


def _rebuilt(
    project: Project, dataset: Version, train: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Return the ids of the real rows that the attack rebuilt, its recall as a figure, and all it found."""
    result = attacked(project, dataset, train)
    rare = train.loc[~train["is_synthetic"] & (train["label"] == 1), ["row_id"]]
    low, high = result.recall_interval
    recall = {"value": result.reconstruction_recall, "low": low, "high": high, "rows": result.real_rows[0]}
    return rare.iloc[list(result.at_risk)], recall, result.facts()


def _previous(project: Project, dataset: Version) -> Version | None:
    """Return the inspection of the last run before the one that first came to this dataset version.

    Later ones do not count: what a version was compared with must not change when an older one is inspected again. The
    runs' records say so, and no folder's time, which a copy of the home does not keep.
    """
    before: list[str] = []
    for record in runs.records(project):
        if record["dataset_version"] == dataset.key:
            break
        before.append(record.get("inspection_version", ""))  # records of 0.2.0 do not name it
    found = (warehouse(project).find("inspections", key) for key in reversed(before) if key)
    return next((version for version in found if version and version.facts["fidelity"]), None)


def _kept(previous: Version | None) -> dict[str, Any] | None:
    if previous is None:
        return None
    around = previous.facts["fidelity"]["surroundings"]
    return {"dataset": previous.facts["dataset"], "nearest": around["nearest"], "to_parent": around["to_parent"]}
