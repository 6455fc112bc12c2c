"""A source is read as it stands, wherever it stands, or refused in one sentence that shows no secret."""

import bz2
import functools
import gzip
import http.server
import lzma
import sqlite3
import threading
import zipfile
from datetime import date, datetime
from decimal import Decimal

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rarecall.errors import DataError
from rarecall.intake import source
from rarecall.sections import Source

CSV = "id,x,job,y\n1,1.5,nurse,no\n2,,unknown,yes\n3,2.5,,no\n"
ROWS = pd.DataFrame({"id": [1, 2, 3], "x": [1.5, None, 2.5], "job": ["nurse", None, None], "y": ["no", "yes", "no"]})


def at(path, **more) -> Source:
    return Source(path=str(path), **more)


def values(frame: pd.DataFrame) -> dict[str, list]:
    return frame.astype(object).where(frame.notna(), None).to_dict("list")


def refusal(wanted: Source, markers: tuple[str, ...] = ()) -> str:
    """Read what cannot be read and return the one sentence that says why."""
    with pytest.raises(DataError) as error:
        source.read(wanted, markers)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def csv(tmp_path):
    def written(content: str | bytes, name: str = "t.csv") -> Source:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return at(tmp_path / name)

    return written


# CSV


def test_a_csv_is_read_with_its_markers_as_missing(csv):
    assert values(source.read(csv(CSV), ["unknown"])) == values(ROWS)


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_a_compressed_csv_is_the_same_table(csv, ending, compress):
    assert values(source.read(csv(compress(CSV.encode()), f"t.csv.{ending}"), ["unknown"])) == values(ROWS)


def test_a_late_text_value_decides_the_type_of_its_whole_column(csv):
    """More than the 256 KiB that pandas looks at by default, then a text."""
    frame = source.read(csv("x\n" + "1\n" * 300_000 + "n/k\n"), [])
    assert set(frame["x"]) == {"1", "n/k"}


def test_a_byte_order_mark_is_no_part_of_a_name(csv):
    assert list(source.read(csv("\ufeffa,b\n1,2\n"), []).columns) == ["a", "b"]


def test_a_numeric_marker_empties_numbers_too(csv):
    assert source.read(csv("x,z\n-999,1\n4,-999.0\n"), ["-999"])["x"].tolist()[1:] == [4.0]
    assert source.read(csv("x,z\n-999,1\n4,-999.0\n"), ["-999"]).isna().sum().tolist() == [1, 1]


def test_the_format_may_be_said(csv):
    assert len(source.read(csv("a\n1\n", "table.txt").model_copy(update={"format": "csv"}), [])) == 1


def test_a_comma_at_the_end_of_each_row_is_not_an_index(csv):
    """pandas would take the first column for one and shift the others."""
    assert values(source.read(csv("a,b\n1,2,\n3,4,\n"), [])) == {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        ("", "t.csv", "expected rows, got an empty file"),
        ("", "t.csv.gz", "expected rows, got an empty file"),
        ("\n \n", "t.csv", "expected rows, got an empty"),
        ("a,b\n", "t.csv", "expected rows, got an empty table"),
        (gzip.compress(CSV.encode() * 999, mtime=0)[:100], "t.csv.gz", "ended before the end-of-stream marker"),
        (gzip.compress(CSV.encode() * 999, mtime=0)[:5], "t.csv.gz", "cannot be read as a whole table"),
        (b"x" + gzip.compress(CSV.encode(), mtime=0), "t.csv.gz", "Not a gzipped file"),
        (gzip.compress(CSV.encode() * 999, mtime=0)[:-4] + b"\0\0\0\0", "t.csv.gz", "cannot be read as a whole table"),
        (lzma.compress(CSV.encode())[:60], "t.csv.xz", "cannot be read as a whole table"),
        (CSV.encode(), "t.csv.zip", "cannot be read as a whole table"),
        ("a,b\nMüller,1\n".encode("latin-1"), "t.csv", "expected UTF-8, got the byte 0xfc; save it as UTF-8"),
        ("Größe,b\n1,1\n".encode("latin-1"), "t.csv", "expected UTF-8, got the byte 0xf6"),
        (CSV.encode("utf-16"), "t.csv", "expected UTF-8, got the byte 0xff"),
        ("a,b\n" + "1,2\n" * 200_000 + "ü,1\n", "late.csv", None),
        ("a,b\n1,2\n3,4,5\n", "t.csv", "Expected 2 fields in line 3, saw 3"),
        ("a,b\n1,2,9\n3,4,9\n", "t.csv", "cannot be read as a whole table"),
        ('a,b\n1,"open\n', "t.csv", "cannot be read as a whole table"),
        ("a,b,a\n1,2,3\n", "t.csv", "the column 'a' stands there twice"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "t.csv", "expected UTF-8"),
        (b"PAR1 but not really", "t.parquet", "cannot be read as a whole table"),
        (b"", "t.parquet", "cannot be read as a whole table"),
    ],
)  # fmt: skip
def test_what_is_no_whole_table_is_refused(csv, content, name, expected):
    if expected is None:  # the control: the same letter in UTF-8, as late as can be
        assert source.read(csv(content, name), [])["a"].iloc[-1] == "ü"
    else:
        assert expected in refusal(csv(content, name))


