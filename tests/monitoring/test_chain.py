"""The chain, on SQLite and PostgreSQL: whoever changes what was written is found, and no two entries follow one."""

import hashlib
import json
import subprocess
import sys
from itertools import count

import pytest
import sqlalchemy as sa
from postgres import postgres

from monitoring.chain import CHAINED, GENESIS
from monitoring.ledger import open_ledger
from rarecall.errors import StoreError

UNSEALED = {
    "sqlite": ["DROP TRIGGER entries_no_UPDATE", "DROP TRIGGER entries_no_DELETE", "DROP TRIGGER entries_chained"],
    "postgresql": ["ALTER TABLE entries DISABLE TRIGGER ALL"],
}
NUMBER = {"sqlite": "INTEGER PRIMARY KEY", "postgresql": "SERIAL PRIMARY KEY"}
databases = count()


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database, of a file or of a real server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    server, name = request.getfixturevalue("server"), f"ledger{next(databases)}"
    execute(server, f"CREATE DATABASE {name}")
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def ledger(url):
    """A ledger with five entries."""
    ledger = open_ledger(url)
    for number in range(1, 6):
        ledger.append("x", "a", {"number": number}, who="ann", why="told")
    yield ledger
    ledger.engine.dispose()


def execute(url, *statements):
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def tamper(url, *statements):
    """Change the table as its owner can, who takes the seal away first."""
    execute(url, *UNSEALED[sa.make_url(url).get_backend_name()], *statements)


def test_every_entry_names_the_hash_of_the_one_before_it(ledger):
    entries = ledger.entries()
    assert [entry.previous for entry in entries] == [GENESIS, *(entry.hash for entry in entries[:-1])]
    found = ledger.verify()
    assert (found.entries, found.head, found.faults) == (5, entries[-1].hash, ())


def test_anyone_can_recompute_a_hash_from_what_the_table_holds(ledger):
    with ledger.engine.connect() as connection:
        row = dict(connection.execute(sa.text("SELECT * FROM entries WHERE number = 3")).mappings().one())
    told = row.pop("hash")
    text = json.dumps(row, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == told


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE entries SET who = 'eve' WHERE number = 3", "entry 3 was changed after it was written"),
        ("UPDATE entries SET at = '2020-01-01T00:00:00+00:00' WHERE number = 1", "entry 1 was changed"),
        ("""UPDATE entries SET payload = '{"number": 7}' WHERE number = 5""", "entry 5 was changed"),
        ("DELETE FROM entries WHERE number = 3", "entry 3 is gone: entry 4 does not follow entry 2"),
        ("DELETE FROM entries WHERE number IN (2, 3)", "entries 2 to 3 are gone: entry 4 does not follow entry 1"),
        ("DELETE FROM entries WHERE number = 1", "entry 1 is gone: entry 2 does not follow entry 0"),
        ("UPDATE entries SET hash = NULL WHERE number = 4", "entry 4 has no hash, though the entries before it have"),
    ],
)
def test_what_was_changed_is_named(ledger, url, statement, fault):
    tamper(url, statement)
    [told, *_] = ledger.verify().faults
    assert told.startswith(fault)


def test_one_changed_entry_is_one_fault(ledger, url):
    tamper(url, "UPDATE entries SET why = 'no reason' WHERE number = 2")
    assert len(ledger.verify().faults) == 1


def test_an_entry_with_a_new_hash_of_its_own_does_not_fit_the_next(ledger, url):
    """Whoever computes the hash again has to do it for every later entry too, and the head is another then."""
    from monitoring.chain import hash_of

    with ledger.engine.connect() as connection:
        row = dict(connection.execute(sa.text("SELECT * FROM entries WHERE number = 3")).mappings().one())
    forged = hash_of(row | {"who": "eve"}, row["previous"])
    tamper(url, f"UPDATE entries SET who = 'eve', hash = '{forged}' WHERE number = 3")
    assert ledger.verify().faults == ("entry 4 does not follow entry 3: one of the two was replaced",)


