"""A snapshot's row is found in the source as it stands, by file and place, or is said to be nowhere any more."""

import gzip

import pandas as pd
import pyarrow as pa
import pytest

from rarecall.intake import source
from rarecall.kinship.origin import ANOTHER, QUERY, InDeliveries, InFiles, Place
from rarecall.sections import Source
from rarecall.tables.table import Table
from rarecall.warehouse import Warehouse

TRICKY = '\ufeff\n"id","text"\n1,plain\n\n2,"two\nlines"\n   \n3,"a ""quoted"" one"\n4\n5,"\n\n"\n6,last\n'
"""Blank lines, cells over several lines, quotes, a short row: rows and lines do not keep step."""


@pytest.fixture
def shelf(tmp_path):
    return Warehouse(tmp_path / "warehouse")


def taken(shelf, where, key="s1", **facts):
    """Keep a snapshot of a source as it stands now."""
    with shelf.write("snapshots", key, recipe={"recipe": {"content": source.identity(where)}, "inputs": []}) as draft:
        draft.facts.update(rows=6, **facts)
    return shelf.find("snapshots", key)


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_a_csv_row_is_found_by_its_line(shelf, tmp_path, name):
    text = TRICKY.encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    where = Source(path=str(tmp_path / name))
    ids = source.read(where, [])["id"].tolist()
    assert ids == [1, 2, 3, 4, 5, 6]
    places = InFiles(shelf=shelf, source=where).places(taken(shelf, where), range(6))
    assert [place.row for place in places] == list(range(6))
    lines = TRICKY.removeprefix("\ufeff").split("\n")
    assert [lines[place.line - 1][0] for place in places] == ["1", "2", "3", "4", "5", "6"]


def test_the_rows_may_be_asked_for_in_any_order(shelf, tmp_path):
    (tmp_path / "rows.csv").write_text(TRICKY)
    where = Source(path=str(tmp_path / "rows.csv"))
    places = InFiles(shelf=shelf, source=where).places(taken(shelf, where), [5, 0, 5])
    assert places == [Place("rows.csv", 5, 13), Place("rows.csv", 0, 3), Place("rows.csv", 5, 13)]


def test_a_row_of_a_folder_is_found_in_its_file(shelf, tmp_path):
    for day, ids in (("2026-01-01", [7, 8]), ("2026-01-02", [9, 10, 11]), ("2026-01-03", [12])):
        (tmp_path / "table" / f"day={day}").mkdir(parents=True)
        pd.DataFrame({"id": ids}).to_parquet(tmp_path / "table" / f"day={day}" / "part.parquet")
    where = Source(path=str(tmp_path / "table"))
    read = source.read(where, [])["id"].tolist()
    for row, place in enumerate(InFiles(shelf=shelf, source=where).places(taken(shelf, where), range(6))):
        assert pd.read_parquet(tmp_path / "table" / place.file, partitioning=None)["id"][place.row] == read[row]


def test_a_row_is_nowhere_once_the_source_holds_other_rows(shelf, tmp_path):
    (tmp_path / "rows.csv").write_text(TRICKY)
    where = Source(path=str(tmp_path / "rows.csv"))
    snapshot = taken(shelf, where)
    (tmp_path / "rows.csv").write_text(TRICKY.replace("last", "changed"))
    now = InFiles(shelf=shelf, source=where)
    assert now.places(snapshot, [0, 5]) == [None, None]
    assert now.sources(snapshot)[0][1]["holds these rows still"] is False


def test_a_source_that_is_gone_says_so_without_an_error(shelf, tmp_path):
    (tmp_path / "rows.csv").write_text(TRICKY)
    where = Source(path=str(tmp_path / "rows.csv"))
    snapshot = taken(shelf, where)
    (tmp_path / "rows.csv").unlink()
    assert InFiles(shelf=shelf, source=where).places(snapshot, [0]) == [None]


def test_a_query_is_not_run_again(shelf):
    where = Source(query="SELECT 1", url="postgresql://nobody@nowhere/none")
    with shelf.write("snapshots", "s1", recipe={"recipe": {"content": "abc"}, "inputs": []}) as draft:
        draft.facts["rows"] = 1
    found = InFiles(shelf=shelf, source=where)
    snapshot = shelf.find("snapshots", "s1")
    assert (found.sources(snapshot), found.places(snapshot, [0])) == ([(QUERY, {"content": "abc"})], [None])


def test_what_a_page_says_costs_no_reading(shelf, tmp_path):
    (tmp_path / "rows.csv").write_text(TRICKY)
    where = Source(path=str(tmp_path / "rows.csv"))
    snapshot = taken(shelf, where)
    (tmp_path / "rows.csv").unlink()
    [(name, facts)] = InFiles(shelf=shelf, source=where, read=False).sources(snapshot)
    assert (name, list(facts)) == ("rows.csv", ["content"])


def test_rows_behind_those_of_forgotten_people_are_counted_with_them(shelf, tmp_path):
    (tmp_path / "rows.csv").write_text(TRICKY)
    where = Source(path=str(tmp_path / "rows.csv"))
    snapshot = taken(shelf, where, forgotten=2)
    found = InFiles(shelf=shelf, source=where, left=lambda _: [0, 2, 3, 5])
    assert [place.row for place in found.places(snapshot, [0, 1, 3])] == [0, 2, 5]
    assert InFiles(shelf=shelf, source=where, left=lambda _: None).places(snapshot, [0]) == [None]


def test_a_delivered_row_is_found_for_good(shelf):
    table = Table(shelf, "deliveries")
    for number, ids in enumerate(([1, 2], [3], [4, 5])):
        head = table.append(pa.table({"id": ids}), facts={"file": f"day-{number}.csv"}).version
    with shelf.write("snapshots", "s1", recipe={"recipe": {"content": head.key}, "inputs": []}) as draft:
        draft.facts.update(rows=5, deliveries=3)
    found, snapshot = InDeliveries(shelf=shelf, kind="deliveries"), shelf.find("snapshots", "s1")
    assert found.places(snapshot, [0, 2, 4]) == [Place("day-0.csv", 0), Place("day-1.csv", 0), Place("day-2.csv", 1)]
    assert [(name, facts["delivery"], facts["rows"]) for name, facts in found.sources(snapshot)] == [
        ("day-0.csv", 1, 2),
        ("day-1.csv", 2, 1),
        ("day-2.csv", 3, 2),
    ]
    files = InFiles(shelf=shelf, source=Source(deliveries=True))
    assert (files.sources(snapshot)[0][0], files.places(snapshot, [0])) == (ANOTHER, [None])
