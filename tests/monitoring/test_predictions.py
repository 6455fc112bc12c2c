"""The prediction log on real SQLite and PostgreSQL: what was acknowledged is there, whatever happens next."""

import asyncio
import itertools
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from postgres import postgres

from monitoring import predictions
from monitoring.answers import answers
from monitoring.prediction_tables import PREDICTIONS, SHADOWS, TALLIES, TRUTHS
from monitoring.predictions import Batch, Log, Part, Prediction, Shadow, Tally
from rarecall.errors import DataError, StoreError

AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
ONE = Prediction("p1", AT, "ann", "champion", 3, "1f0c", 0.25, False, {"region": "north"})
_databases = itertools.count()


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'home' / 'predictions.db'}"
    return created(request.getfixturevalue("server"))


def created(server):
    """Return the URL of a new database of a server."""
    name = f"log{next(_databases)}"
    with admin(server).connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


def admin(server):
    return sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)


def there(url, table):
    """Return a table's rows as they were written, without their numbers."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        columns = [column for column in table.columns if column.name != "number"]
        order = [table.c.number] if "number" in table.c else list(table.primary_key)
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(*order))]


def numbered(count, begin=0, **changes):
    return [replace(ONE, id=f"p{number}", **changes) for number in range(begin, begin + count)]


def test_an_answer_is_there_as_it_was_given(url):
    with Log(url) as log:
        asyncio.run(log.write([ONE]))
        assert there(url, PREDICTIONS) == [
            ("p1", 1772539200000000, "ann", "champion", 3, "1f0c", 0.25, 0, '{"region":"north"}')
        ]


def test_a_batch_is_one_record_an_arm_and_each_of_its_answers_has_an_id_of_its_own(url):
    north, south = {"region": "north"}, {"region": "south"}
    champion = Part("champion", 3, [0, 2], ["ann", "bob"], ["d0", "d2"], [0.1, 1 / 3], [False, True], [north, south])
    canary = Part("canary", 4, [1], ["eve"], ["d1"], [1e-7], [False], [{}])

    async def story(log):
        await log.write_batch(Batch("b1", AT, 3, [champion, canary]))
        truths = ["b1-0", "b1-2", "b1-3", "b1-02", "b1", "-1", "b2-0"]
        with pytest.raises(StoreError, match="could not be written"):
            await log.write_batch(Batch("b1", AT, 3, [canary]))
        return await log.label([(name, 1, None) for name in truths])

    with Log(url) as log:
        assert asyncio.run(story(log)) == {"new": 2, "same": 0, "changed": 0, "late": 0, "unknown": 5}
        with pytest.raises(DataError, match="expected scores that are numbers"):
            asyncio.run(log.write_batch(Batch("b2", AT, 1, [replace(canary, scores=[float("nan")])])))
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        assert sorted(map(tuple, connection.execute(sa.select(answers(connection))))) == [
            ("b1-0", 1772539200000000, "ann", "champion", 3, "d0", 0.1, 0, '{"region":"north"}'),
            ("b1-1", 1772539200000000, "eve", "canary", 4, "d1", 1e-7, 0, "{}"),
            ("b1-2", 1772539200000000, "bob", "champion", 3, "d2", 1 / 3, 1, '{"region":"south"}'),
        ]


def test_many_who_write_at_once_share_commits_and_none_is_lost(url):
    async def story(log):
        await asyncio.gather(*(log.write([one]) for one in numbered(2000)))

    with Log(url) as log:
        asyncio.run(story(log))
        assert sorted(row[0] for row in there(url, PREDICTIONS)) == sorted(f"p{number}" for number in range(2000))


def test_what_is_offered_is_written_beside_the_answers_and_once(url):
    with Log(url) as log:
        asyncio.run(log.write([ONE]))
        assert log.offer([Shadow("p1", 4, 0.5, True)])
        assert log.offer([Shadow("p1", 4, 0.9, True), Shadow("p1", 5, 0.1, False)])
        assert log.tally([Tally(AT, "canary", 4, 100, 2, 1)])
    assert there(url, SHADOWS) == [("p1", 4, 0.5, 1), ("p1", 5, 0.1, 0)]
    assert there(url, TALLIES) == [(1772539200000000, "canary", 4, 100, 2, 1)]


def test_a_late_truth_is_written_once_and_its_revisions_are_kept(url):
    async def story(log):
        await log.write(numbered(3))
        yield await log.label([("p0", 1, None), ("p1", 0, AT), ("p9", 1, None)])
        yield await log.label([("p0", 1, None), ("p1", 0, AT)])
        yield await log.label([("p1", 1, AT + timedelta(days=1))])
        yield await log.label([("p1", 0, AT + timedelta(hours=1)), ("p2", 0, None), ("p2", 1, None)])

    async def told(log):
        return [counts async for counts in story(log)]

    with Log(url) as log:
        nothing = {"new": 0, "same": 0, "changed": 0, "late": 0, "unknown": 0}
        assert asyncio.run(told(log)) == [
            nothing | {"new": 2, "unknown": 1},
            nothing | {"same": 2},
            nothing | {"changed": 1},
            nothing | {"late": 1, "new": 1, "changed": 1},
        ]
        assert asyncio.run(log.label([("p1", 1, None)])) == nothing | {"same": 1}, "the late one does not stand"
    written = [(row[0], row[1], row[2]) for row in there(url, TRUTHS)]
    assert written == [("p0", 1, 1), ("p1", 1, 0), ("p1", 2, 1), ("p1", 3, 0), ("p2", 1, 0), ("p2", 2, 1)]


def test_a_confirmation_with_a_time_of_its_own_holds_against_a_contradiction_from_before_it(url):
    later = AT + timedelta(days=3)

    async def story(log):
        await log.write([ONE])
        said = [("p1", 1, AT), ("p1", 1, later), ("p1", 1, later), ("p1", 1, AT + timedelta(days=1)), ("p1", 1, None)]
        counts = await log.label(said)
        return counts, await log.label([("p1", 0, AT + timedelta(days=2))]), await log.label([("p1", 1, None)])

    with Log(url) as log:
        first, contradicted, again = asyncio.run(story(log))
    assert (first["new"], first["same"], contradicted["late"], again["same"]) == (1, 4, 1, 1)
    assert [(row[1], row[2]) for row in there(url, TRUTHS)] == [(1, 1), (2, 1), (3, 0)]


def test_two_logs_that_label_the_same_rows_at_once_write_each_revision_once(url):
    ids = [f"p{number}" for number in range(200)]

    async def story(one, other):
        await one.write(numbered(200))
        said = await asyncio.gather(*(log.label([(name, 1, AT)]) for name in ids for log in (one, other)))
        return sum(counts["new"] for counts in said), sum(counts["same"] for counts in said)

    with Log(url) as one, Log(url) as other:
        assert asyncio.run(story(one, other)) == (200, 200)
    assert len(there(url, TRUTHS)) == 200


def test_an_id_given_out_twice_is_refused_and_harms_nobody_beside_it(url):
    async def story(log):
        await log.write([ONE])
        asked = [[replace(ONE, score=0.9)], *([one] for one in numbered(50, begin=2))]
        return await asyncio.gather(*map(log.write, asked), return_exceptions=True)

    with Log(url) as log:
        refused, *written = asyncio.run(story(log))
        assert isinstance(refused, StoreError)
        assert "could not be written" in str(refused)
        assert written == [None] * 50
    assert next((row[0], row[6]) for row in there(url, PREDICTIONS)) == ("p1", 0.25)
    assert len(there(url, PREDICTIONS)) == 51


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"score": float("nan")}, "expected a score that is a number, got nan"),
        ({"at": datetime(2026, 3, 3)}, "expected a time with its zone"),  # noqa: DTZ001
    ],
)
def test_an_answer_that_makes_no_sense_is_refused_before_it_is_written(tmp_path, wrong, said):
    url = f"sqlite:///{tmp_path / 'predictions.db'}"
    with Log(url) as log:
        with pytest.raises(DataError, match=said):
            asyncio.run(log.write([ONE, replace(ONE, id="p2", **wrong)]))
        assert not log.offer([Shadow("p1", 4, float("inf"), False)])
        with pytest.raises(DataError, match="expected a label of 0 or 1, got 2"):
            asyncio.run(log.label([("p1", 2, None)]))
    assert (there(url, PREDICTIONS), there(url, SHADOWS)) == ([], [])


def test_what_is_offered_without_room_is_dropped_and_counted(tmp_path):
    url = f"sqlite:///{tmp_path / 'predictions.db'}"
    with Log(url, room=100) as log:
        assert not log.offer([Shadow(f"p{number}", 4, 0.1, False) for number in range(101)])
        assert log.dropped == 101
        assert log.offer([Shadow("p1", 4, 0.1, False)])
    assert there(url, SHADOWS) == [("p1", 4, 0.1, 0)]


def test_whoever_writes_to_a_full_disk_is_told_and_the_log_recovers(tmp_path):
    """A file that may not grow is what SQLite calls a full disk."""
    file = tmp_path / "predictions.db"

    async def story(log):
        await log.write([ONE])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file.with_name("predictions.db-wal").stat().st_size, hard))
        try:
            said = await asyncio.gather(*(log.write([one]) for one in numbered(20, 2)), return_exceptions=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
        await log.write(numbered(20, 2))
        return said

    with Log(f"sqlite:///{file}") as log:
        said = asyncio.run(story(log))
    assert [type(one) for one in said] == [StoreError] * 20
    assert "could not be written" in str(said[0])
    assert len(there(f"sqlite:///{file}", PREDICTIONS)) == 21


def test_a_server_that_ends_the_session_is_told_and_found_again(server):
    url = created(server)

    async def story(log):
        await log.write([ONE])
        with admin(server).connect() as connection:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            connection.execute(sa.text(ended), {"name": sa.make_url(url).database})
        with pytest.raises(StoreError, match="could not be written"):
            await log.write(numbered(1, 2))
        await log.write(numbered(1, 2))

    with Log(url) as log:
        asyncio.run(story(log))
    assert [row[0] for row in there(url, PREDICTIONS)] == ["p1", "p2"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://somewhere/log", "stores.predictions: expected a SQLite or PostgreSQL URL, got mysql"),
        ("postgresql+psycopg://ann:secret@127.0.0.1:1/none", "could not be written"),
        ("sqlite:////proc/none/predictions.db", "cannot be made"),
    ],
)
def test_a_store_that_is_not_there_is_told_at_once_and_without_its_password(url, said):
    with pytest.raises(StoreError, match=said) as told:
        Log(url)
    assert "secret" not in str(told.value)


def test_a_closed_log_says_so(tmp_path):
    log = Log(f"sqlite:///{tmp_path / 'predictions.db'}")
    log.close()
    with pytest.raises(StoreError, match="is closed"):
        asyncio.run(log.write([ONE]))
    assert not log.offer([Shadow("p1", 4, 0.1, False)])


def test_the_log_is_under_the_home_unless_the_project_names_another(tmp_path):
    from registered import project_in

    assert predictions.url(project_in(tmp_path)) == f"sqlite:///{tmp_path / 'predictions' / 'payments.db'}"
    assert predictions.url(project_in(tmp_path, predictions="postgresql://db/log")) == "postgresql://db/log"
    assert predictions.url(project_in(tmp_path, predictions="postgresql://db/{name}")) == "postgresql://db/payments"


def test_a_log_whose_file_is_taken_away_answers_for_nothing_more(tmp_path):
    file = tmp_path / "predictions.db"
    with Log(f"sqlite:///{file}") as log:
        asyncio.run(log.write([ONE]))
        for one in tmp_path.glob("predictions.db*"):
            one.unlink()
        with pytest.raises(StoreError, match="is not the file that was opened; put it back, or send again"):
            asyncio.run(log.write([replace(ONE, id="p2")]))
        asyncio.run(log.write([replace(ONE, id="p2")]))
    with sqlite3.connect(file) as opened:
        assert opened.execute("SELECT id FROM predictions").fetchall() == [("p2",)]


WRITES = """
import asyncio, os, sys
from dataclasses import replace
from datetime import UTC, datetime
from monitoring.predictions import Log, Prediction
one = Prediction("", datetime(2026, 3, 3, tzinfo=UTC), "ann", "champion", 3, "1f0c", 0.25, False, {})
async def client(log, client):
    number = 0
    while True:
        name = f"{client}-{number}"
        await log.write([replace(one, id=name)])
        os.write(1, f"{name}\\n".encode())
        number += 1
async def main():
    with Log(sys.argv[1]) as log:
        await asyncio.gather(*(client(log, number) for number in range(32)))
asyncio.run(main())
"""


def test_a_killed_writer_has_lost_nothing_that_it_acknowledged(url):
    """What it says on its pipe is what a server would have answered; SIGKILL comes in the middle of it."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITES, url],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    acknowledged = [writer.stdout.readline().strip() for _ in range(1500)]
    writer.send_signal(signal.SIGKILL)
    with writer.stdout:
        rest = writer.stdout.read()
    acknowledged += rest[: rest.rfind("\n") + 1].split()
    assert writer.wait() == -signal.SIGKILL
    assert set(acknowledged) <= {row[0] for row in there(url, PREDICTIONS)}
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
    with Log(url) as log:
        asyncio.run(log.write([replace(ONE, id="after")]))
