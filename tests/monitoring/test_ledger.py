"""The ledger: entries come back as written, in order, and the database itself refuses to change them."""

import sqlite3
import threading

import pytest

from monitoring.ledger import open_ledger
from rarecall.errors import StoreError


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'home' / 'ledger.db'}"


def test_what_was_written_comes_back(url):
    written = open_ledger(url).append("entity.forgotten", "fraud", {"rows": [1, 2]}, who="eve", why="asked to")
    assert open_ledger(url).entries() == (written,)


def test_entries_are_found_by_kind_and_subject_oldest_first(url):
    ledger = open_ledger(url)
    for subject, kind in [("a", "x"), ("b", "x"), ("a", "y"), ("a", "x")]:
        ledger.append(kind, subject, {}, who="", why="")
    assert [entry.number for entry in ledger.entries("x", "a")] == [1, 4]
    assert [entry.number for entry in ledger.entries(subject="a")] == [1, 3, 4]


@pytest.mark.parametrize("statement", ["UPDATE entries SET who = 'me'", "DELETE FROM entries"])
def test_the_database_refuses_to_change_an_entry(url, tmp_path, statement):
    ledger = open_ledger(url)
    kept = ledger.append("x", "a", {}, who="eve", why="")
    with (
        sqlite3.connect(tmp_path / "home" / "ledger.db") as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(statement)
    connection.close()
    assert ledger.entries() == (kept,)


def test_all_or_none_are_written(url):
    ledger = open_ledger(url)
    with pytest.raises(TypeError):
        ledger.append_all("x", [("a", {}), ("b", {"no": object()})], who="", why="")
    with pytest.raises(StoreError, match="could not be used"):
        ledger.append_all("x", [("a", {}), (None, {})], who="", why="")
    assert ledger.entries() == ()


def test_no_writer_loses_an_entry_to_another(url):
    def write(number):
        ledger = open_ledger(url)
        for _ in range(10):
            ledger.append("x", str(number), {}, who="", why="")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(open_ledger(url).entries("x")) == 40
    assert open_ledger(url).verify().faults == ()


def test_a_database_that_cannot_be_sealed_is_refused():
    with pytest.raises(StoreError, match="SQLite or PostgreSQL URL, got mysql"):
        open_ledger("mysql://somewhere/ledger")
