"""A model reads the columns it was trained on, whoever publishes what after it, and however many publish at once."""

import multiprocessing
import os
import signal
from contextlib import contextmanager

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa
from feature_writers import MOMENT, ROUNDS, SCHEMAS, accepted, hold, project_in, published, serve, spawned, write_some
from postgres import postgres

from feature_repo import definitions
from rarecall.errors import StoreError
from tasks.feature_store import let_go, open_store, registry_url
from tasks.registry_lock import registry_lock

WRITERS = 4


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def project(request, tmp_path):
    """A project whose registry is SQLite in its home, or an empty PostgreSQL schema."""
    if request.param == "sqlite":
        return project_in(tmp_path)
    url = request.getfixturevalue("server")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return project_in(tmp_path, feast_registry=url)


def read(project, service):
    """Return what a Feast user gets from a service, client 1 first."""
    spine = pd.DataFrame({"client": [1, 2], "event_timestamp": [MOMENT + pd.Timedelta("1d")] * 2})
    with opened(project) as store:
        rows = store.get_historical_features(entity_df=spine, features=store.get_feature_service(service)).to_df()
    return rows.sort_values("client").drop(columns=["client", "event_timestamp"]).to_dict("list")


@contextmanager
def opened(project):
    store = open_store(project)
    try:
        yield store
    finally:
        let_go(store)


def test_a_model_reads_its_columns_after_one_is_dropped_and_another_added(tmp_path):
    project = project_in(tmp_path)
    first = published(project, accepted(tmp_path, "one", amount=[1.0, 2.0], age=[30, 31]))
    serve(project, first, "card_pay_v1")
    second = published(project, accepted(tmp_path, "two", amount=[10.0, 20.0], city=["here", "there"]))
    serve(project, second, "card_pay_v2")
    assert first["version"] != second["version"]
    assert read(project, "card_pay_v1") == {"amount": [1.0, 2.0], "age": [30, 31]}
    assert read(project, "card_pay_v2") == {"amount": [10.0, 20.0], "city": ["here", "there"]}
    with opened(project) as store:
        newest = store.get_feature_view("card_pay_features")
    assert {field.name for field in newest.features} == {"amount", "city"}


def test_a_model_follows_new_rows_for_as_long_as_they_bring_its_columns(tmp_path):
    """A column that is added takes nothing from the model before it: its view moves on to the new delivery."""
    project = project_in(tmp_path)
    first = published(project, accepted(tmp_path, "one", amount=[1.0, 2.0]))
    serve(project, first, "card_pay_v1")
    published(project, accepted(tmp_path, "two", amount=[10.0, 20.0], city=["here", "there"]))
    assert read(project, "card_pay_v1") == {"amount": [10.0, 20.0]}
    published(project, accepted(tmp_path, "three", amount=["a", "b"]))
    assert read(project, "card_pay_v1") == {"amount": [10.0, 20.0]}, "a column of another type is another column"


def test_the_same_columns_are_the_same_version_in_every_order_and_home(tmp_path):
    keys = pa.schema([("client", pa.int64())])
    one = pa.schema([("amount", pa.float64()), ("age", pa.int64())])
    version = definitions.view_version(keys, one)
    assert version == definitions.view_version(keys, pa.schema(reversed(list(one))))
    assert version == definitions.view_version(keys, one.set(1, pa.field("age", pa.int32())))
    assert version != definitions.view_version(keys, one.set(1, pa.field("age", pa.string())))
    assert version != definitions.view_version(pa.schema([("client", pa.string())]), one)
    assert definitions.view_name("card-pay", version) == f"card_pay_features_{version}"


def test_a_delivery_that_comes_back_to_old_columns_comes_back_to_their_version(tmp_path):
    """Feast's own versions would count on: the third publication would be another version than the first."""
    project = project_in(tmp_path)
    files = [accepted(tmp_path, str(at), **columns) for at, columns in enumerate([{"a": [1, 2]}, {"b": [3, 4]}])]
    versions = [published(project, file)["version"] for file in (*files, files[0])]
    assert versions[0] == versions[2] != versions[1]


def test_concurrent_writers_lose_nothing(project, tmp_path):
    """Every service of every process is there, and as many versions of the view as there are schemas."""
    processes = [spawned(write_some, project, tmp_path, writer) for writer in range(WRITERS)]
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0] * WRITERS
    with opened(project) as store:
        services = {service.name: service for service in store.list_feature_services()}
        views = {view.name: {field.name for field in view.features} for view in store.list_feature_views()}
    assert set(services) == {f"by_{writer}_{at}" for writer in range(WRITERS) for at in range(ROUNDS)}
    newest = views.pop("card_pay_features")
    assert sorted(map(sorted, views.values())) == sorted(map(sorted, SCHEMAS))
    assert newest in views.values()
    for service in services.values():
        [projection] = service.feature_view_projections
        assert {field.name for field in projection.features} == views[projection.name]


def test_a_second_writer_waits_and_a_killed_one_lets_go(project):
    url = registry_url(project)
    told, tell = multiprocessing.Pipe(duplex=False)
    holder = spawned(hold, url, tell)
    assert told.recv() == "held"
    held = pytest.raises(StoreError, match=r"another process has been writing to Feast's registry .* for 0\.2 seconds")
    with held, registry_lock(url, wait=0.2):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    with registry_lock(url, wait=20):
        holder.join()
    assert holder.exitcode == -signal.SIGKILL


def test_a_database_without_such_a_lock_is_refused(tmp_path):
    refused = pytest.raises(StoreError, match="expected a SQLite or PostgreSQL URL, got mysql")
    with refused, registry_lock("mysql://host/x"):
        pass
