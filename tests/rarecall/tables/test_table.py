"""A table grows by partitions: each version is whole, costs its own rows, and none is ever lost or changed."""

import json
import threading
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rarecall import warehouse
from rarecall.errors import DataError, StoreError
from rarecall.tables.table import Table
from rarecall.warehouse import MANIFEST, Warehouse


@pytest.fixture
def table(tmp_path) -> Table:
    return Table(Warehouse(tmp_path / "warehouse"), "deliveries", time="at", wait=5.0)


def rows(start: int, n: int = 100, **columns) -> pa.Table:
    """Return rows whose `x` counts on, an hour each."""
    x = np.arange(start, start + n)
    at = pa.array(np.datetime64("2026-01-01", "us") + x * np.timedelta64(3600, "s"), pa.timestamp("us", "UTC"))
    return pa.table({"x": x, "at": at, **columns})


def part(version, number: int) -> Path:
    return version.file(f"part-{number:08d}.parquet")


def damage(file: Path, content: bytes) -> None:
    file.chmod(0o644)
    file.write_bytes(content)


def flipped(content: bytes) -> bytes:
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


def versions_on_disk(table: Table) -> dict[str, bytes]:
    root = table.shelf.root
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file() and f.name != ".lock"}


def test_a_table_without_rows_has_no_head(table):
    assert table.head() is None
    assert table.versions() == []
    assert not table.shelf.root.exists(), "looking makes no folder"
    with pytest.raises(StoreError, match="holds no rows yet"):
        table.read()


def test_each_version_holds_all_that_came_before_in_its_order(table):
    made = [table.append(rows(start)).version for start in (0, 100, 200)]
    for number, version in enumerate(made, start=1):
        assert table.read(version)["x"].to_pylist() == list(range(100 * number))
        table.shelf.verify(version)
    assert table.read()["x"].to_pylist() == list(range(300))
    assert [version.key for version in table.versions()] == [version.key for version in made]


def test_a_version_says_what_it_is_made_of(table):
    first = table.append(rows(0), facts={"file": "a.csv"}).version
    second = table.append(rows(100, 24)).version
    facts = second.facts
    assert (facts["number"], facts["parent"], facts["rows"]) == (2, first.key, 124)
    assert facts["columns"] == {"x": "int64", "at": "timestamp[us, tz=UTC]"}
    one, two = table.partitions(second)
    assert (one.start, one.rows, one.number, one.facts) == (0, 100, 1, {"file": "a.csv"})
    assert (two.start, two.rows, two.number, two.facts) == (100, 24, 2, {})
    assert (two.first, two.last) == ("2026-01-05T04:00:00+00:00", "2026-01-06T03:00:00+00:00")


def test_an_append_writes_and_hashes_its_own_rows_only(table, monkeypatch):
    """The other partitions are the same files, with the digests that they had."""
    first = table.append(rows(0)).version
    hashed = []
    of_file = warehouse.digest.of_file
    monkeypatch.setattr(warehouse.digest, "of_file", lambda path: (hashed.append(path.name), of_file(path))[1])
    second = table.append(rows(100)).version
    assert hashed == ["part-00000002.parquet"]
    assert part(second, 1).samefile(part(first, 1))
    table.shelf.verify(second)


def test_where_no_links_can_be_made_files_are_copied(table, monkeypatch):
    """Linked across file systems, or on one that has none: the copy is checked against the digest."""
    first = table.append(rows(0)).version

    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    second = table.append(rows(100)).version
    assert not part(second, 1).samefile(part(first, 1))
    assert part(second, 1).stat().st_mode & 0o222 == 0
    table.shelf.verify(second)
    damage(part(second, 1), flipped(part(second, 1).read_bytes()))
    with pytest.raises(StoreError, match=r"part-00000001\.parquet is not what was written"):
        table.append(rows(200))
    assert table.head().key == second.key


def test_the_same_rows_make_the_same_versions_elsewhere(table, tmp_path):
    there = Table(Warehouse(tmp_path / "there"), "deliveries", time="at")
    for one in (table, there):
        one.append(rows(0))
        one.append(rows(100))
    assert versions_on_disk(table) == versions_on_disk(there)


def test_a_delivery_is_known_again(table):
    """Whatever the order of its columns, the type of its numbers or the names of its writer."""
    table.append(rows(0))
    table.append(rows(100))
    before = versions_on_disk(table)
    again = rows(0).select(["at", "x"]).to_pandas().astype({"x": float})
    done = table.append(pa.Table.from_pandas(again, preserve_index=False), facts={"file": "b.csv"})
    assert (done.number, done.is_new, done.version.facts["number"]) == (1, False, 2)
    assert versions_on_disk(table) == before


def test_rows_in_another_order_are_another_delivery(table):
    table.append(rows(0))
    assert table.append(rows(0).take(list(range(99, -1, -1)))).is_new


