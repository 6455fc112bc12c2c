"""Publish a dataset version to Feast, where any Feast user can retrieve it by name."""

import json

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.augment import LINEAGE
from tasks.shelf import warehouse
from tasks.stage import Plan, stage


@stage
def publish_dataset(project: Project, dataset: Version) -> Plan:
    """Plan the registration as a saved dataset; the receipt is written after Feast has it."""
    from tasks.feature_store import registry_url

    train = dataset.file("train.parquet")

    def write(draft: Draft) -> None:
        from feature_repo import definitions
        from tasks.feature_store import applying

        warehouse(project).verify(dataset)
        moments = pd.read_parquet(train, columns=["event_timestamp"])["event_timestamp"]
        columns = [name for name, _ in dataset.facts["schema"] if name not in {"row_id", "event_timestamp"}]
        name, told = f"{project.name}_{dataset.key}", tags(project, dataset)
        span = (moments.min().to_pydatetime(), moments.max().to_pydatetime())
        saved = definitions.saved_dataset(name, columns, train, span, told)
        with applying(project) as store:
            store.registry.apply_saved_dataset(saved, store.project, commit=True)
        draft.facts.update(name=name, columns=columns, tags=told)

    recipe = {"project": project.name, "registry": registry_url(project), "rows": str(train)}
    return Plan(kind="feast_datasets", recipe=recipe, inputs=(dataset,), write=write)


def tags(project: Project, dataset: Version) -> dict[str, str]:
    """Return what a Feast user is told of a dataset version: what its manifest says, as texts; values by JSON."""
    shelf = warehouse(project)
    facts, files, made_by = dataset.facts, shelf.files(dataset), shelf.recipe(dataset)
    lineage = files.get(LINEAGE)
    return {
        "version": dataset.key,
        "digest": facts["digest"],
        "content_sha256": files["train.parquet"]["sha256"],
        "lineage_sha256": lineage["sha256"] if lineage else "",
        "engine": made_by["engine"],
        "parents": _json(made_by["inputs"]),
        "recipe": _json(made_by["recipe"]),
        "sampler": facts["sampler"],
        "sampler_parameters": _json(facts["parameters"]),
        "synthetic_rows": str(facts["synthetic_rows"]),
        "synthetic_share": f"{facts['synthetic_share']:.6f}",
        "counts": _json(facts["counts"]),
        "schema": _json(facts["schema"]),
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