def test_a_foreign_byte_far_down_is_refused(csv):
    content = b"a,b\n" + b"1,2\n" * 300_000 + "ü,1\n".encode("latin-1")
    assert "expected UTF-8, got the byte 0xfc" in refusal(csv(content))


def test_a_missing_file_is_named(tmp_path):
    assert refusal(at(tmp_path / "none.csv")).startswith(f"source.path: {tmp_path}/none.csv does not exist; check")
    with pytest.raises(DataError, match="does not exist"):
        source.exists(at(tmp_path / "none.csv"))
    with pytest.raises(DataError, match="does not exist"):
        source.identity(at(tmp_path / "none.csv"))


@pytest.mark.parametrize("path", ["nosuch://x/t.csv", "memory://none.csv"])
def test_a_place_that_is_not_there_is_one_sentence(path):
    assert refusal(at(path)).startswith(f"source.path: {path} ")


def test_reading_and_looking_leave_nothing_behind(csv, tmp_path):
    table = csv(CSV)
    source.exists(table)
    source.identity(table)
    source.read(table, [])
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


# Parquet


def test_a_parquet_file_is_read_with_its_markers_as_missing(tmp_path):
    ROWS.assign(job=["nurse", "unknown", None]).to_parquet(tmp_path / "t.parquet", index=False)
    assert values(source.read(at(tmp_path / "t.parquet"), ["unknown"])) == values(ROWS)


def test_markers_reach_dictionaries_and_numbers(tmp_path):
    frame = pd.DataFrame({"c": pd.Categorical(["a", "?"]), "n": [1, -999], "b": [True, False]})
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    assert source.read(at(tmp_path / "t.parquet"), ["?", "-999"]).isna().to_numpy().tolist() == [
        [False, False, False],
        [True, True, False],
    ]


