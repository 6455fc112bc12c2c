"""A candidate in MLflow: its tags, and the one run and version that stand for it however often it is tried."""

import importlib.metadata
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature

import rarecall
from rarecall.cohort_threshold import TRUSTED
from rarecall.drift import sketch
from rarecall.learners.known import versions
from rarecall.project import Project
from rarecall.training import CALIBRATED_TYPES, TRUSTED_TYPES
from rarecall.warehouse import Version
from serving import registry
from tasks import measured
from tasks.commit import commit

CANDIDATE = "rarecall.candidate"
SERVICE = "rarecall.feature_service"
SKETCH = "rarecall.sketch"
_MOST_COHORTS = 40  # in a tag, noisiest first: MLflow cuts at 8,000 characters; all stand in the run's record
_NEEDED = ("skops", "pandas", "numpy")  # to load the model, beside its learner's; rarecall is not among them


def tags(
    project: Project,
    view: Version,
    dataset: Version,
    trained: Version,
    evaluation: Version,
    judged: Version,
    decision: Version,
) -> dict[str, str]:
    """Return the version's tags: everything an auditor asks of a served model, as text."""
    sli = {name: value for name, value in evaluation.facts["sli"].items() if isinstance(value, int | float)}
    values = {
        CANDIDATE: decision.key,
        "rarecall.engine": rarecall.__version__,
        "rarecall.git": commit(Path.cwd()),
        "rarecall.dataset_version": dataset.key,
        "rarecall.snapshot": evaluation.facts["snapshot"],
        "rarecall.feature_view": view.facts["view"],
        "rarecall.feature_view_version": view.facts["version"],
        "rarecall.synthetic_rows": dataset.facts["synthetic_rows"],
        "rarecall.synthetic_share": round(dataset.facts["synthetic_share"], 6),
        "rarecall.sampler": dataset.facts["sampler"],
        **{f"rarecall.sampler.{name}": value for name, value in dataset.facts["parameters"].items()},
        "rarecall.seed": project.seed,
        **_noise(judged.facts),
        "rarecall.learner": trained.facts["learner"],
        "rarecall.calibration": trained.facts["calibration"]["method"],
        "rarecall.threshold": trained.facts["threshold"],
        "rarecall.threshold.aim": trained.facts["threshold_policy"]["aim"],
        **_by_cohort(trained.facts["threshold_policy"]["by"]),
        **{f"rarecall.sli.{name}": round(value, 6) for name, value in sli.items()},
        "rarecall.decision": decision.facts["verdict"],
        "rarecall.decision.reasons": "; ".join(decision.facts["reasons"]),
    }
    return {name: str(value) for name, value in values.items()}


def _by_cohort(found: dict[str, Any] | None) -> dict[str, str]:
    """Return the values' own thresholds as JSON; nothing where one threshold is everybody's."""
    own = [(value[:60], one["threshold"]) for value, one in (found or {}).items() if one["own"]]
    shown = dict(own[:_MOST_COHORTS])  # all stand in the run's record
    return {"rarecall.threshold.by_cohort": json.dumps(shown, ensure_ascii=False)} if found else {}


def _noise(found: dict[str, Any]) -> dict[str, Any]:
    """Return the label-noise rate overall, by class and by cohort; the last two as JSON of [rate, low, high]."""
    cells = [(f"{cohort} {value}", c) for cohort, values in found["by_cohort"].items() for value, c in values.items()]
    cells.sort(key=lambda cell: -cell[1]["low"])
    return {
        "rarecall.label_noise_rate": round(found["noise_rate"], 6),
        "rarecall.label_noise_rate.low": round(found["low"], 6),
        "rarecall.label_noise_rate.high": round(found["high"], 6),
        "rarecall.label_noise_rate.by_class": _bounds(found["by_class"].items()),
        "rarecall.label_noise_rate.by_cohort": _bounds(cells[:_MOST_COHORTS]),
    }


def _bounds(parts: Iterable[tuple[str, dict[str, Any]]]) -> str:
    found = {name[:60]: [round(part[key], 4) for key in ("rate", "low", "high")] for name, part in parts}
    return json.dumps(found, ensure_ascii=False)


def find_or_create(
    client: MlflowClient,
    project: Project,
    trained: Version,
    served: Any,
    example: pd.DataFrame,
    tags: dict[str, str],
    sli: dict[str, Any],
    sketched: Version,
) -> ModelVersion:
    """Return the candidate's version, created with all its tags at once when it is not there."""
    name = project.name
    _ensure_model(client, name)
    if known := client.search_model_versions(f"name = '{name}' and tag.`{CANDIDATE}` = '{tags[CANDIDATE]}'"):
        return known[0]
    experiment = _experiment(client, project)
    begun = client.search_runs([experiment], f"tags.`{CANDIDATE}` = '{tags[CANDIDATE]}'", max_results=1)
    with mlflow.start_run(
        run_id=begun[0].info.run_id if begun else None,
        experiment_id=experiment,
        run_name=None if begun else tags["rarecall.dataset_version"],
        tags=tags,
    ) as run:
        mlflow.log_metrics({key: float(value) for key, value in sli.items() if isinstance(value, int | float)})
        mlflow.log_metrics(measured.as_metrics(measured.of(project, trained)))
        mlflow.log_dict(sli, "sli.json")
        mlflow.log_artifact(str(sketched.file(sketch.FILE)))
        by_cohort = trained.facts["threshold_policy"]["by"]
        others = (*_NEEDED, "rarecall") if by_cohort else _NEEDED
        needed = versions([trained.facts["learner"]]) | {one: importlib.metadata.version(one) for one in others}
        features = example.astype(dict.fromkeys(example.select_dtypes("number"), "float64"))
        logged = mlflow.sklearn.log_model(
            served,
            name="model",
            serialization_format="skops",
            skops_trusted_types=[
                *TRUSTED_TYPES[trained.facts["learner"]],
                *CALIBRATED_TYPES[trained.facts["calibration"]["method"]],
                *(TRUSTED if by_cohort else ()),
            ],
            signature=infer_signature(features, served.predict_proba(features)),
            input_example=features,
            pip_requirements=[f"{package}=={version}" for package, version in needed.items()],
            pyfunc_predict_fn="predict_proba",
        )
    return client.create_model_version(
        name, source=logged.model_uri, run_id=run.info.run_id, model_id=logged.model_id, tags=tags
    )


def _ensure_model(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name, description="Registered by rarecall; every version's tags say why.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _experiment(client: MlflowClient, project: Project) -> str:
    if known := client.get_experiment_by_name(project.name):
        return str(known.experiment_id)
    # An MLflow server decides for itself where artifacts go.
    artifacts = None if project.stores.mlflow else str(registry.folder(project) / "artifacts")
    return str(client.create_experiment(project.name, artifact_location=artifacts))
