"""Both online stores keep the newest event of each entity, whatever the order and whoever else writes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from feast import Entity, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.online_stores.helpers import get_online_store_from_config
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float64
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis_server import redis_server

from serving.online import Stamp

START = datetime(2026, 1, 1, tzinfo=UTC)
VIEWS = count()
STORES = ["sqlite", "redis"]
events = st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 2))  # whose, when true, when made


def config(folder, url=None):
    online = {"type": "serving.online_sqlite.NewestSqliteOnlineStore", "path": str(folder / "online.sqlite")}
    if url:
        online = {"type": "serving.online_redis.NewestRedisOnlineStore", "url": url}
    return RepoConfig(
        project="cards",
        provider="local",
        registry=str(folder / "registry.db"),
        online_store=online,
        entity_key_serialization_version=3,
    )


def a_view(*features):
    owner = Entity(name="owner", join_keys=["customer"], value_type=ValueType.INT64)
    source = FileSource(name="rows", path="rows.parquet", timestamp_field="event_timestamp")
    schema = [Field(name=name, dtype=Float64) for name in features or ("spent",)]
    return FeatureView(name=f"view{next(VIEWS)}", entities=[owner], schema=schema, source=source)


def key(customer):
    return EntityKey(join_keys=["customer"], entity_values=[Value(int64_val=customer)])


def row(customer, event, made, spent):
    """A row true `event` microseconds after the start: Feast's own SQLite store would see them as one second."""
    moments = [START + timedelta(microseconds=number) for number in (event, made)]
    return key(customer), {"spent": Value(double_val=spent)}, *moments


@pytest.fixture(params=STORES)
def place(request, tmp_path):
    """A store of each kind with its configuration."""
    settings = config(tmp_path, request.getfixturevalue("redis_url") if request.param == "redis" else None)
    store = get_online_store_from_config(settings.online_store)
    yield store, settings
    store.close()


def spent(place, view, customers):
    store, settings = place
    found = store.online_read(settings, view, [key(one) for one in customers])
    return {one: features and features["spent"].double_val for one, (_, features) in zip(customers, found, strict=True)}


@given(st.lists(st.lists(events, max_size=6), max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_writes_ends_with_the_newest(place, batches):
    """By the event first and by its making then; of two of one stamp the one written last."""
    store, settings = place
    view, numbers, expected = a_view(), count(1), {}
    for batch in batches:
        rows = [row(*event, next(numbers)) for event in batch]
        store.online_write_batch(settings, view, rows, None)
        for customer, values, event, made in rows:
            whose = customer.entity_values[0].int64_val
            if whose not in expected or (event, made) >= expected[whose][:2]:
                expected[whose] = event, made, values["spent"].double_val
    assert spent(place, view, [0, 1, 2]) == {
        whose: expected[whose][2] if whose in expected else None for whose in range(3)
    }
    assert {one.entity_values[0].int64_val: stamp for one, stamp in store.held(settings, view)} == {
        whose: Stamp.of(event, made) for whose, (event, made, _) in expected.items()
    }


def test_two_writers_at_once_leave_the_newest(place):
    """Each with a connection of its own, one going forward in time and one back."""
    store, settings = place
    view, moments = a_view(), range(40)
    store.online_write_batch(settings, view, [], None)

    def write(order):
        own = get_online_store_from_config(settings.online_store)
        for moment in order:
            own.online_write_batch(settings, view, [row(who, moment, 0, moment) for who in range(20)], None)
        own.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [moments, reversed(moments)]))
    assert spent(place, view, range(20)) == dict.fromkeys(range(20), 39.0)


def test_what_was_written_is_counted(place):
    store, settings = place
    view = a_view()
    assert store.write_newest(settings, view, [row(1, 5, 0, 1.0), row(2, 5, 0, 1.0)]) == 2
    assert store.write_newest(settings, view, [row(1, 4, 9, 2.0), row(2, 5, 1, 2.0), row(3, 0, 0, 2.0)]) == 2
    assert spent(place, view, [1, 2, 3]) == {1: 1.0, 2: 2.0, 3: 2.0}


def test_a_row_read_has_the_event_to_the_microsecond(place):
    store, settings = place
    view = a_view()
    store.write_newest(settings, view, [row(1, 7, 0, 1.0)])
    assert store.online_read(settings, view, [key(1)])[0][0] == START + timedelta(microseconds=7)


def test_an_entity_that_is_withdrawn_is_gone_and_may_come_back(place):
    store, settings = place
    view = a_view()
    store.write_newest(settings, view, [row(1, 5, 0, 1.0), row(2, 5, 0, 1.0)])
    assert store.withdraw(settings, view, [key(1), key(3)]) == 1
    assert spent(place, view, [1, 2]) == {1: None, 2: 1.0}
    assert store.write_newest(settings, view, [row(1, 2, 0, 3.0)]) == 1


def test_views_of_one_entity_do_not_touch_each_other(place):
    store, settings = place
    one, other = a_view(), a_view()
    store.write_newest(settings, one, [row(1, 5, 0, 1.0)])
    store.write_newest(settings, other, [row(1, 4, 0, 2.0)])
    store.set_mark(settings, one, {"until": "now"})
    store.remove(settings, one)
    assert (spent(place, one, [1]), spent(place, other, [1])) == ({1: None}, {1: 2.0})
    assert (store.mark(settings, one), list(store.held(settings, one))) == (None, [])


def test_rows_of_two_lists_of_features_stand_beside_each_other(place):
    """A view that has got a feature more: what was written before has its own names still."""
    store, settings = place
    view = a_view("spent", "visits")
    store.write_newest(settings, view, [row(1, 0, 0, 1.0)])
    whole = {"visits": Value(double_val=3.0), "spent": Value(double_val=2.0)}
    store.write_newest(settings, view, [(key(2), whole, START, None)])
    fresh = get_online_store_from_config(settings.online_store)
    (_, first), (_, second) = fresh.online_read(settings, view, [key(1), key(2)])
    fresh.close()
    assert (set(first), {name: value.double_val for name, value in second.items()}) == (
        {"spent"},
        {"visits": 3.0, "spent": 2.0},
    )


def test_a_password_opens_redis_and_stands_in_no_text(tmp_path):
    with redis_server(tmp_path, password="a,b=c") as url:  # noqa: S106 - of a server that ends with the test
        settings = config(tmp_path, url)
        store, view = get_online_store_from_config(settings.online_store), a_view()
        store.write_newest(settings, view, [row(1, 0, 0, 1.0)])
        assert spent((store, settings), view, [1]) == {1: 1.0}
        assert "a,b=c" not in repr(settings.online_store)
        store.close()
