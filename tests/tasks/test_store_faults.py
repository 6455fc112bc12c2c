"""Killed, raced, cut off, full: no version is lost, none is half there, and the last good one still reads."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from places import Place, placed
from published import CUSTOMERS, customers, project_in
from published import publish as publish_view

from rarecall.errors import StoreError
from rarecall.project import Project, load
from rarecall.tables.table import DELIVERIES, Table
from rarecall.warehouse import Warehouse
from serving.features import FeatureReader
from tasks.append import append, deliveries
from tasks.feature_store import open_store
from tasks.materialize import materialize

pytestmark = pytest.mark.filterwarnings("ignore:Retrieving datasets is an experimental feature:RuntimeWarning")

ROWS = 50  # of a delivery

APPEND = """
import sys
from pathlib import Path
import pyarrow as pa
from rarecall.tables.table import DELIVERIES, Table
from rarecall.warehouse import Warehouse
table = Table(Warehouse(Path(sys.argv[1])), "deliveries")
start, first, count = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
rows = [pa.table({"x": range(at * 50, at * 50 + 50)}) for at in range(first, first + count)]
print("ready", flush=True)
while not start.exists():
    pass
for one in rows:
    print(table.append(one).number, flush=True)
"""

PUBLISH = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import feast, feast.infra.registry.sql
import pandas as pd
from rarecall.project import load
from tasks.append import append
place = Path(sys.argv[1])
project, source = load(place, {}), pd.read_csv(place / "payments.csv.gz")
def work(first, count, say):
    for at in range(first, first + count):
        file = place / f"delivery-{at}.parquet"
        source.iloc[at * 50 : at * 50 + 50].to_parquet(file, index=False)
        say(append(project, str(file))["delivered_as"])
"""

MATERIALIZE = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import feast, feast.infra.registry.sql
from published import customers, project_in, publish
import tasks.feature_store
from tasks.materialize import materialize
tasks.feature_store.BATCH = 100
project = project_in(Path(sys.argv[1]))
def work(first, count, say):
    for at in range(first, first + count):
        rows = customers(at)
        publish(project, rows, str(at))
        materialize(project, until=rows["event_timestamp"].max().to_pydatetime())
        say(at)
