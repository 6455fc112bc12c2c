"""The online store on Redis, a key an entity, which keeps the newest event under any number of writers."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from feast import FeatureView
from feast.infra.key_encoding_utils import deserialize_entity_key
from feast.infra.online_stores.helpers import compute_table_id
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from pydantic import Field, StrictStr
from redis import Redis

from rarecall.errors import StoreError
from serving.online import NewestOnlineStore, Rows, Stamp, key_of, name_of, names_text, packed, unpacked

_AT_ONCE = 1000  # keys in one round trip
_CONNECT, _ANSWER = 5, 60  # seconds; the URL's own parameters win
_PREFIX = b"rarecall:"
_GLOB = re.compile(rb"([*?\[\]\\^])")
_STAMP = 40  # two moments in digits of one width, so that texts compare as moments do
_FROM_1970 = 2**62  # added so that a moment before 1970 sorts as well

# Redis runs a script as one step. What is not there is an empty text, which is less than any.
_WRITE = f"""
if redis.call('GETRANGE', KEYS[1], 0, {_STAMP - 1}) > string.sub(ARGV[1], 1, {_STAMP}) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""


class NewestRedisOnlineStoreConfig(FeastConfigBaseModel):
    """Which Redis; Feast finds the store by the name of its type."""

    type: Literal["serving.online_redis.NewestRedisOnlineStore"] = "serving.online_redis.NewestRedisOnlineStore"
    url: StrictStr = Field(repr=False)


class NewestRedisOnlineStore(NewestOnlineStore):
    """A key an entity and view: its stamp, then its features."""

    def __init__(self) -> None:
        super().__init__()
        self._client: Redis | None = None

    def write_newest(self, config: RepoConfig, table: FeatureView, data: Rows) -> int:
        """Write the rows that are not older than what is there, each as a whole, and return how many these were."""
        client, view = self._open(config), _view(config, table)
        write, lists = client.register_script(_WRITE), set()
        with client.pipeline(transaction=False) as pipe:
            for entity, values, event, created in data:
                name, row = packed(values)
                if name not in lists:
                    lists.add(name)
                    client.set(_names_key(name), names_text(values))
                write(
                    keys=[view + key_of(entity, config)], args=[_written(Stamp.of(event, created)) + row], client=pipe
                )
            return sum(pipe.execute())

    async def online_write_batch_async(
        self, config: RepoConfig, table: FeatureView, data: Rows, progress: Callable[[int], Any] | None
    ) -> None:
        """Write as `online_write_batch` does."""
        self.online_write_batch(config, table, data, progress)

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: Sequence[EntityKey],
        requested_features: list[str] | None = None,  # noqa: ARG002 - Feast picks what it asked for
    ) -> list[tuple[datetime | None, dict[str, Value] | None]]:
        """Return the moment and the features of each entity, or two Nones where there is none."""
        if not entity_keys:
            return []
        client, view = self._open(config), _view(config, table)
        found = client.mget([view + key_of(entity, config) for entity in entity_keys])
        return [(None, None) if text is None else self._features(client, text) for text in found]

    def withdraw(self, config: RepoConfig, table: FeatureView, keys: Sequence[EntityKey]) -> int:
        """Remove entities, and return how many were there."""
        view = _view(config, table)
        return self._open(config).delete(*(view + key_of(key, config) for key in keys)) if keys else 0

    def held(self, config: RepoConfig, table: FeatureView) -> Iterator[tuple[EntityKey, Stamp]]:
        """Yield every entity of a view with its stamp; one may come twice, as Redis scans."""
        client, view = self._open(config), _view(config, table)
        keys = client.scan_iter(match=_GLOB.sub(rb"\\\1", view) + b"*", count=_AT_ONCE)
        while some := list(islice(keys, _AT_ONCE)):
            with client.pipeline(transaction=False) as pipe:
                for key in some:
                    pipe.getrange(key, 0, _STAMP - 1)
                stamps = pipe.execute()
            for key, stamp in zip(some, stamps, strict=True):
                if stamp:
                    entity = key.removeprefix(view)
                    yield deserialize_entity_key(entity, config.entity_key_serialization_version), _read(stamp)

    def mark(self, config: RepoConfig, table: FeatureView) -> dict[str, Any] | None:
        """Return what was last said of a view by `set_mark`."""
        found = self._open(config).get(_mark_key(config, table))
        return json.loads(found) if found else None

    def set_mark(self, config: RepoConfig, table: FeatureView, mark: dict[str, Any]) -> None:
        """Say how far a view has been materialized."""
        self._open(config).set(_mark_key(config, table), json.dumps(mark))

    def remove(self, config: RepoConfig, table: FeatureView) -> None:
        """Remove all that is there of a view."""
        held = (key for key, _ in self.held(config, table))
        while some := list(islice(held, _AT_ONCE)):
            self.withdraw(config, table, some)
        self._open(config).delete(_mark_key(config, table))

    def close(self) -> None:
        """Close the connections; the next call opens others."""
        if self._client is not None:
            self._client.close()
        self._client = None

    def _open(self, config: RepoConfig) -> Redis:
        if self._client is None:
            waits = {"socket_connect_timeout": _CONNECT, "socket_timeout": _ANSWER}
            self._client = Redis.from_url(config.online_store.url, **waits)
        return self._client

    def _features(self, client: Redis, text: bytes) -> tuple[datetime, dict[str, Value]]:
        row = text[_STAMP:]
        if (name := name_of(row)) not in self._names:
            names = client.get(_names_key(name))
            if names is None:
                raise StoreError(
                    "Redis holds features and not what they are called, so keys were removed from it by something "
                    "else; run: rarecall materialize --full, and let Redis evict nothing (maxmemory-policy noeviction)"
                )
            self._names[name] = json.loads(names)
        return _read(text).moment, unpacked(row, self._names[name])


def _view(config: RepoConfig, table: FeatureView) -> bytes:
    versioned = config.registry.enable_online_feature_view_versioning
    return _PREFIX + b"row:" + compute_table_id(config.project, table, versioned).encode() + b":"


def _mark_key(config: RepoConfig, table: FeatureView) -> bytes:
    return _PREFIX + b"mark:" + _view(config, table)


def _names_key(name: bytes) -> bytes:
    return _PREFIX + b"names:" + name


def _written(stamp: Stamp) -> bytes:
    return b"%020d%020d" % (stamp.event + _FROM_1970, stamp.created + _FROM_1970)


def _read(text: bytes) -> Stamp:
    return Stamp(int(text[:20]) - _FROM_1970, int(text[20:_STAMP]) - _FROM_1970)
