"""Publish a dataset version to Feast, where any Feast user can retrieve it by name."""

import pandas as pd
import pyarrow.parquet as pq

from rarecall import digest
from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage, warehouse


@stage
def publish_dataset(project: Project, dataset: Version) -> Plan:
    """Plan the registration as a saved dataset; the receipt is written after Feast has it."""
    from tasks.feature_store import registry_url

    train = dataset.file("train.parquet")

    def write(draft: Draft) -> None:
        from feature_repo import definitions
        from tasks.feature_store import open_store

        warehouse(project).verify(dataset)
        moments = pd.read_parquet(train, columns=["event_timestamp"])["event_timestamp"]
        columns = [name for name in pq.read_schema(train).names if name not in {"row_id", "event_timestamp"}]
        tags = {
            "content_sha256": digest.of_file(train),
            "sampler": dataset.facts["sampler"],
            "synthetic_rows": str(dataset.facts["synthetic_rows"]),
            "synthetic_share": f"{dataset.facts['synthetic_share']:.6f}",
        }
        name = f"{project.name}_{dataset.key}"
        span = (moments.min().to_pydatetime(), moments.max().to_pydatetime())
        store = open_store(project)
        store.registry.apply_saved_dataset(
            definitions.saved_dataset(name, columns, train, span, tags), store.project, commit=True
        )
        draft.facts.update(name=name, columns=columns, tags=tags)

    recipe = {"project": project.name, "registry": registry_url(project), "rows": str(train)}
    return Plan(kind="feast_datasets", recipe=recipe, inputs=(dataset,), write=write)
