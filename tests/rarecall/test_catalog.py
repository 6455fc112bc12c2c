"""`rarecall fetch`: the published tables, served on the loopback in the layout in which they are published."""

import csv
import dataclasses
import gzip
import hashlib
import io
import os
import resource
import socket
import tarfile
import threading
import zipfile
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import pytest

from rarecall.catalog import TABLES, FetchError, fetch, fetch_table
from rarecall.errors import StoreError

DATA = Path(os.environ.get("RARECALL_DATA", Path(__file__).parents[3] / "shared" / "data"))
real_tables = pytest.mark.skipif(not DATA.is_dir(), reason="no real tables here; see docs/tables.md")

# The first person of census-income.data, as printed in many a public tutorial.
CENSUS_LINE = (
    "73, Not in universe, 0, 0, High school graduate, 0, Not in universe, Widowed, Not in universe or children, "
    "Not in universe, White, All other, Female, Not in universe, Not in universe, Not in labor force, 0, 0, 0, "
    "Nonfiler, Not in universe, Not in universe, Other Rel 18+ ever marr not in subfamily, "
    "Other relative of householder, 1700.09, ?, ?, ?, Not in universe under 1 year old, ?, 0, Not in universe, "
    "United-States, United-States, United-States, Native- Born in the United States, 0, Not in universe, 2, 0, 95, "
    "- 50000."
)


@pytest.fixture(autouse=True)
def _no_proxy_before_the_loopback(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def site(tmp_path):
    """Serve a folder on a free loopback port; yield its address, the folder, and what is asked of it."""
    root = tmp_path / "site"
    root.mkdir()
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format, *args):  # noqa: A002 - the name that http.server calls it by
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=root)) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", root, asked
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tables"


def ours(name):
    """Our table: its header and its rows."""
    with gzip.open(DATA / TABLES[name].file, "rt", encoding="utf-8", newline="") as text:
        header, *rows = csv.reader(text)
    return header, rows


def bank_full():
    header, rows = ours("bank-marketing")
    numbers = {header.index(name) for name in ("age", "balance", "day", "duration", "campaign", "pdays", "previous")}
    lines = [";".join(f'"{name}"' for name in header[2:])]
    for row in rows:
        cells = (cell if at in numbers else f'"{cell}"' for at, cell in enumerate(row) if at >= 2)
        lines.append(";".join(cells))
    return "\n".join([*lines, ""]).encode()


def adult_parts():
    lines = [", ".join(row[1:]) for row in ours("adult")[1]]
    training, test = lines[:32561], lines[32561:]
    return (
        "\n".join([*training, "", ""]).encode(),
        "\n".join(["|1x3 Cross validator", *(f"{line}." for line in test), "", ""]).encode(),
    )


