"""The online store of a home: SQLite, a row an entity, which keeps the newest event under any number of writers."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from feast import FeatureView
from feast.infra.key_encoding_utils import deserialize_entity_key
from feast.infra.online_stores.helpers import compute_table_id
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from pydantic import StrictStr

from serving.online import NewestOnlineStore, Rows, Stamp, key_of, name_of, names_text, packed, unpacked

_WAIT = 60.0  # seconds for another writer's batch
_AT_ONCE = 500  # keys in one statement
_PREPARE = """
    PRAGMA journal_mode = WAL;    -- who serves reads on while a batch is written
    PRAGMA synchronous = NORMAL;  -- a power cut may cost the last batches, and then their mark too
    CREATE TABLE IF NOT EXISTS feature_names (name BLOB PRIMARY KEY, names TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS marks (view TEXT PRIMARY KEY, mark TEXT NOT NULL);
"""
_TABLE = """
    CREATE TABLE IF NOT EXISTS {view} (
        entity_key BLOB PRIMARY KEY, event_us INTEGER NOT NULL, created_us INTEGER NOT NULL, features BLOB NOT NULL
    )
"""
_WRITE = """
    INSERT INTO {view} (entity_key, event_us, created_us, features) VALUES (?, ?, ?, ?)
    ON CONFLICT (entity_key) DO UPDATE SET
        event_us = excluded.event_us, created_us = excluded.created_us, features = excluded.features
    WHERE (excluded.event_us, excluded.created_us) >= (event_us, created_us)
"""
_READ = "SELECT entity_key, event_us, created_us, features FROM {view} WHERE entity_key IN ({keys})"


class NewestSqliteOnlineStoreConfig(FeastConfigBaseModel):
    """Where the database is; Feast finds the store by the name of its type."""

    type: Literal["serving.online_sqlite.NewestSqliteOnlineStore"] = "serving.online_sqlite.NewestSqliteOnlineStore"
    path: StrictStr


class NewestSqliteOnlineStore(NewestOnlineStore):
    """One database file, one table a view."""

    def __init__(self) -> None:
        super().__init__()
        self._connection: sqlite3.Connection | None = None
        self._ready: set[str] = set()
        self._lock = Lock()  # one transaction at a time on this connection; SQLite's own lock is for other processes

    def write_newest(self, config: RepoConfig, table: FeatureView, data: Rows) -> int:
        """Write the rows that are not older than what is there, all or none, and return how many these were."""
        connection, view = self._open(config, table)
        lists: dict[bytes, str] = {}
        rows = []
        for entity, values, event, created in data:
            name, row = packed(values)
            if name not in lists:
                lists[name] = names_text(values)
            rows.append((key_of(entity, config), *Stamp.of(event, created), row))
        with self._transaction(connection):
            connection.executemany("INSERT OR IGNORE INTO feature_names VALUES (?, ?)", lists.items())
            before = connection.total_changes
            connection.executemany(_WRITE.format(view=view), rows)
            return connection.total_changes - before

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: Sequence[EntityKey],
        requested_features: list[str] | None = None,  # noqa: ARG002 - Feast picks what it asked for
    ) -> list[tuple[datetime | None, dict[str, Value] | None]]:
        """Return the moment and the features of each entity, or two Nones where there is none."""
        connection, view = self._open(config, table)
        keys = [key_of(entity, config) for entity in entity_keys]
        found: dict[bytes, tuple[datetime, dict[str, Value]]] = {}
        for first in range(0, len(keys), _AT_ONCE):
            some = keys[first : first + _AT_ONCE]
            statement = _READ.format(view=view, keys=",".join("?" * len(some)))
            for key, event, created, row in connection.execute(statement, some):
                found[key] = Stamp(event, created).moment, unpacked(row, self._list(connection, name_of(row)))
        return [found.get(key, (None, None)) for key in keys]

    def withdraw(self, config: RepoConfig, table: FeatureView, keys: Sequence[EntityKey]) -> int:
        """Remove entities, and return how many were there."""
        connection, view = self._open(config, table)
        with self._transaction(connection):
            before = connection.total_changes
            statement = f"DELETE FROM {view} WHERE entity_key = ?"
            connection.executemany(statement, ((key_of(key, config),) for key in keys))
            return connection.total_changes - before

    def held(self, config: RepoConfig, table: FeatureView) -> Iterator[tuple[EntityKey, Stamp]]:
        """Yield every entity of a view with its stamp, in no order."""
        connection, view = self._open(config, table)
        statement = f"SELECT entity_key, event_us, created_us FROM {view}"
        for key, event, created in connection.execute(statement):
            yield deserialize_entity_key(key, config.entity_key_serialization_version), Stamp(event, created)

    def mark(self, config: RepoConfig, table: FeatureView) -> dict[str, Any] | None:
        """Return what was last said of a view by `set_mark`."""
        connection, view = self._open(config, table)
        found = connection.execute("SELECT mark FROM marks WHERE view = ?", (view,)).fetchone()
        return json.loads(found[0]) if found else None

    def set_mark(self, config: RepoConfig, table: FeatureView, mark: dict[str, Any]) -> None:
        """Say how far a view has been materialized."""
        connection, view = self._open(config, table)
        with self._transaction(connection):
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (view, json.dumps(mark)))

    def remove(self, config: RepoConfig, table: FeatureView) -> None:
        """Remove all that is there of a view."""
        connection, view = self._open(config, table)
        with self._transaction(connection):
            connection.execute(f"DROP TABLE {view}")
            connection.execute("DELETE FROM marks WHERE view = ?", (view,))
        self._ready.discard(view)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._ready.clear()

    def _open(self, config: RepoConfig, table: FeatureView) -> tuple[sqlite3.Connection, str]:
        """Return the connection and the quoted name of a view's table, which is there from now on."""
        with self._lock:
            if self._connection is None:
                Path(config.online_store.path).parent.mkdir(parents=True, exist_ok=True)
                self._connection = sqlite3.connect(
                    config.online_store.path, timeout=_WAIT, isolation_level=None, check_same_thread=False
                )
                self._connection.executescript(_PREPARE)
            versioned = config.registry.enable_online_feature_view_versioning
            view = '"' + compute_table_id(config.project, table, versioned).replace('"', '""') + '"'
            if view not in self._ready:
                self._connection.execute(_TABLE.format(view=view))
                self._ready.add(view)
            return self._connection, view

    def _list(self, connection: sqlite3.Connection, name: bytes) -> list[str]:
        if name not in self._names:
            found = connection.execute("SELECT names FROM feature_names WHERE name = ?", (name,)).fetchone()
            self._names[name] = json.loads(found[0])
        return self._names[name]

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        with self._lock, connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
