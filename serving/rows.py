"""Many rows of one request, sent row by row or column by column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rarecall.errors import brief
from serving.columns import Columns
from serving.fault import MOST, Fault, RefusedError
from serving.request import column, entity_of, row, table

_BY_COLUMN = {"entities", "features"}


class Rows:
    """Rows as objects: `{"rows": [{"entity": …, "features": {…}}, …]}`."""

    def __init__(self, features: list[Any], at: str = "rows.{}.entity") -> None:
        self._features = features
        self._at = at

    def fill(self, places: Sequence[int], features: Sequence[dict[str, Any]]) -> None:
        """Take the features of rows that came without any."""
        for place, one in zip(places, features, strict=True):
            self._features[place] = one

    def cells(self, places: Sequence[int], columns: Columns, others: frozenset[str]) -> list[Any] | None:
        """Return the values of some rows as `request.table`."""
        return table([self._features[place] for place in places], columns, others)

    def row(self, place: int) -> dict[str, Any]:
        """Return one row's features."""
        found: dict[str, Any] = self._features[place]
        return found

    def column(self, name: str) -> list[Any]:
        """Return a column's values, None where a row has none."""
        return [one.get(name) for one in self._features]

    def entity_at(self, place: int) -> str:
        """Return the field of a row's entity."""
        return self._at.format(place)

    def feature_at(self, place: int, name: str, _: Columns) -> str:
        """Return the field of a row's feature."""
        return f"rows.{place}.features.{name}"


class Named:
    """Rows as columns: `{"entities": […], "features": {"amount": […], …}}`, each name once."""

    def __init__(self, features: dict[str, list[Any]], size: int) -> None:
        self._features = features
        self._size = size

    def cells(self, places: Sequence[int], columns: Columns, others: frozenset[str]) -> list[Any] | None:
        """Return the values of some rows as `request.table`."""
        if not self._features.keys() <= others.union(columns.names):
            return None
        is_whole = len(places) == self._size
        try:
            found = {name: self._features[name] for name in columns.names}
            return [
                column(name, values if is_whole else [values[place] for place in places], columns)
                for name, values in found.items()
            ]
        except (KeyError, ValueError, OverflowError):
            return None

    def row(self, place: int) -> dict[str, Any]:
        """Return one row's features."""
        return {name: values[place] for name, values in self._features.items()}

    def column(self, name: str) -> list[Any]:
        """Return a column's values, None where there is no such column."""
        return self._features.get(name) or [None] * self._size

    def entity_at(self, place: int) -> str:
        """Return the field of a row's entity."""
        return f"entities.{place}"

    def feature_at(self, place: int, name: str, columns: Columns) -> str:
        """Return the field of a row's feature; of a column that is missing or unknown only its name."""
        return f"features.{name}.{place}" if name in self._features and name in columns.names else f"features.{name}"


@dataclass(frozen=True)
class Asked:
    """Rows that are asked about.

    Attributes
    ----------
    entities : list of str
        One name for each row's keys; what the split and the log go by.
    keys : list of dict
        Of the rows in `lacking` their keys by column, as the online store takes them; else None.
    table : Rows or Named
    lacking : list of int
        Places of the rows whose features are to be read from the online store.
    """

    entities: list[str]
    keys: list[Any]
    table: Rows | Named
    lacking: list[int]


def asked_of(value: dict[str, Any], keys: list[str], most: int) -> Asked:
    """Return the rows of a body.

    Parameters
    ----------
    value : dict
        With `rows` or `entities`.
    keys : list of str
        The columns that name an entity.
    most : int
        Rows at once.

    Raises
    ------
    RefusedError
        413 where there are more, 422 where the shape is another.
    """
    return _by_row(value, keys, most) if "rows" in value else _by_column(value, keys, most)


def _by_row(value: dict[str, Any], keys: list[str], most: int) -> Asked:
    if extra := sorted(value.keys() - {"rows"}):
        raise RefusedError(422, Fault(brief(extra[0])[1:-1], "expected nothing beside rows"))
    sent = _list_of(value["rows"], "rows", most)
    found = _each(sent, lambda place, one: row(one, keys, f"rows.{place}."))
    lacking = [place for place, one in enumerate(found) if one.features is None]
    sought = [one.keys(keys) if one.features is None else None for one in found] if lacking else []
    return Asked([one.entity for one in found], sought, Rows([one.features for one in found]), lacking)


def _by_column(value: dict[str, Any], keys: list[str], most: int) -> Asked:
    if extra := sorted(value.keys() - _BY_COLUMN):
        raise RefusedError(422, Fault(brief(extra[0])[1:-1], "expected nothing beside entities and features"))
    sent = _list_of(value["entities"], "entities", most)
    entities = _each(sent, lambda place, one: entity_of(one, keys, f"entities.{place}"))
    features = value.get("features")
    if features is None:
        sought = [one if isinstance(one, dict) else {keys[0]: one} for one in sent]
        return Asked(entities, sought, Rows([None] * len(sent), at="entities.{}"), list(range(len(sent))))
    if not isinstance(features, dict):
        raise RefusedError(422, Fault("features", f"expected an object of columns, got {brief(features)}"))
    for name, values in features.items():
        if not isinstance(values, list) or len(values) != len(sent):
            got = f"{len(values)}" if isinstance(values, list) else brief(values)
            said = f"expected a list of {len(sent)} values, one for each entity, got {got}"
            raise RefusedError(422, Fault(f"features.{brief(name)[1:-1]}", said))
    return Asked(entities, [], Named(features, len(sent)), [])


def _list_of(value: Any, name: str, most: int) -> list[Any]:
    if not isinstance(value, list) or not value:
        got = "an empty list" if value == [] else brief(value)
        raise RefusedError(422, Fault(name, f"expected a list of {name}, got {got}"))
    if len(value) > most:
        raise RefusedError(413, Fault(name, f"expected at most {most} rows, got {len(value)}; send several requests"))
    return value


def _each(sent: list[Any], read: Callable[[int, Any], Any]) -> list[Any]:
    """Return what is read of each, or raise with the faults of all."""
    try:
        return [read(place, one) for place, one in enumerate(sent)]
    except RefusedError:
        faults: list[Fault] = []
    for place, one in enumerate(sent):
        try:
            read(place, one)
        except RefusedError as error:
            faults += error.faults
            if len(faults) >= MOST:
                break
    raise RefusedError(422, *faults)
