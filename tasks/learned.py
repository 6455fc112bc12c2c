"""Which registered models learned from a dataset version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rarecall.project import Project


def learned_from(project: Project, datasets: Sequence[str]) -> list[dict[str, Any]]:
    """Return the registered versions that were trained on the datasets, of any model of the registry."""
    from serving import registry  # MLflow takes seconds to import, and a home may have no model

    if not datasets or not (registry.folder(project).exists() or project.stores.mlflow):
        return []
    client = registry.connect(project)
    found = [
        one
        for dataset in datasets
        for one in client.search_model_versions(f"tag.`rarecall.dataset_version` = '{dataset}'")
    ]
    return [
        {
            "name": one.name,
            "version": str(one.version),
            # The listing does not carry aliases; only asking for one version does.
            "aliases": registry.aliases(client, one.name, str(one.version)),
            "dataset_version": one.tags["rarecall.dataset_version"],
        }
        for one in sorted(found, key=lambda one: (one.name, int(one.version)))
    ]
