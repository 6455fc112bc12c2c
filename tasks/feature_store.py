"""The project's Feast store: opened where its configuration says, described in a file that any Feast user can open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from rarecall.errors import StoreError, redacted
from rarecall.project import Project
from tasks.registry_lock import registry_lock

if TYPE_CHECKING:
    from feast import FeatureStore

BATCH = 2000
"""Rows that are written online at once: larger ones take longer a row, for Python then collects garbage more often."""


def registry_url(project: Project) -> str:
    """Return the SQLAlchemy URL of the registry: SQL, because Feast's file registry loses writes of two processes."""
    return project.stores.feast_registry or f"sqlite:///{_home(project) / 'registry.db'}"


def open_store(project: Project) -> FeatureStore:
    """Open the store, writing its `feature_store.yaml` first when it is not there or not the same.

    Raises
    ------
    StoreError
        Its registry is damaged, or cannot be reached.
    """
    from feast import FeatureStore  # seconds; a stage that only asks where the registry is does without

    home = _home(project)
    home.mkdir(parents=True, exist_ok=True)
    settings = {
        "project": project.name.replace("-", "_"),
        "provider": "local",
        "registry": {"registry_type": "sql", "path": registry_url(project), "cache_ttl_seconds": 5},
        # Feast's default store silently drops entity rows that share key and time; DuckDB keeps them.
        "offline_store": {"type": "duckdb"},
        "online_store": _online(project),
        "materialization": {"online_write_batch_size": BATCH},  # Feast's own would hold every row at once
        "entity_key_serialization_version": 3,
    }
    text = yaml.safe_dump(settings, sort_keys=False)
    file = home / "feature_store.yaml"
    with registry_lock(registry_url(project)):  # two that open a new store at once would both make its tables
        if not file.exists() or file.read_text() != text:
            aside = file.with_suffix(".partial")
            aside.touch(mode=0o600)  # a store's URL may hold a password
            aside.write_text(text)
            aside.replace(file)
        store = FeatureStore(fs_yaml_file=file)
        _check_registry(store, project)
    return store


@contextmanager
def applying(project: Project) -> Iterator[FeatureStore]:
    """Open the store and hold its registry, so that what is read of it and what is applied are one step.

    Raises
    ------
    StoreError
        The registry cannot be written, or another process does not let go of it.
    """
    import sqlalchemy as sa

    store = open_store(project)
    try:
        with registry_lock(registry_url(project)):
            yield store
    except sa.exc.SQLAlchemyError as error:
        said = redacted(str(getattr(error, "orig", None) or error).strip().splitlines()[0])
        raise StoreError(
            f"Feast's registry {redacted(registry_url(project))} could not be written: {said}; mend that and run again"
        ) from error
    finally:
        let_go(store)


def let_go(store: FeatureStore) -> None:
    """Close a store's connections to its registry, which Feast leaves to the garbage collector; it opens new ones."""
    for engine in {store.registry.write_engine, store.registry.read_engine}:
        engine.dispose()


def _online(project: Project) -> dict[str, str]:
    """Return the online store's settings: ours, because Feast's let an older event replace a newer one."""
    if url := project.stores.online:
        return {"type": "serving.online_redis.NewestRedisOnlineStore", "url": url}
    return {"type": "serving.online_sqlite.NewestSqliteOnlineStore", "path": str(_home(project) / "online.sqlite")}


def _check_registry(store: FeatureStore, project: Project) -> None:
    """Raise StoreError where the registry cannot be read; SQLite itself opens a file of which half is gone."""
    import sqlalchemy as sa

    url = sa.make_url(registry_url(project))
    try:
        damage = _sqlite_damage(Path(str(url.database))) if url.get_backend_name() == "sqlite" else None
        _ = damage or store.registry  # connects, and makes the tables of a new one
    except sa.exc.DatabaseError as error:
        said = redacted(str(error.orig).strip().splitlines()[0])
        where = redacted(registry_url(project))
        raise StoreError(f"Feast's registry {where} cannot be used: {said}; mend that and run again") from error
    if damage:
        shelves = Path(project.stores.home) / "warehouse"
        raise StoreError(
            f"Feast's registry {url.database} is damaged ({damage}): restore it from a copy of the home, or move it "
            f"aside together with {shelves / 'feature_views'} and {shelves / 'feast_datasets'}, which say what it had, "
            "and run again; every version is in the warehouse as it was"
        )


def _sqlite_damage(file: Path) -> str | None:
    """Return what SQLite finds wrong with a file; each page is read, which takes milliseconds for a registry."""
    if not file.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=60)) as opened:
            said = str(opened.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError:
        return None  # locked or out of reach: opening it will say so
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if said == "ok" else said.splitlines()[-1]


def _home(project: Project) -> Path:
    return Path(project.stores.home) / "feast"