def test_the_database_refuses_what_does_not_end_the_chain(ledger, url):
    fields = "(number, at, kind, subject, payload, who, why, previous, hash) VALUES"
    said = "'now', 'x', 'a', '{}', 'eve', 'none'"
    second = ledger.entries()[1].previous
    with pytest.raises(sa.exc.DBAPIError):  # as an older version writes
        execute(url, f"INSERT INTO entries (number, at, kind, subject, payload, who, why) VALUES (6, {said})")
    with pytest.raises(sa.exc.DBAPIError):  # a second entry after the first
        execute(url, f"INSERT INTO entries {fields} (6, {said}, '{second}', 'h')")
    if ledger.engine.dialect.name == "sqlite":
        with pytest.raises(sa.exc.DBAPIError):
            execute(url, f"INSERT OR REPLACE INTO entries {fields} (5, {said}, 'p', 'h')")
    else:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            execute(url, "TRUNCATE entries")
    assert (len(ledger.entries()), ledger.verify().faults) == (5, ())


WRITE = """
import sys
from monitoring.ledger import open_ledger
print("ready", flush=True)
sys.stdin.readline()
ledger = open_ledger(sys.argv[1])
for number in range(25):
    ledger.append_all("x", [("a", {"n": number}), ("b", {})], who=sys.argv[2], why="")
"""


def test_two_processes_that_open_and_write_at_once_make_one_chain(url):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, url, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in ("ann", "bob")
    ]
    for writer in writers:
        writer.stdout.readline()
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    ledger = open_ledger(url)
    entries = ledger.entries()
    assert [entry.number for entry in entries] == list(range(1, 101))
    assert ledger.verify().faults == ()
    assert [entry.subject for entry in entries] == ["a", "b"] * 50, "what is written together stands together"
    ledger.engine.dispose()


@pytest.fixture
def unchained(url):
    """A ledger as versions without a chain left it, with three entries and no chain."""
    kind = NUMBER[sa.make_url(url).get_backend_name()]
    execute(
        url,
        f"CREATE TABLE entries (number {kind}, at VARCHAR(32) NOT NULL, kind VARCHAR(64) NOT NULL, "
        "subject VARCHAR(255) NOT NULL, payload TEXT NOT NULL, who VARCHAR(255) NOT NULL, why TEXT NOT NULL)",
        *(
            "INSERT INTO entries (at, kind, subject, payload, who, why) VALUES "
            f"""('2026-01-0{day}T00:00:00.000000+00:00', 'x', 'a', '{{"day": {day}}}', 'ann', '')"""
            for day in (1, 2, 3)
        ),
    )
    return url


def test_a_ledger_without_a_chain_gets_one_in_place(unchained):
    ledger = open_ledger(unchained)
    entries = ledger.entries()
    assert [entry.kind for entry in entries] == ["x", "x", "x", CHAINED]
    assert entries[-1].payload == {"entries": 3, "last": 3, "digest": entries[-1].previous}
    assert ledger.append("x", "a", {}, who="ann", why="").previous == entries[-1].hash
    assert open_ledger(unchained).entries() == ledger.entries(), "once"
    assert ledger.verify().faults == ()
    ledger.engine.dispose()


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET who = 'eve' WHERE number = 2", "DELETE FROM entries WHERE number = 1"]
)
def test_what_was_written_before_the_chain_is_answered_for(unchained, statement):
    ledger = open_ledger(unchained)
    tamper(unchained, statement)
    assert ledger.verify().faults == (
        "one of the entries before entry 4, which had no hash of their own, was changed or removed",
    )
    ledger.engine.dispose()


def test_an_older_version_cannot_write_any_more_and_is_told_why(unchained):
    open_ledger(unchained).engine.dispose()
    with pytest.raises(sa.exc.DBAPIError, match=r"a rarecall that knows no chain cannot write"):
        execute(
            unchained,
            "INSERT INTO entries (number, at, kind, subject, payload, who, why) "
            "VALUES (9, 'now', 'x', 'a', '{}', '', '')",
        )


def test_a_writer_that_waits_too_long_is_one_sentence(ledger, url, monkeypatch):
    monkeypatch.setattr("monitoring.ledger.WAIT", 0.1)
    monkeypatch.setattr("monitoring.ledger_table.WAIT", 0.1)
    hurried = open_ledger(url)
    is_file = ledger.engine.dialect.name == "sqlite"
    held = "BEGIN IMMEDIATE" if is_file else "LOCK TABLE entries IN EXCLUSIVE MODE"
    with ledger.engine.connect() as holder:
        holder.exec_driver_sql(held)
        with pytest.raises(StoreError, match="could not be used"):
            hurried.append("x", "a", {}, who="", why="")
        holder.rollback()
    assert len(ledger.entries()) == 5
    hurried.engine.dispose()
