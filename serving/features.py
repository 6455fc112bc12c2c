"""Features of entities by their keys, as a model takes them: its columns in its order, typed as it was trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from feast import FeatureService, FeatureStore, FeatureView, ValueType
from feast.infra.online_stores.helpers import get_online_store_from_config
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from rarecall.errors import DataError, StoreError, nearest

_TEXT = "string_val"
_FIELDS = {ValueType.INT64: "int64_val", ValueType.DOUBLE: "double_val", ValueType.STRING: _TEXT}
_KEYS: dict[ValueType, Callable[[Any], Value]] = {
    ValueType.INT64: lambda value: Value(int64_val=value),
    ValueType.STRING: lambda value: Value(string_val=value),
}


@dataclass(frozen=True)
class Found:
    """What is online of the entities that were asked for.

    Attributes
    ----------
    rows : DataFrame of shape (n_entities, n_features)
        In the order asked; all missing where an entity is unknown.
    unknown : tuple of int
        Places of the entities that are not online.
    moments : tuple of datetime or None
        When each row was true; None where the entity is unknown.
    """

    rows: pd.DataFrame
    unknown: tuple[int, ...]
    moments: tuple[datetime | None, ...]


@dataclass(frozen=True)
class _Part:
    """What is asked of one view."""

    view: FeatureView
    names: list[str]
    keys: list[tuple[str, Callable[[Any], Value]]]


class FeatureReader:
    """Reads the features of one model; what it asks for is settled once, so that a read asks the online store only.

    Parameters
    ----------
    store : FeatureStore
    wanted : FeatureService, or sequence of str
        The model's features, each as `view:feature`, in its order.

    Raises
    ------
    DataError
        A view has no such feature.
    """

    def __init__(self, store: FeatureStore, wanted: FeatureService | Sequence[str]) -> None:
        self._config = store.config
        self._online = get_online_store_from_config(store.config.online_store)
        pairs = _pairs(wanted)
        self._parts = [_part(store, view, pairs) for view in dict.fromkeys(view for view, _ in pairs)]
        self.columns = [name for _, name in pairs]
        kinds = {field.name: field.dtype.to_value_type() for part in self._parts for field in part.view.features}
        self._fields = [(name, _FIELDS[kinds[name]]) for name in self.columns]
        self.keys = list(dict.fromkeys(key for part in self._parts for key, _ in part.keys))

    def read(self, entities: Sequence[Mapping[str, Any]]) -> Found:
        """Return the features of entities as they are online now.

        Parameters
        ----------
        entities : sequence of mapping
            Each entity's keys.

        Raises
        ------
        DataError
            An entity lacks a key, or has one of another type.
        StoreError
            The online store does not answer.
        """
        values: list[dict[str, Value]] = [{} for _ in entities]
        moments: list[datetime | None] = [None] * len(entities)
        for part in self._parts:
            keys = [_key(entity, part) for entity in entities]
            for place, (moment, features) in enumerate(self._ask(part, keys)):
                if moment is not None and features is not None:
                    values[place].update(features)
                    moments[place] = max(moment, moments[place] or moment)
        unknown = tuple(place for place, moment in enumerate(moments) if moment is None)
        return Found(_frame(values, self._fields), unknown, tuple(moments))

    def close(self) -> None:
        """Let go of the online store."""
        self._online.close()

    def _ask(self, part: _Part, keys: list[EntityKey]) -> list[tuple[datetime | None, dict[str, Value] | None]]:
        try:
            # Feast's own stores add to the list of names that they are given.
            return self._online.online_read(self._config, part.view, keys, list(part.names))
        except (OSError, *_failures()) as error:
            raise StoreError(f"the online store does not answer: {type(error).__name__}; see that it runs") from error


def _pairs(wanted: FeatureService | Sequence[str]) -> list[tuple[str, str]]:
    if isinstance(wanted, FeatureService):
        projections = wanted.feature_view_projections
        return [(projection.name, field.name) for projection in projections for field in projection.features]
    parted = [name.partition(":") for name in wanted]
    for view, colon, feature in parted:
        if not (view and colon and feature):
            raise DataError(f"expected features as view:feature, got {view + colon + feature!r}")
    return [(view, feature) for view, _, feature in parted]


def _part(store: FeatureStore, name: str, pairs: list[tuple[str, str]]) -> _Part:
    view = store.get_feature_view(name)
    names, has = [feature for of, feature in pairs if of == name], [field.name for field in view.features]
    for one in names:
        if one not in has:
            raise DataError(f"the view {name} has no feature {one!r}{nearest(one, has)}")
    return _Part(view, names, [(field.name, _KEYS[field.dtype.to_value_type()]) for field in view.entity_columns])


def _key(entity: Mapping[str, Any], part: _Part) -> EntityKey:
    try:
        return EntityKey(
            join_keys=[name for name, _ in part.keys],
            entity_values=[value_of(entity[name]) for name, value_of in part.keys],
        )
    except KeyError as error:
        raise DataError(f"expected a value of {error.args[0]!r} for each entity, got {', '.join(entity)}") from None
    except (TypeError, ValueError):
        wanted = " and ".join(name for name, _ in part.keys)
        raise DataError(f"{wanted}: expected the type that the table has, as in the training set") from None


def _frame(values: list[dict[str, Value]], fields: list[tuple[str, str]]) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for name, field in fields:
        cells = [_cell(row.get(name), field) for row in values]
        if field == _TEXT:
            columns[name] = np.array(cells, dtype=object)
        else:  # whole numbers stay what they are unless one is missing, as in the training set
            columns[name] = np.array([np.nan if cell is None else cell for cell in cells])
    return pd.DataFrame(columns, copy=False)


def _cell(value: Value | None, field: str) -> Any:
    return getattr(value, field) if value is not None and value.HasField(field) else None


def _failures() -> tuple[type[Exception], ...]:
    import sqlite3

    from redis.exceptions import RedisError

    return sqlite3.Error, RedisError