def credit_csv():
    lines = [",".join(["ID", *(f"X{number}" for number in range(1, 24)), "Y"])]
    lines += [",".join(cell.removesuffix(".0") for cell in row) for row in ours("credit-default")[1]]
    return "\r\n".join([*lines, ""]).encode()


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(**files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def publish(root, path, content):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(content)


def publish_bank(root, content):
    publish(
        root,
        "static/public/222/bank+marketing.zip",
        zipped(**{"bank-additional.zip": b"", "bank.zip": zipped(**{"bank.csv": b"", "bank-full.csv": content})}),
    )


def publish_adult(root):
    data, test = adult_parts()
    publish(root, "static/public/2/adult.zip", zipped(**{"Index": b"", "adult.data": data, "adult.test": test}))


PUBLISHERS: dict[str, Callable[[Path], None]] = {
    "bank-marketing": lambda root: publish_bank(root, bank_full()),
    "adult": publish_adult,
    "credit-default": lambda root: publish(root, "static/public/350/data.csv", credit_csv()),
}


@real_tables
@pytest.mark.parametrize("name", PUBLISHERS)
def test_what_is_published_becomes_our_table(name, site, folder):
    """The published layout, digest for digest, is turned into our table to the last byte."""
    origin, root, _ = site
    PUBLISHERS[name](root)
    fetched = fetch(name, folder, origin=origin)
    assert gzip.decompress(fetched.read_bytes()) == gzip.decompress((DATA / fetched.name).read_bytes())
    assert [file.name for file in folder.iterdir()] == [TABLES[name].file]


@real_tables
def test_a_table_that_is_there_is_not_fetched_again(folder):
    """Offline, a second fetch returns the file as it is."""
    folder.mkdir()
    (folder / "adult.csv.gz").write_bytes((DATA / "adult.csv.gz").read_bytes())
    assert fetch("adult", folder, origin="http://127.0.0.1:9") == folder / "adult.csv.gz"


@pytest.mark.parametrize(
    "content", [b"not even gzip", gzip.compress(b"a,b\n1,2\n", mtime=0), gzip.compress(b"a" * 99, mtime=0)[:-9]]
)
def test_another_file_under_the_name_is_neither_taken_nor_overwritten(content, folder):
    folder.mkdir()
    (folder / "adult.csv.gz").write_bytes(content)
    with pytest.raises(FetchError, match=r"is another table than the published one .* move it away and fetch again"):
        fetch("adult", folder)
    assert (folder / "adult.csv.gz").read_bytes() == content


@real_tables
def test_one_changed_value_is_refused(site, folder):
    """Files whose digest is another are not even parsed, and nothing is written."""
    origin, root, _ = site
    publish_bank(root, bank_full().replace(b"2143", b"2144", 1))
    with pytest.raises(FetchError, match=r"bank\+marketing.zip holds another bank-full.csv than was published"):
        fetch("bank-marketing", folder, origin=origin)
    assert not folder.exists()


@pytest.mark.parametrize(
    "content",
    [b"<html>sign in to the network</html>", zipped(other=b""), zipped(**{"bank.zip": b"PK"}), zipped(a=b"b")[:-30]],
    ids=["a web page", "another archive", "broken inside", "cut off"],
)
def test_what_is_no_such_archive_is_refused(content, site, folder):
    origin, root, _ = site
    publish(root, "static/public/222/bank+marketing.zip", content)
    with pytest.raises(FetchError, match=r"bank\+marketing.zip holds no readable bank-full.csv"):
        fetch("bank-marketing", folder, origin=origin)
    assert not folder.exists()


@real_tables
def test_the_second_way_is_taken_when_the_first_fails(site, folder):
    """UCI has served the same files from two trees."""
    origin, root, asked = site
    data, test = adult_parts()
    publish(root, "ml/machine-learning-databases/adult/adult.data", data)
    publish(root, "ml/machine-learning-databases/adult/adult.test", test)
    assert fetch("adult", folder, origin=origin).exists()
    assert asked[0] == "/static/public/2/adult.zip"


def test_offline_is_one_sentence(folder):
    """It names the address, what failed and what to do."""
    with socket.socket() as closed:  # bound and not listening: whoever connects is refused
        closed.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(FetchError) as refusal:
            fetch("credit-default", folder, origin=origin)
    assert str(refusal.value) == (
        "credit_default.csv.gz could not be fetched: "
        f"{origin}/static/public/350/data.csv did not answer as it should (Connection refused); "
        "try again on another network, or set RARECALL_DATA to a folder that has the table"
    )
    assert refusal.value.exit_code == 1
    assert not folder.exists()


def test_a_missing_page_is_said(site, folder):
    origin, _, _ = site
    with pytest.raises(FetchError, match=r"data.csv did not answer as it should \(404 Client Error: File not found\)"):
        fetch("credit-default", folder, origin=origin)


def test_a_download_that_breaks_off_leaves_nothing(folder):
    """A server that promises a thousand bytes, sends a few and hangs up."""

    def half(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nID,X1\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=half, args=[listener])
        thread.start()
        with pytest.raises(FetchError, match=r"did not answer as it should .*IncompleteRead"):
            fetch("credit-default", folder, origin=f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_said(site, tmp_path):
    origin, root, _ = site
    publish(root, "a.csv", b"x\n1\n")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"could not write .*; nothing was left behind: free some space or name"):
        fetch_table(plain_table(), tmp_path / "file" / "tables", origin=origin)


@pytest.mark.parametrize(("published_rows", "our_rows"), [(20_000, 1), (1, 20_000)], ids=["download", "table"])
def test_a_write_that_fails_leaves_nothing(published_rows, our_rows, site, folder):
    """The system's limit on a file's size stands for a full disk: the error comes from the same call."""
    origin, root, _ = site
    content = b"x\n" * published_rows
    publish(root, "a.csv", content)
    table = dataclasses.replace(
        plain_table(),
        published={"a.csv": hashlib.sha256(content).hexdigest()},
        rows=lambda _: ([str(number)] for number in range(our_rows)),
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StoreError, match=r"could not write .*a.csv.gz: File too large; nothing was left behind"):
            fetch_table(table, folder, origin=origin)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_converted_table_with_another_digest_is_not_kept(site, folder):
    """The last check is of our table's own text."""
    origin, root, _ = site
    publish(root, "a.csv", b"x\n1\n")
    with pytest.raises(FetchError, match="is another table than the published one"):
        fetch_table(dataclasses.replace(plain_table(), digest="0" * 64), folder, origin=origin)
    assert list(folder.iterdir()) == []


def plain_table():
    return dataclasses.replace(
        TABLES["credit-default"],
        file="a.csv.gz",
        published={"a.csv": hashlib.sha256(b"x\n1\n").hexdigest()},
        ways=("{file}",),
        rows=csv.reader,
        digest=None,
    )


def test_the_same_table_is_the_same_bytes(site, tmp_path):
    """Neither a name nor a time stands in the gzip header."""
    origin, root, _ = site
    publish(root, "a.csv", b"x\n1\n")
    first, second = (fetch_table(plain_table(), tmp_path / name, origin=origin) for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


def test_an_unknown_name_is_refused_with_the_nearest(folder):
    with pytest.raises(FetchError, match=r"got 'census'; did you mean 'census-income'\?"):
        fetch("census", folder)


def test_a_published_census_line_becomes_a_row_of_ours():
    """Without the weight 1700.09 and the last full stop, and with the year in full."""
    header, row = TABLES["census-income"].rows([CENSUS_LINE])
    person = dict(zip(header, row, strict=True))
    assert (person["person_id"], person["age"], person["year"], person["label"]) == ("1", "73", "1995", "- 50000")
    assert person["detailed_household_summary_in_household"] == "Other relative of householder"
    assert person["migration_code_change_in_msa"] == "?"
    assert "1700.09" not in row


@real_tables
def test_census_income_is_read_from_its_nested_archive(site, folder):
    """Rows of our half, put back into the published layout, come out as they were."""
    origin, root, _ = site
    with gzip.open(DATA / "census_income_kdd.csv.gz", "rt", encoding="utf-8", newline="") as text:
        header, *rows = islice(csv.reader(text), 5001)
    lines = []
    for _, *values, year, label in rows:
        cells = [cell or "NA" for cell in values]
        lines.append(", ".join([*cells[:24], "1700.09", *cells[24:], year.removeprefix("19"), f"{label}."]) + "\n")
    parts = {
        "census-income.data": "".join(lines[:3000]).encode(),
        "census-income.test": "".join(lines[3000:]).encode(),
    }
    publish(root, "static/public/117/census+income+kdd.zip", zipped(**{"census.tar.gz": tarred(**parts)}))
    known = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    fetched = fetch_table(dataclasses.replace(TABLES["census-income"], published=known), folder, origin=origin)
    with gzip.open(fetched, "rt", encoding="utf-8", newline="") as text:
        assert list(csv.reader(text)) == [header, *rows]


@real_tables
def test_census_income_that_is_not_the_published_one_is_refused(site, folder):
    origin, root, _ = site
    parts = {"census-income.data": CENSUS_LINE.encode(), "census-income.test": CENSUS_LINE.encode()}
    publish(root, "static/public/117/census+income+kdd.zip", zipped(**{"census.tar.gz": tarred(**parts)}))
    with pytest.raises(FetchError, match=r"holds another census-income.data than was published"):
        fetch("census-income", folder, origin=origin)
    assert not folder.exists()
