"""Online are the current real rows, each entity's latest, whatever happens between two materializations."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from published import project_in, publish
from redis import Redis

from feature_repo import definitions
from rarecall.errors import StoreError
from rarecall.intake.pseudonym import of_entity
from serving.features import FeatureReader
from tasks.feature_store import open_store
from tasks.forgotten import FORGOTTEN, key_name, secret_of
from tasks.ledger import open_project_ledger
from tasks.materialize import materialize as write

DATABASES = count(1)
BOTH = pytest.mark.parametrize("kind", ["sqlite", "redis"])
CUSTOMERS = list(range(6))
LATER = datetime(2026, 6, 1, tzinfo=UTC)


def day(number):
    return pd.Timestamp(2026, 1, number, tz="UTC").as_unit("us")


def table(*rows, **columns):
    """Rows of (customer, day, amount)."""
    customers, days, amounts = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "row_id": np.arange(len(rows)),
            "event_timestamp": [day(one) for one in days],
            "label": 0,
            "customer": customers,
            "amount": np.array(amounts, dtype=float),
            **columns,
        }
    )


def materialize(project, **options):
    """Return what is said of the one view."""
    found = write(project, **options)
    (view,) = found["views"]
    assert {name: view[name] for name in ("written", "older", "withdrawn")}.items() <= found.items()
    return view


def online(project):
    """Return the amount of each customer who is online."""
    reader = FeatureReader(open_store(project), ["cards_features:amount"])
    found = reader.read([{"customer": one} for one in CUSTOMERS])
    reader.close()
    return {one: found.rows["amount"][one] for one in CUSTOMERS if one not in found.unknown}


@pytest.fixture
def kind():
    return "sqlite"


@pytest.fixture
def project(tmp_path, request, kind):
    """A project with its online features in SQLite, or in a Redis database of its own."""
    if kind == "redis":
        url = request.getfixturevalue("redis_url").removesuffix("/0")
        return project_in(tmp_path, online=f"{url}/{next(DATABASES)}")
    return project_in(tmp_path)


@BOTH
def test_the_latest_row_of_each_entity_is_online_and_later_ones_follow(project, kind):
    publish(project, table((1, 1, 10), (1, 3, 30), (1, 2, 20), (2, 1, 11), (3, 9, 90)))
    first = materialize(project, until=day(2).to_pydatetime())
    assert (first["written"], first["how"], online(project)) == (2, "all", {1: 20.0, 2: 11.0})
    assert materialize(project, until=day(2).to_pydatetime())["how"] == "nothing"
    second = materialize(project)
    assert (second["written"], second["older"], second["how"]) == (2, 0, "newer")
    assert (second["first"], second["last"]) == (day(3).isoformat(), day(9).isoformat())
    assert online(project) == {1: 30.0, 2: 11.0, 3: 90.0}
    back = materialize(project, until=day(2).to_pydatetime())
    assert (back["how"], back["until"], online(project)[1]) == ("nothing", second["until"], 30.0)


@BOTH
def test_a_new_snapshot_writes_what_it_changed_and_withdraws_who_left(project, kind):
    """One entity as before, one with a later row, one corrected, one gone, one whose last row was taken back."""
    publish(project, table((1, 1, 10), (2, 1, 20), (3, 1, 30), (4, 1, 40), (5, 1, 50), (5, 2, 51)))
    materialize(project, until=LATER)
    publish(project, table((1, 1, 10), (2, 1, 20), (2, 2, 21), (3, 1, 33), (5, 1, 50)), "2")
    found = materialize(project, until=LATER)
    assert (found["how"], found["written"], found["older"], found["withdrawn"]) == ("changed", 3, 0, 2)
    assert online(project) == {1: 10.0, 2: 21.0, 3: 33.0, 5: 50.0}


@BOTH
def test_without_the_former_snapshot_the_store_itself_is_compared(project, kind):
    file = publish(project, table((1, 1, 10), (4, 1, 40), (5, 2, 51)))
    materialize(project, until=LATER)
    publish(project, table((1, 1, 10), (5, 1, 50)), "2")
    file.unlink()
    found = materialize(project, until=LATER)
    assert (found["how"], found["written"], found["withdrawn"]) == ("all", 2, 2)
    assert online(project) == {1: 10.0, 5: 50.0}


@BOTH
def test_who_was_forgotten_is_withdrawn_before_the_next_snapshot(project, kind):
    publish(project, table((1, 1, 10), (2, 1, 20)))
    materialize(project)
    secret = secret_of(project)
    name = of_entity({"customer": "2"}, secret)
    payload = {"columns": ["customer"], "pseudonym": name, "key": key_name(secret), "datasets": {}}
    open_project_ledger(project).append(FORGOTTEN, project.name, payload, who="ann", why="asked")
    assert (materialize(project)["withdrawn"], online(project)) == (1, {1: 10.0})
    assert (materialize(project, full=True)["withdrawn"], online(project)) == (0, {1: 10.0})


def test_a_row_of_a_file_that_was_added_is_online_though_its_event_is_old(project):
    """A folder of files, as an append leaves it: late rows come, and do not replace newer ones."""
    file = publish(project, table((1, 1, 10), (2, 5, 50)), folder=True)
    materialize(project, until=LATER)
    table((2, 3, 30), (3, 2, 20)).to_parquet(file.with_name("more.parquet"), index=False)
    found = materialize(project, until=LATER)
    assert (found["how"], found["written"], found["older"]) == ("newer", 1, 1)
    assert online(project) == {1: 10.0, 2: 50.0, 3: 20.0}


def test_a_later_correction_of_one_event_is_what_is_online(project):
    """Of two rows with one event time the one that was made later."""
    rows = table((1, 1, 12), (1, 1, 11), (2, 1, 20), created=[day(4), day(3), day(2)])
    publish(project, rows, created="created")
    materialize(project)
    assert online(project) == {1: 12.0, 2: 20.0}


def test_synthetic_rows_are_never_online(project):
    publish(project, table((1, 1, 10), (1, 2, 20), (2, 1, 30), is_synthetic=[False, True, True]))
    assert (materialize(project)["written"], online(project)) == (1, {1: 10.0})


def test_an_emptied_redis_is_filled_again(tmp_path, redis_url):
    url = f"{redis_url.removesuffix('/0')}/{next(DATABASES)}"
    project = project_in(tmp_path, online=url)
    publish(project, table((1, 1, 10)))
    materialize(project)
    with Redis.from_url(url) as client:
        client.flushdb()
    assert (materialize(project)["how"], online(project)) == ("all", {1: 10.0})


def test_a_feature_more_is_written_for_everyone(project):
    publish(project, table((1, 1, 10), (2, 1, 20)))
    materialize(project)
    publish(project, table((1, 1, 10), (2, 1, 20), city=["Oslo", None]), "2")
    assert materialize(project)["how"] == "all"
    reader = FeatureReader(open_store(project), ["cards_features:city"])
    assert reader.read([{"customer": 1}, {"customer": 2}]).rows["city"].tolist() == ["Oslo", None]
    reader.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from published import project_in
import tasks.feature_store
from tasks.materialize import materialize

tasks.feature_store.BATCH = 50
def end(done, total):
    if done >= int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
materialize(project_in(Path(sys.argv[1]), **({"online": sys.argv[2]} if sys.argv[2] else {})), progress=end)
"""