"""

IN_FORKS = """
import os, signal, time
print("ready", flush=True)
for line in sys.stdin:
    first, count, after = line.split()
    child = os.fork()
    if not child:
        with open(Path(sys.argv[1]) / "said", "w") as said:
            work(int(first), int(count), lambda one: print(one, file=said, flush=True))
        os._exit(0)
    if float(after):
        time.sleep(float(after))
        os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def started(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a program and wait until it is ready."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    run = subprocess.Popen(command, env=environ, text=True, **pipes)
    assert run.stdout.readline() == "ready\n", run.stderr.read()
    return run


def killed(run: subprocess.Popen[str], *, after: float) -> list[int]:
    """Kill a writer after some seconds and return the versions that it had said to be there."""
    time.sleep(after)
    os.kill(run.pid, signal.SIGKILL)
    said, _ = run.communicate(timeout=60)
    assert run.returncode in {0, -signal.SIGKILL}
    return [int(line) for line in said.splitlines() if line.strip()]


def forked(run: subprocess.Popen[str], folder: Path, first: int, *, count: int = 240, after: float = 0.0) -> list[int]:
    """Let a fork of a program that has imported everything work, kill it after some seconds, return what it said.

    A program of its own for each would take seconds to start and none of it would be the moment that matters.
    """
    (folder / "said").unlink(missing_ok=True)
    run.stdin.write(f"{first} {count} {after}\n")
    run.stdin.flush()
    assert run.stdout.readline() == f"{-signal.SIGKILL if after else 0}\n", run.stderr.read()
    said = folder / "said"
    return [int(line) for line in said.read_text().splitlines()] if said.exists() else []


def ended(run: subprocess.Popen[str]) -> None:
    run.communicate(timeout=60)
    assert run.returncode == 0


def is_whole(table: Table, said: list[int]) -> int:
    """Assert that each version is there from the first to the head, whole, and return how many there are."""
    versions = table.versions()
    assert [version.facts["number"] for version in versions] == list(range(1, len(versions) + 1))
    assert max(said, default=0) <= len(versions), "what was said to be there is there"
    for before, version in zip([None, *versions], versions, strict=False):
        assert version.facts["parent"] == (before.key if before else None)
        assert version.facts["rows"] == ROWS * version.facts["number"]
        table.shelf.verify(version)
    return len(versions)


@pytest.fixture
def place(tmp_path, payments) -> Place:
    return placed(tmp_path, payments, source={"deliveries": True})


def delivery(place: Place, at: int) -> str:
    file = place.folder / f"{at}.parquet"
    pd.read_csv(place.folder / "payments.csv.gz").iloc[at * ROWS : at * ROWS + ROWS].to_parquet(file, index=False)
    return str(file)


def registered(place: Place) -> set[str]:
    return {one.name for one in open_store(load(place.file, {})).list_saved_datasets()}


def test_two_processes_append_at_once_and_none_is_lost(tmp_path):
    start = tmp_path / "start"
    writers = [started(APPEND, tmp_path, start, first, 15) for first in (0, 15)]
    start.touch()
    said = [writer.communicate(timeout=60) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], said
    table = Table(Warehouse(tmp_path), "deliveries")
    assert is_whole(table, []) == 30
    assert sorted(int(line) for out, _ in said for line in out.split()) == list(range(1, 31))
    assert sorted(table.read()["x"].to_pylist()) == list(range(30 * ROWS))


def test_killed_at_random_moments_of_an_append(tmp_path):
    """Each next writer goes on where the killed one stopped; seeded, so that a failure comes again."""
    moments, table, count = np.random.default_rng(30), Table(Warehouse(tmp_path), "deliveries"), 0
    (tmp_path / "start").touch()
    for _ in range(4):
        said = killed(started(APPEND, tmp_path, tmp_path / "start", count, 500), after=moments.uniform(0.0, 0.15))
        count = is_whole(table, said)
        if count:
            assert table.read()["x"].to_pylist() == list(range(count * ROWS))
    assert table.append(pa.table({"x": range(count * ROWS, count * ROWS + ROWS)})).number == count + 1
    assert not list(tmp_path.glob("*/.partial-*"))


def test_two_processes_append_and_publish_at_once(place):
    """Each version is whole in the warehouse, and known to Feast."""
    run, project = started(PUBLISH + IN_FORKS, place.folder), load(place.file, {})
    with ThreadPoolExecutor(1) as pool:
        there = pool.submit(forked, run, place.folder, 0, count=4)
        here = [append(project, delivery(place, at))["delivered_as"] for at in range(4, 8)]
        assert sorted([*here, *there.result(60)]) == list(range(1, 9))
    ended(run)
    table = deliveries(project)
    assert is_whole(table, []) == 8
    assert registered(place) == {f"payments_{DELIVERIES}_{version.key}" for version in table.versions()}


@pytest.mark.faults
def test_killed_at_20_random_moments_of_append_and_publish(place):
    """Feast never names a version that is not whole, and has all of them after the next append."""
    moments, project, count = np.random.default_rng(5), load(place.file, {}), 0
    table, run = deliveries(project), started(PUBLISH + IN_FORKS, place.folder)
    for _ in range(20):
        said = forked(run, place.folder, count, after=moments.uniform(0.01, 1.0))
        count = is_whole(table, said)
        names, known = [f"payments_{DELIVERIES}_{version.key}" for version in table.versions()], registered(place)
        assert known <= set(names), "none half-visible"
        assert set(names[: max(said, default=0)]) <= known, "what was said to be published is"
    ended(run)
    assert count >= 10, "the moments lie in the work, not before it"
    last = append(project, delivery(place, count))
    assert last["version"] == is_whole(table, []) == count + 1
    assert len(registered(place)) == count + 1
    rows = open_store(project).get_saved_dataset(last["dataset"]).to_df()
    assert sorted(rows["payment_id"]) == sorted(table.read()["payment_id"].to_pylist())


@pytest.mark.faults
def test_killed_at_20_random_moments_of_publish_and_materialize(tmp_path):
    """An entity's row online is whole, of one snapshot, and never older than what was said to be online."""
    moments, project, newest = np.random.default_rng(7), project_in(tmp_path), -1
    run = started(MATERIALIZE + IN_FORKS, tmp_path)
    for _ in range(20):
        newest = max([newest, *forked(run, tmp_path, newest + 1, after=moments.uniform(0.01, 2.0))])
        with closing(sqlite3.connect(tmp_path / "home" / "feast" / "registry.db")) as registry:
            assert registry.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if newest >= 0:
            of = read_online(project).sub(np.arange(CUSTOMERS), axis=0) / 1000.0
            assert of.eq(of["x0"], axis=0).all(axis=None), "no row is half of one snapshot and half of another"
            assert (of["x0"] >= newest).all(), "what was said to be online is"
    ended(run)
    assert newest >= 5, "the moments lie in the work, not before it"
    publish_view(project, customers(newest + 50), "last")
    materialize(project, until=datetime(2027, 1, 1, tzinfo=UTC))
    assert (read_online(project)["x0"] == np.arange(CUSTOMERS) + (newest + 50) * 1000.0).all()


def read_online(project: Project) -> pd.DataFrame:
    names = [f"cards_features:x{k}" for k in range(10)]
    with closing(FeatureReader(open_store(project), names)) as reader:
        found = reader.read([{"customer": one} for one in range(CUSTOMERS)])
    assert not found.unknown
    return found.rows


def test_a_full_disk_is_one_sentence_and_the_version_before_still_reads(tmp_path):
    """The kernel refuses this process a larger file: once in the partition, once in the manifest."""
    table = Table(Warehouse(tmp_path), "deliveries")
    head = table.append(pa.table({"x": range(ROWS)})).version
    for limit, rows in ((20_000, 100_000), (600, 1)):
        program = f"""
            import resource
            from pathlib import Path
            import pyarrow as pa, numpy as np
            from rarecall.errors import StoreError
            from rarecall.tables.table import DELIVERIES, Table
            from rarecall.warehouse import Warehouse
            resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
            try:
                Table(Warehouse(Path({str(tmp_path)!r})), "deliveries").append(
                    pa.table({{"x": np.random.default_rng(0).integers(0, 10**9, {rows})}}))
            except StoreError as error:
                print(error)
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False, timeout=60
        )
        assert "File too large; nothing was changed: free some space" in done.stdout, done.stderr
        assert done.stdout.count("\n") == 1
        assert table.head().key == head.key
        assert table.read().num_rows == ROWS
        assert not list(tmp_path.glob("*/.partial-*"))
    assert table.append(pa.table({"x": range(ROWS, 2 * ROWS)})).number == 2


@pytest.mark.parametrize("damage", [lambda _: b"garbage" * 1000, lambda content: content[: len(content) // 2]])
def test_a_corrupted_registry_is_one_sentence_and_the_versions_still_read(place, damage):
    """The rows are in all the same, and are registered once the registry is mended."""
    project = load(place.file, {})
    append(project, delivery(place, 0))
    registry = place.home / "feast" / "registry.db"
    sound = registry.read_bytes()
    registry.write_bytes(damage(sound))
    with pytest.raises(StoreError) as refusal:
        append(project, delivery(place, 1))
    assert str(registry) in str(refusal.value)
    assert "restore it from a copy of the home, or move it aside" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    table = deliveries(project)
    assert is_whole(table, [1, 2]) == 2
    assert table.read().num_rows == 2 * ROWS
    registry.write_bytes(sound)
    assert append(project, delivery(place, 1))["delivered_as"] == 2
    assert len(registered(place)) == 2


def test_a_registry_that_is_moved_aside_is_filled_again_by_the_next_append(place):
    project = load(place.file, {})
    for at in (0, 1):
        append(project, delivery(place, at))
    (place.home / "feast" / "registry.db").rename(place.home / "aside.db")
    append(project, delivery(place, 2))
    assert len(registered(place)) == 3


def test_a_damaged_partition_is_said_by_the_command_and_restored_by_its_file(place):
    project = load(place.file, {})
    files = [Path(delivery(place, at)) for at in (0, 1)]
    for file in files:
        append(project, str(file))
    partition = deliveries(project).head().file("part-00000001.parquet")
    content = partition.read_bytes()
    partition.chmod(0o644)
    partition.write_bytes(content[:-10])
    refused = place.run("append", delivery(place, 2))
    assert refused.returncode == 1
    assert refused.stderr.startswith("rarecall: ")
    assert "append the 50 rows of 0.parquet again, which restores it" in refused.stderr
    assert append(project, str(files[0]))["is_restored"]
    assert partition.read_bytes() == content