def test_markers_pass_over_what_is_no_text(tmp_path):
    """Lists, dates and decimals cannot hold a marker and must not stop the read."""
    table = pa.table(
        {
            "list": pa.array([[1], None], pa.list_(pa.int64())),
            "date": [date(2026, 1, 1), None],
            "moment": [datetime(2026, 1, 1), None],  # noqa: DTZ001 - a table without zones
            "sum": [Decimal("1.50"), None],
            "struct": [{"a": 1}, None],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    assert source.read(at(tmp_path / "t.parquet"), ["?"]).isna().iloc[1].all()


def test_a_named_index_is_a_column_and_a_nameless_one_is_nothing(tmp_path):
    frame = ROWS.set_index("id")
    frame.to_parquet(tmp_path / "named.parquet")
    frame.reset_index(drop=True).iloc[[2, 0]].to_parquet(tmp_path / "nameless.parquet")
    assert "id" in source.read(at(tmp_path / "named.parquet"), [])
    assert list(source.read(at(tmp_path / "nameless.parquet"), []).columns) == ["x", "job", "y"]


def test_a_folder_is_its_files_in_order(tmp_path):
    for number in (2, 0, 1):
        pd.DataFrame({"n": [number]}).to_parquet(tmp_path / f"part-{number}.parquet")
    assert source.read(at(tmp_path), [])["n"].tolist() == [0, 1, 2]


def test_a_folder_passes_over_what_is_hidden_unfinished_or_ours(tmp_path):
    pd.DataFrame({"n": [1]}).to_parquet(tmp_path / "a.parquet")
    for folder in (".rarecall/warehouse/snapshots/k", "_temporary/0"):
        (tmp_path / folder).mkdir(parents=True)
        pd.DataFrame({"n": [9]}).to_parquet(tmp_path / folder / "rows.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "notes.txt").write_text("not a table")
    assert source.read(at(tmp_path), [])["n"].tolist() == [1]


def test_a_folder_inside_a_hidden_one_is_read(tmp_path):
    (tmp_path / ".cache" / "t").mkdir(parents=True)
    pd.DataFrame({"n": [1]}).to_parquet(tmp_path / ".cache" / "t" / "a.parquet")
    assert len(source.read(at(tmp_path / ".cache" / "t"), [])) == 1


def test_partition_folders_are_columns(tmp_path):
    for day in ("2026-01-01", "2026-01-02"):
        (tmp_path / f"day={day}").mkdir()
        pd.DataFrame({"n": [1]}).to_parquet(tmp_path / f"day={day}" / "p.parquet")
    assert source.read(at(tmp_path), [])["day"].tolist() == ["2026-01-01", "2026-01-02"]


def test_the_folders_above_a_file_are_no_columns(tmp_path):
    (tmp_path / "run=7").mkdir()
    pd.DataFrame({"n": [1]}).to_parquet(tmp_path / "run=7" / "t.parquet")
    assert list(source.read(at(tmp_path / "run=7" / "t.parquet"), []).columns) == ["n"]
    assert list(source.read(at(tmp_path / "run=7"), []).columns) == ["n"]


def test_a_column_that_came_later_is_missing_before_and_kept_after(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "1.parquet", index=False)
    pd.DataFrame({"a": [2.5], "b": ["x"]}).to_parquet(tmp_path / "2.parquet", index=False)
    frame = source.read(at(tmp_path), [])
    assert frame["a"].tolist() == [1.0, 2.5]
    assert frame["b"].tolist() == [None, "x"]


def test_a_column_that_changed_its_type_is_refused(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "1.parquet", index=False)
    pd.DataFrame({"a": ["x"]}).to_parquet(tmp_path / "2.parquet", index=False)
    assert "cannot be read as a whole table" in refusal(at(tmp_path))


def test_a_folder_without_parquet_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    assert refusal(at(tmp_path)) == f"source.path: expected Parquet files in the folder {tmp_path}, found none"


def test_a_truncated_parquet_among_whole_ones_is_refused(tmp_path):
    for name in ("1", "2"):
        ROWS.to_parquet(tmp_path / f"{name}.parquet")
    whole = (tmp_path / "2.parquet").read_bytes()
    (tmp_path / "2.parquet").write_bytes(whole[: len(whole) // 2])
    assert "cannot be read as a whole table" in refusal(at(tmp_path))


def test_a_parquet_without_rows_is_refused(tmp_path):
    ROWS.head(0).to_parquet(tmp_path / "t.parquet", index=False)
    assert "expected rows, got an empty table" in refusal(at(tmp_path / "t.parquet"))


# Identity


def test_the_same_bytes_elsewhere_are_the_same_source(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.csv").write_text(CSV)
    assert source.identity(at(tmp_path / "a" / "a.csv")) == source.identity(at(tmp_path / "b" / "b.csv"))


def test_one_changed_byte_is_another_source(csv):
    assert source.identity(csv(CSV, "a.csv")) != source.identity(csv(CSV.replace("1.5", "1.6"), "b.csv"))


def test_the_same_rows_packed_again_are_the_same_source(csv):
    """A gzip header holds the moment at which it was made."""
    packed = [csv(gzip.compress(CSV.encode(), mtime=moment), f"{moment}.csv.gz") for moment in (1, 2)]
    assert packed[0].path != packed[1].path
    assert len({source.identity(one) for one in (*packed, csv(CSV))}) == 1


def test_a_truncated_file_has_no_identity(csv):
    with pytest.raises(DataError, match="cannot be read as a whole table"):
        source.identity(csv(gzip.compress(CSV.encode() * 999, mtime=0)[:100], "t.csv.gz"))


def test_a_partition_folder_is_part_of_the_source(tmp_path):
    for root, day in (("a", 1), ("b", 2), ("c", 1)):
        (tmp_path / root / f"day={day}").mkdir(parents=True)
        pd.DataFrame({"n": [1]}).to_parquet(tmp_path / root / f"day={day}" / "p.parquet")
    one, two, three = (source.identity(at(tmp_path / root)) for root in "abc")
    assert one == three != two


def test_the_order_of_a_querys_rows_is_part_of_it():
    asked = Source(query="SELECT 1", url="sqlite://")
    one, other = source.identity(asked, ROWS), source.identity(asked, ROWS[::-1])
    assert one == source.identity(asked, ROWS.copy()) != other


# Elsewhere


def test_a_memory_uri_is_a_source():
    fs = fsspec.filesystem("memory")
    fs.pipe("/rarecall-source/t.csv.gz", gzip.compress(CSV.encode(), mtime=0))
    try:
        assert values(source.read(at("memory://rarecall-source/t.csv.gz"), ["unknown"])) == values(ROWS)
        assert source.identity(at("memory://rarecall-source/t.csv.gz"))
    finally:
        fs.rm("/rarecall-source", recursive=True)


def test_a_memory_folder_of_parquet_is_a_source(tmp_path):
    fs = fsspec.filesystem("memory")
    ROWS.to_parquet(tmp_path / "t.parquet", index=False)
    fs.pipe("/rarecall-parts/day=1/t.parquet", (tmp_path / "t.parquet").read_bytes())
    try:
        assert source.read(at("memory://rarecall-parts"), [])["day"].tolist() == [1, 1, 1]
    finally:
        fs.rm("/rarecall-parts", recursive=True)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def web(tmp_path):
    """A local web server over a folder."""
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_web_address_is_a_source(web, csv):
    csv(gzip.compress(CSV.encode(), mtime=0), "t.csv.gz")
    assert values(source.read(at(f"{web}/t.csv.gz"), ["unknown"])) == values(ROWS)


def test_a_table_that_holds_links_is_no_folder(web, csv):
    """Over HTTP fsspec takes any page with a link in it for a folder."""
    csv("page,y\nhttp://example.org/a.html,1\n")
    assert source.read(at(f"{web}/t.csv"), [])["y"].tolist() == [1]


def test_a_web_address_that_is_not_there_is_refused_without_its_token(web):
    said = refusal(at(f"{web}/none.csv?token=s3cret"))
    assert "does not exist" in said
    assert "s3cret" not in said


# SQL


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "bank.db"
    with sqlite3.connect(path) as connection:
        ROWS.assign(job=["nurse", "unknown", None]).to_sql("clients", connection, index=False)
    connection.close()
    return path


def ask(database, query: str) -> Source:
    return Source(query=query, url=f"sqlite:///{database}")


def test_a_query_is_read_in_its_order_with_markers_as_missing(database):
    frame = source.read(ask(database, "SELECT * FROM clients ORDER BY id DESC"), ["unknown"])
    assert frame["id"].tolist() == [3, 2, 1]
    assert frame["job"].isna().tolist() == [True, True, False]


def test_a_colon_in_a_text_is_written_with_a_backslash(database):
    frame = source.read(ask(database, r"SELECT ' \:noon' AS t, '12:30' AS u FROM clients"), [])
    assert frame.iloc[0].tolist() == [" :noon", "12:30"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM clients WHERE 0", "expected rows, got an empty table"),
        ("SELECT id, id FROM clients", "the column 'id' stands there twice"),
        ("DELETE FROM clients", "could not be run"),
        ("SELECT ':noon' FROM clients WHERE job = :job", "could not be run"),
        (" ", "could not be run"),
    ],
)
def test_a_query_that_gives_no_table_is_refused_and_changes_nothing(database, query, expected):
    before = database.read_bytes()
    assert expected in refusal(ask(database, query))
    assert database.read_bytes() == before


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    assert "none.db does not exist" in refusal(ask(tmp_path / "none.db", "SELECT 1"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "x.db").write_text("not a database at all" * 99)
    assert "file is not a database" in refusal(ask(tmp_path / "x.db", "SELECT 1 FROM t"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cret@127.0.0.1:port/x",
        "postgresql://ann:s3cret@127.0.0.1:1/x",
        "nosuch://ann:s3cret@127.0.0.1/x",
        "s3cret",
    ],
)
def test_a_password_is_in_no_refusal(url):
    said = refusal(Source(query="SELECT 1", url=url))
    assert said.startswith("source.")
    assert "s3cret" not in said


def test_reading_twice_gives_the_same_identity(database):
    asked = ask(database, "SELECT * FROM clients ORDER BY id")
    assert source.identity(asked, source.read(asked, [])) == source.identity(asked, source.read(asked, []))


def test_a_zip_of_one_table_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.csv.zip", "w") as archive:
        archive.writestr("t.csv", CSV)
    assert len(source.read(at(tmp_path / "t.csv.zip"), [])) == 3


def test_infinities_are_read_as_they_stand(csv):
    assert np.isinf(source.read(csv("x\ninf\n-inf\n1\n"), [])["x"]).sum() == 2