def test_the_views_that_models_read_are_online_each_with_its_columns(project):
    """The newest view is for people and for training; what serves reads the view of its model's version."""
    file = publish(project, table((1, 1, 10)))
    store = open_store(project)
    schema = pq.read_schema(file)
    keys, features = pa.schema([schema.field("customer")]), pa.schema([schema.field("amount")])
    view = definitions.feature_view(project.name, keys, features, file, {}, version="v1")
    store.apply([view, definitions.feature_service("cards_v1", view, ["amount"], {})])
    assert [one["view"] for one in write(project)["views"]] == ["cards_features_v1"]
    reader = FeatureReader(store, store.get_feature_service("cards_v1"))
    assert reader.read([{"customer": 1}]).rows["amount"].tolist() == [10.0]
    reader.close()


@BOTH
@pytest.mark.thorough
def test_a_killed_run_leaves_nothing_that_the_next_one_does_not_mend(tmp_path, project, kind):
    """Killed half way through the second snapshot, and a third one in which half of the entities are gone."""
    amounts = np.arange(200, dtype=float)
    publish(project, table(*((n, 1, amounts[n]) for n in range(200))))
    materialize(project)
    publish(project, table(*((n, 2, amounts[n] + 0.5) for n in range(200))), "2")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path, project.stores.online or "", "100"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "support")},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    publish(project, table(*((n, 1, amounts[n]) for n in range(100))), "3")
    found = materialize(project)
    assert found["how"] == "all"
    reader = FeatureReader(open_store(project), ["cards_features:amount"])
    read = reader.read([{"customer": n} for n in range(200)])
    reader.close()
    assert read.unknown == tuple(range(100, 200))
    assert read.rows["amount"][:100].tolist() == amounts[:100].tolist()


def test_two_runs_at_once_end_as_one(project):
    publish(project, table(*((n % 6, 1 + n % 20, n) for n in range(120))))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: materialize(project, until=LATER), range(2)))
    assert sorted(one["how"] for one in found) == ["all", "nothing"]
    assert len(online(project)) == 6


def test_a_project_without_features_says_what_to_run(project):
    with pytest.raises(StoreError, match="cards has no features yet; run: rarecall retrain"):
        materialize(project)


def test_a_redis_that_is_not_there_is_one_sentence_without_its_password(tmp_path):
    project = project_in(tmp_path, online="redis://:s3cret@127.0.0.1:1/0")
    publish(project, table((1, 1, 10)))
    with pytest.raises(StoreError, match=r"redis://\*\*\*@127\.0\.0\.1:1/0 does not do its part") as error:
        materialize(project)
    assert "s3cret" not in str(error.value)


def test_a_damaged_source_is_one_sentence(project):
    file = publish(project, table((1, 1, 10)))
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(StoreError, match=r"cannot be read: .*; run: rarecall retrain"):
        materialize(project)
    with suppress(StoreError):
        materialize(project)
    assert online(project) == {}


def test_a_damaged_online_store_is_one_sentence_and_is_filled_anew(project):
    publish(project, table((1, 1, 10)))
    file = Path(project.stores.home) / "feast" / "online.sqlite"
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"online\.sqlite is damaged: .*; remove it and run this again"):
        materialize(project)
    file.unlink()
    assert (materialize(project)["how"], online(project)) == ("all", {1: 10.0})