def test_a_row_is_found_in_its_delivery(table):
    table.append(rows(0, 3), facts={"file": "a.csv"})
    head = table.append(rows(3, 5), facts={"file": "b.csv"}).version
    found = [table.locate(head, row_id) for row_id in range(8)]
    assert [(one.facts["file"], offset) for one, offset in found] == [
        *(("a.csv", n) for n in range(3)),
        *(("b.csv", n) for n in range(5)),
    ]
    for row_id, (one, offset) in enumerate(found):
        assert pq.read_table(head.file(one.name))["x"][offset].as_py() == table.read(head)["x"][row_id].as_py()
    for row_id in (-1, 8):
        with pytest.raises(DataError, match=f"expected a row from 0 to 7 of deliveries version 2, got {row_id}"):
            table.locate(head, row_id)


def test_an_empty_delivery_is_refused(table):
    with pytest.raises(DataError, match="expected rows to append to deliveries, got an empty table"):
        table.append(rows(0).slice(0, 0))
    assert table.head() is None


def test_a_new_column_is_missing_in_the_rows_before(table):
    first = table.append(rows(0, 2)).version
    second = table.append(rows(2, 2, region=["north", None])).version
    assert table.read(second)["region"].to_pylist() == [None, None, "north", None]
    assert table.read(first).column_names == ["x", "at"], "the version before is as it was"
    assert part(first, 1).read_bytes() != part(second, 1).read_bytes()
    third = table.append(rows(4, 1, region=["south"])).version
    assert part(third, 1).samefile(part(second, 1)), "and links again from there on"


def test_every_folder_is_read_by_duckdb_as_it_is(table):
    """DuckDB takes the first file's columns and types for all: a fraction behind whole numbers would be rounded."""
    table.append(pa.table({"x": [1, 2]}))
    head = table.append(pa.table({"x": [2.5], "y": ["new"]})).version
    found = duckdb.sql(f"SELECT x, y FROM read_parquet('{head.path}/*.parquet')").fetchall()  # noqa: S608 - our path
    assert found == [(1.0, None), (2.0, None), (2.5, "new")]


@pytest.mark.parametrize(
    ("held", "came", "then"),
    [
        (pa.array([1, 2]), pa.array([2.5, None]), [1.0, 2.0, 2.5, None]),
        (pa.array([2.5]), pa.array([1]), [2.5, 1.0]),
        (pa.nulls(2), pa.array(["a"]), [None, None, "a"]),
        (pa.array(["a"]), pa.nulls(2), ["a", None, None]),
        (pa.array([1], pa.int32()), pa.array([2**40]), [1, 2**40]),
        (pa.array(["a"]), pa.array(["b"], pa.large_string()), ["a", "b"]),
        (pa.array(["a"]), pa.array(["b", "a"]).dictionary_encode(), ["a", "b", "a"]),
    ],
)
def test_types_that_hold_one_another_become_the_wider_one(table, held, came, then):
    table.append(pa.table({"v": held}))
    table.append(pa.table({"v": came}))
    assert table.read()["v"].to_pylist() == then
    assert len({part(table.head(), n).read_bytes()[:4] for n in (1, 2)}) == 1
    assert len({str(pq.read_schema(part(table.head(), n))) for n in (1, 2)}) == 1


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (pa.table({"x": ["few"], "y": ["a"]}), "the delivery's column 'x' holds string, where deliveries holds int64"),
        (pa.table({"x": [True], "y": ["a"]}), "the delivery's column 'x' holds bool, where deliveries holds int64"),
        (pa.table({"x": [1]}), "the delivery has no column 'y', which deliveries has"),
        (pa.table({"x": [1], "Y": ["a"]}), "no column 'y', which deliveries has; did you mean 'Y'"),
        (pa.table({"x": [1], "y": ["a"], "X": [1]}), "new column 'X' and 'x' have one name in SQL"),
        (pa.table({"x": [0.5], "y": ["a"]}), "the column 'x' cannot be held as double: Integer value 9007199254740993"),
    ],
)
def test_a_schema_that_does_not_fit_is_one_sentence_and_changes_nothing(table, came, said):
    table.append(pa.table({"x": [2**53 + 1], "y": ["a"]}))
    before = versions_on_disk(table)
    with pytest.raises(DataError) as refusal:
        table.append(came)
    assert said in str(refusal.value)
    assert "nothing was changed" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert versions_on_disk(table) == before


def test_nested_rows_are_rows(table):
    table.append(pa.table({"x": [[1, 2], None], "s": [{"a": 1}, {"a": 2}]}))
    assert table.append(pa.table({"x": [[1, 3], None], "s": [{"a": 1}, {"a": 2}]})).is_new
    assert table.read()["x"].to_pylist() == [[1, 2], None, [1, 3], None]


@pytest.mark.parametrize("change", [lambda content: content[:-50], flipped, lambda _: b""])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_damaged_partition_is_named_and_its_rows_restore_it(table, change, number):
    """Truncated, flipped or emptied: every version that holds it is refused, those before it are read."""
    made = [table.append(rows(100 * n), facts={"file": f"{n}.csv"}).version for n in range(3)]
    before = versions_on_disk(table)
    damage(part(made[2], number), change(part(made[2], number).read_bytes()))
    for at, version in enumerate(made, start=1):
        if at < number:
            assert table.read(version).num_rows == 100 * at
            continue
        with pytest.raises(StoreError, match=rf"part-0000000{number}\.parquet") as refusal:
            table.read(version)
        assert f"append the 100 rows of {number - 1}.csv again, which restores it" in str(refusal.value)
        assert "\n" not in str(refusal.value)
    done = table.append(rows(100 * (number - 1)))
    assert (done.is_new, done.is_restored, done.number) == (False, True, number)
    assert versions_on_disk(table) == before
    assert part(made[2], 1).samefile(part(made[0], 1)), "and is one file again"
    assert table.append(rows(300)).version.facts["rows"] == 400


