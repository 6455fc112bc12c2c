"""Publish a snapshot's accepted rows to Feast: as the project's newest view, and as the view of their very columns.

The second one's name holds a digest of its columns, so a model that names it reads the columns it was trained on for as
long as deliveries bring them; see docs/features.md.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage

if TYPE_CHECKING:
    from feast import FeatureStore

CREATED = "created"


@stage
def publish_features(project: Project, verdict: Version) -> Plan:
    """Plan the views; what it leaves in the warehouse is the receipt, written after Feast has them."""
    from tasks.feature_store import registry_url

    accepted = verdict.file("accepted.parquet")

    def write(draft: Draft) -> None:
        from tasks.feature_store import applying

        with applying(project) as store:
            draft.facts.update(publish(store, project, accepted, {"verdict": verdict.key}))

    recipe = {"project": project.name, "registry": registry_url(project), "rows": str(accepted)}
    return Plan(kind="feature_views", recipe=recipe, inputs=(verdict,), write=write)


def publish(store: "FeatureStore", project: Project, accepted: Path, tags: dict[str, str]) -> dict[str, Any]:
    """Apply the newest view and the view of its version; views of earlier versions follow if their columns are there.

    For the holder of the registry: what is read of it here is written here.

    Returns
    -------
    dict
        `view`, its `version`, `keys`, `features`, and the `created` column or None.
    """
    from feature_repo import definitions

    schema = pq.read_schema(accepted).remove_metadata()
    keys = pa.schema([schema.field(name) for name in project.entity or ["row_id"]])
    known = {*keys.names, "row_id", "event_timestamp", "label", CREATED}
    features = pa.schema([field for field in schema if field.name not in known])
    created = CREATED if CREATED in schema.names else None
    version = definitions.view_version(keys, features)
    kept = {version: features} | _still_there(store, project.name, keys, features)
    store.apply(
        [
            *definitions.entities(project.name, keys),
            definitions.feature_view(project.name, keys, features, accepted, tags, created=created),
            *(
                definitions.feature_view(project.name, keys, some, accepted, tags, version=of, created=created)
                for of, some in kept.items()
            ),
        ]
    )
    return {
        "view": definitions.view_name(project.name, version),
        "version": version,
        "keys": keys.names,
        "features": features.names,
        "created": created,
    }


def _still_there(store: "FeatureStore", project: str, keys: pa.Schema, features: pa.Schema) -> dict[str, pa.Schema]:
    """Return the columns of earlier versions, by version, all of which these rows still bring in their types."""
    from feature_repo import definitions

    there: dict[str, pa.Schema] = {}
    for view in store.registry.list_feature_views(store.project):
        names = {field.name for field in view.features}
        if names <= set(features.names):
            some = pa.schema([field for field in features if field.name in names])
            version = definitions.view_version(keys, some)
            if view.name == definitions.view_name(project, version):
                there[version] = some
    return there
