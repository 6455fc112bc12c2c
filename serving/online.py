"""What both online stores of ours hold beside Feast's interface: the newest event of an entity, whoever writes when.

Feast's SQLite store lets an older event replace a newer one, and its Redis store reads before it writes, so that two
writers can pass each other; it also drops a correction that has the event's own time. Here the store itself decides,
in one step, by the moment of the event and then by that of its creation.
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import pyarrow as pa
from feast import Entity, FeatureView, ValueType
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import RepeatedValue, Value
from feast.repo_config import RepoConfig

EVENT = "_event_us"
CREATED = "_created_us"
"""Columns of a batch that say when a row was true and when it was made, in microseconds since 1970 in UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NAME = 8  # bytes that name a list of features
_FIELDS = {
    ValueType.INT64: "int64_val",
    ValueType.INT32: "int32_val",
    ValueType.DOUBLE: "double_val",
    ValueType.FLOAT: "float_val",
    ValueType.STRING: "string_val",
    ValueType.BOOL: "bool_val",
}

_NOTHING = Value()

Rows = Sequence[tuple[EntityKey, dict[str, Value], datetime, datetime | None]]
"""As Feast hands them to an online store: whose, what, when it was true, when it was made."""


class Stamp(NamedTuple):
    """When a row was true and when it was made, in microseconds since 1970; what was not said to be made counts as 0.

    >>> Stamp.of(datetime(1970, 1, 1, 0, 0, 1), None)
    Stamp(event=1000000, created=0)
    """

    event: int
    created: int

    @classmethod
    def of(cls, event: datetime, created: datetime | None) -> "Stamp":
        """Return the stamp of two moments; one without a zone is in UTC, as Feast has it."""
        return cls(_microseconds(event), 0 if created is None else _microseconds(created))

    @property
    def moment(self) -> datetime:
        """Return when the row was true, in UTC."""
        return _EPOCH + self.event * _MICROSECOND


class NewestOnlineStore(OnlineStore):
    """An online store in which an older event never replaces a newer one.

    All features of an entity are one value, where Feast's own stores have a value a feature: it is written and read in
    a fraction of the time, and never half new.
    """

    def __init__(self) -> None:
        self._names: dict[bytes, list[str]] = {}

    @abstractmethod
    def write_newest(self, config: RepoConfig, table: FeatureView, data: Rows) -> int:
        """Write the rows that are not older than what is there, and return how many these were."""

    @abstractmethod
    def withdraw(self, config: RepoConfig, table: FeatureView, keys: Sequence[EntityKey]) -> int:
        """Remove entities, and return how many were there."""

    @abstractmethod
    def held(self, config: RepoConfig, table: FeatureView) -> Iterator[tuple[EntityKey, Stamp]]:
        """Yield every entity of a view with its stamp, in no order."""

    @abstractmethod
    def mark(self, config: RepoConfig, table: FeatureView) -> dict[str, Any] | None:
        """Return what was last said of a view by `set_mark`; it is lost with the rows that it is about, never alone."""

    @abstractmethod
    def set_mark(self, config: RepoConfig, table: FeatureView, mark: dict[str, Any]) -> None:
        """Say how far a view has been materialized."""

    @abstractmethod
    def remove(self, config: RepoConfig, table: FeatureView) -> None:
        """Remove all that is there of a view."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; the next call opens another."""

    def online_write_batch(
        self, config: RepoConfig, table: FeatureView, data: Rows, progress: Callable[[int], Any] | None
    ) -> None:
        """Write as Feast's `push`, `write_to_online_store` and `materialize` do, by the same rule."""
        self.write_newest(config, table, data)
        if progress:
            progress(len(data))

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],  # noqa: ARG002 - a view's place is made when it is first asked for
        entities_to_delete: Sequence[Entity],  # noqa: ARG002 - Feast's interface
        entities_to_keep: Sequence[Entity],  # noqa: ARG002 - Feast's interface
        partial: bool,  # noqa: ARG002 - Feast's interface
    ) -> None:
        """Remove the views that Feast has removed."""
        for table in tables_to_delete:
            self.remove(config, table)

    def teardown(
        self,
        config: RepoConfig,
        tables: Sequence[FeatureView],
        entities: Sequence[Entity],  # noqa: ARG002 - Feast's interface
    ) -> None:
        """Remove every view."""
        for table in tables:
            self.remove(config, table)

    def _is_versioned_read_supported(self) -> bool:
        return True  # a version of a view has a name of its own, as in Feast's stores


def key_of(entity: EntityKey, config: RepoConfig) -> bytes:
    """Return the bytes that stand for an entity."""
    return bytes(serialize_entity_key(entity, config.entity_key_serialization_version))


def packed(values: dict[str, Value]) -> tuple[bytes, bytes]:
    """Return what names a row's list of features, and the row itself, which begins with it."""
    name = sha256(names_text(values).encode()).digest()[:_NAME]
    return name, name + RepeatedValue(val=values.values()).SerializeToString()


def names_text(values: dict[str, Value]) -> str:
    """Return a row's list of features as it is kept, once for all rows that have it."""
    return json.dumps(list(values))


def unpacked(row: bytes, names: list[str]) -> dict[str, Value]:
    """Return the features that `packed` put into a row."""
    return dict(zip(names, RepeatedValue.FromString(row[_NAME:]).val, strict=True))


def name_of(row: bytes) -> bytes:
    """Return what names the list of features of a packed row."""
    return row[:_NAME]


def rows_of(batch: pa.RecordBatch, view: FeatureView) -> list[tuple[EntityKey, dict[str, Value], datetime, datetime]]:
    """Return a batch of a view's rows as Feast's online stores take them; a missing value is a `Value` without one.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        The view's join keys and features, `EVENT` and `CREATED`.
    view : FeatureView
    """
    keys = keys_of(batch, view)
    names = [field.name for field in view.features]
    columns = [_values(batch.column(field.name), field.dtype.to_value_type()) for field in view.features]
    features = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    events, made = (
        [_EPOCH + number * _MICROSECOND for number in batch.column(name).to_pylist()] for name in (EVENT, CREATED)
    )
    return list(zip(keys, features, events, made, strict=True))


def keys_of(batch: pa.RecordBatch, view: FeatureView) -> list[EntityKey]:
    """Return whom each row of a batch is about."""
    columns = [_values(batch.column(field.name), field.dtype.to_value_type()) for field in view.entity_columns]
    names = [field.name for field in view.entity_columns]
    return [EntityKey(join_keys=names, entity_values=row) for row in zip(*columns, strict=True)]


def _values(column: pa.Array, kind: ValueType) -> list[Value]:
    field = _FIELDS[kind]
    if pa.types.is_floating(column.type):
        return [_NOTHING if value is None else Value(**{field: value}) for value in column.to_pylist()]
    coded = column.dictionary_encode()  # texts and whole numbers repeat, and a message may stand in many rows
    known = [Value(**{field: value}) for value in coded.dictionary.to_pylist()]
    return [_NOTHING if code is None else known[code] for code in coded.indices.to_pylist()]


def _microseconds(moment: datetime) -> int:
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // _MICROSECOND
