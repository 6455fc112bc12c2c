"""Register the candidate in MLflow: one version for one candidate, with tags that say where it comes from."""

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def register(
    project: Project, dataset: Version, trained: Version, evaluation: Version, judged: Version, decision: Version
) -> Plan:
    """Plan the registration; the receipt is written last, so a killed run finds what it had begun and goes on."""
    from serving import registry

    def write(draft: Draft) -> None:
        from serving import model
        from tasks import candidate

        client = registry.connect(project)
        tags = candidate.tags(project, dataset, trained, evaluation, judged, decision)
        example = pd.read_parquet(dataset.file("holdout.parquet"))[list(dataset.facts["features"])].head(5)
        served = model.load(trained.file(model.FILE))
        version = candidate.find_or_create(client, project, trained, served, example, tags, evaluation.facts["sli"])
        alias = decision.facts["alias"]
        if alias:
            client.set_registered_model_alias(project.name, alias, version.version)
        draft.facts.update(model_name=project.name, model_version=str(version.version), alias=alias)

    return Plan(
        kind="registrations",
        recipe={"registry": registry.uri(project), "model": project.name},
        inputs=(dataset, trained, evaluation, judged, decision),
        write=write,
    )
