"""Register the candidate in MLflow: one version for one candidate, with tags that say where it comes from."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from rarecall.errors import StoreError
from rarecall.project import Project
from rarecall.standing import Standing
from rarecall.warehouse import Draft, Version
from tasks.aliases import read
from tasks.move import move
from tasks.stage import Plan, stage

if TYPE_CHECKING:
    from mlflow import MlflowClient


@stage
def register(
    project: Project,
    view: Version,
    dataset: Version,
    trained: Version,
    evaluation: Version,
    judged: Version,
    decision: Version,
    sketched: Version,
) -> Plan:
    """Plan the registration: the model version, what it reads from Feast, and its alias, in this order.

    The receipt is written last, so a killed run finds what it had begun and goes on; and whoever follows an alias finds
    the feature service that its version names.
    """
    from serving import registry

    def write(draft: Draft) -> None:
        from serving import model
        from tasks import candidate

        client = registry.connect(project)
        tags = candidate.tags(project, view, dataset, trained, evaluation, judged, decision)
        tags[candidate.SKETCH] = sketched.key
        example = example_of(dataset)
        served = model.load(trained.file(model.FILE))
        version = candidate.find_or_create(
            client, project, trained, served, example, tags, evaluation.facts["sli"], sketched
        )
        service = _serve(project, view, str(version.version), dataset, evaluation)
        client.set_model_version_tag(project.name, version.version, candidate.SERVICE, service)
        alias = _stand(project, str(version.version), decision) if decision.facts["alias"] else None
        draft.facts.update(model_name=project.name, model_version=str(version.version), alias=alias)
        draft.facts.update(feature_service=service)

    return Plan(
        kind="registrations",
        recipe={"registry": registry.uri(project), "model": project.name},
        inputs=(view, dataset, trained, evaluation, judged, decision, sketched),
        write=write,
    )


def _stand(project: Project, version: str, decision: Version) -> str | None:
    """Give a promoted candidate its alias, once: a run that is done again takes nothing back that came in between.

    The first is champion. Where somebody else became champion since the decision, the candidate was not compared with
    that one, so it is the challenger.
    """

    def change(now: Standing, client: "MlflowClient") -> Standing:
        known = read(project, client)
        done = known is not None and any(entry.payload.get("decided") == decision.key for entry in known.entries)
        return now if done else now.challenged(version)

    why = f"promoted: {decision.facts['reasons'][0]}"
    moved = move(project, change, action="retrain", who="retrain", why=why, decided=decision.key)
    return next((alias for alias, one in moved.after.aliases().items() if one == version), None)


def example_of(dataset: Version) -> pd.DataFrame:
    """Return one row that is nobody's: of each column the median of the real training rows, or its commonest category.

    MLflow keeps an example beside the model, where whoever may load the model can read it.
    """
    features = dataset.facts["features"]
    rows = pd.read_parquet(dataset.file("train.parquet"), columns=[*features, "is_synthetic"])
    real = rows[~rows["is_synthetic"]]
    typical = {name: _typical(real[name].dropna(), kind) for name, kind in features.items()}
    return pd.DataFrame([typical], columns=list(features))


def _typical(values: "pd.Series[Any]", kind: str) -> Any:
    if values.empty:
        return float("nan") if kind == "numeric" else None
    return values.median() if kind == "numeric" else values.mode().iloc[0]


def _serve(project: Project, view: Version, model_version: str, dataset: Version, evaluation: Version) -> str:
    """Apply the feature service of a model version and return its name."""
    from feast.errors import FeatureViewNotFoundException

    from feature_repo import definitions
    from tasks.feature_store import applying

    name = definitions.service_name(project.name, model_version)
    tags = {
        "model_version": model_version,
        "dataset_version": dataset.key,
        "snapshot": evaluation.facts["snapshot"],
        "feature_view": view.facts["view"],
        "feature_view_version": view.facts["version"],
    }
    with applying(project) as store:
        try:
            read = store.get_feature_view(view.facts["view"])
        except FeatureViewNotFoundException as error:
            raise StoreError(
                f"Feast's registry has no view {view.facts['view']}, though it was published; restore the registry "
                f"from a copy of the home, or remove {view.path} and run again"
            ) from error
        store.apply([definitions.feature_service(name, read, list(dataset.facts["features"]), tags)])
    return name