def test_a_partition_is_restored_as_it_was_before_and_after_the_schema_grew(table):
    first = table.append(rows(0)).version
    second = table.append(rows(100, region=["north"] * 100)).version
    before = versions_on_disk(table)
    for version in (first, second):
        damage(part(version, 1), flipped(part(version, 1).read_bytes()))
    assert table.append(rows(0)).is_restored
    assert versions_on_disk(table) == before


def test_a_partition_that_was_cut_off_is_noticed_by_the_next_append(table):
    head = table.append(rows(0)).version
    damage(part(head, 1), part(head, 1).read_bytes()[:-50])
    with pytest.raises(StoreError, match=r"part-00000001\.parquet: expected [\d,]+ bytes, got [\d,]+; append the same"):
        table.append(rows(100))
    assert table.head().key == head.key


def test_other_rows_restore_nothing(table):
    """Nor does a partition that is gone from a widened table pass for a new delivery."""
    head = table.append(rows(0)).version
    part(head, 1).unlink()
    with pytest.raises(StoreError, match="is missing; append the same 100 rows again"):
        table.append(rows(100, 100, region=["north"] * 100))
    assert table.append(rows(0)).is_restored


def test_a_damaged_manifest_of_the_head_is_one_sentence_and_the_version_before_is_read(table):
    first = table.append(rows(0)).version
    second = table.append(rows(100)).version
    damage(second.file(MANIFEST), b"{")
    with pytest.raises(StoreError, match=r"manifest\.json cannot be read"):
        table.append(rows(200))
    assert table.read(first).num_rows == 100


def test_two_versions_after_one_are_told(table):
    """What a file system without locks would leave."""
    first = table.append(rows(0)).version
    second = table.append(rows(100)).version
    aside = Path(second.path).rename(table.shelf.root / second.key)
    table.append(rows(200))
    aside.rename(second.path)
    with pytest.raises(StoreError, match="holds two versions 2: its file system does not lock files"):
        table.append(rows(300))
    assert table.read(first).num_rows == 100


def test_a_second_writer_waits_for_the_first(table):
    held, done = threading.Event(), []

    def slow() -> None:
        with table.shelf.alone(table.kind, wait=1):
            held.set()
            threading.Event().wait(0.3)
            done.append("first")

    writer = threading.Thread(target=slow)
    writer.start()
    held.wait(10)
    assert table.append(rows(0)).is_new
    done.append("second")
    writer.join(10)
    assert done == ["first", "second"]


def test_a_second_writer_waits_no_longer_than_its_limit(table):
    table.append(rows(0))
    hurried = Table(table.shelf, table.kind, wait=0.05)
    with table.shelf.alone(table.kind, wait=1), pytest.raises(StoreError) as refusal:
        hurried.append(rows(100))
    assert "another process has been writing to" in str(refusal.value)
    assert "nothing was changed: wait until it has ended and run again" in str(refusal.value)
    assert hurried.append(rows(100)).is_new


def test_a_sweep_spares_the_draft_of_a_table_that_is_being_written(table):
    """A run that starts sweeps the home; an append beside it holds the table, not the home."""
    table.append(rows(0))
    with table.shelf.alone(table.kind, wait=1), table.shelf.write(table.kind, "00000002-x", recipe={}) as draft:
        assert table.shelf.sweep() == 0
        assert draft.folder.is_dir()
    assert table.shelf.find(table.kind, "00000002-x") is not None


def test_what_a_killed_writer_left_is_removed_by_the_next(table):
    table.append(rows(0))
    left = table.shelf.root / table.kind / ".partial-00000002-x"
    left.mkdir()
    table.append(rows(100))
    assert not left.exists()


def test_the_manifest_has_the_digests_of_all_partitions(table):
    table.append(rows(0))
    head = table.append(rows(100)).version
    manifest = json.loads(head.file(MANIFEST).read_text())
    assert sorted(manifest["files"]) == ["part-00000001.parquet", "part-00000002.parquet"]
    assert manifest["recipe"]["parent"] == head.facts["parent"]


def test_a_column_without_a_value_takes_the_type_of_the_first_that_comes(table):
    """A month in which nothing is known of a column says nothing of its type, whatever a file reader makes of it."""
    empty = pa.table({"id": [1, 2], "note": pa.array([None, None], pa.float64())})
    table.append(empty)
    table.append(pa.table({"id": [3], "note": ["late"]}))
    done = table.append(pa.table({"id": [4], "note": pa.array([None], pa.float64())}))
    assert table.read(done.version)["note"].to_pylist() == [None, None, "late", None]
    assert not table.append(empty).is_new
