"""Publish a snapshot's accepted rows to Feast as the project's feature view."""

import pyarrow as pa
import pyarrow.parquet as pq

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def publish_features(project: Project, verdict: Version) -> Plan:
    """Plan the view; what it leaves in the warehouse is the receipt, written after Feast has it."""
    from tasks.feature_store import registry_url

    accepted = verdict.file("accepted.parquet")

    def write(draft: Draft) -> None:
        from feature_repo import definitions
        from tasks.feature_store import open_store

        schema = pq.read_schema(accepted).remove_metadata()
        keys = pa.schema([schema.field(name) for name in project.entity or ["row_id"]])
        known = {*keys.names, "row_id", "event_timestamp", "label"}
        features = pa.schema([field for field in schema if field.name not in known])
        tags = {"snapshot": verdict.key}
        view = definitions.feature_view(project.name, keys, features, accepted, tags)
        open_store(project).apply([*definitions.entities(project.name, keys), view])
        draft.facts.update(view=view.name, keys=keys.names, features=features.names)

    recipe = {"project": project.name, "registry": registry_url(project), "rows": str(accepted)}
    return Plan(kind="feature_views", recipe=recipe, inputs=(verdict,), write=write)
