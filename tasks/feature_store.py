"""The project's Feast store: opened where its configuration says, described in a file that any Feast user can open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from rarecall.project import Project

if TYPE_CHECKING:
    from feast import FeatureStore


def registry_url(project: Project) -> str:
    """Return the SQLAlchemy URL of the registry: SQL, because Feast's file registry loses writes of two processes."""
    return project.stores.feast_registry or f"sqlite:///{_home(project) / 'registry.db'}"


def open_store(project: Project) -> FeatureStore:
    """Open the store, writing its `feature_store.yaml` first when it is not there or not the same."""
    from feast import FeatureStore  # seconds; a stage that only asks where the registry is does without

    home = _home(project)
    home.mkdir(parents=True, exist_ok=True)
    settings = {
        "project": project.name.replace("-", "_"),
        "provider": "local",
        "registry": {"registry_type": "sql", "path": registry_url(project), "cache_ttl_seconds": 5},
        # Feast's default store silently drops entity rows that share key and time; DuckDB keeps them.
        "offline_store": {"type": "duckdb"},
        "online_store": {"type": "sqlite", "path": str(home / "online.db")},
        "entity_key_serialization_version": 3,
    }
    text = yaml.safe_dump(settings, sort_keys=False)
    file = home / "feature_store.yaml"
    if not file.exists() or file.read_text() != text:
        aside = file.with_suffix(".partial")
        aside.write_text(text)
        aside.replace(file)
    return FeatureStore(fs_yaml_file=file)


def _home(project: Project) -> Path:
    return Path(project.stores.home) / "feast"
