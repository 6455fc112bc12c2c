"""A published table on this machine: downloaded, checked before it is parsed, converted, written by one rename."""

import csv
import fileinput
import gzip
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pooch

from rarecall import digest
from rarecall.catalog.tables import TABLES, Table
from rarecall.errors import RarecallError, StoreError, nearest

ORIGIN = "https://archive.ics.uci.edu"
_PATIENCE = 60.0  # seconds without a byte
_UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    FileNotFoundError,  # from fsspec: an archive without this file
    KeyError,  # the same, from zipfile
    NotImplementedError,  # a way of packing that zipfile does not know
)


class FetchError(RarecallError):
    """A published table could not be had, or what came is not the one that is published."""


class _WayError(Exception):
    """One way to the published files failed."""


def fetch(name: str, folder: Path, *, origin: str = ORIGIN) -> Path:
    """Put a public table into a folder, exactly as the examples read it.

    Each published file must have the SHA-256 that the catalog names for it, before it is parsed; the table made of
    them must have the digest of ours, where the catalog knows it. Archives are not compared: UCI may pack them anew.

    Parameters
    ----------
    name : str
        A key of `TABLES`: bank-marketing, adult, census-income or credit-default.
    folder : Path
        Where the table goes; made if it is missing. A table that is there already is checked and left as it is.
    origin : str
        The server's address, for a mirror that keeps UCI's paths.

    Returns
    -------
    Path
        The table, gzipped CSV.

    Raises
    ------
    FetchError
        The name is unknown, no way to the files answered, or a digest is another; nothing is left behind.
    StoreError
        The folder cannot be written, or the disk is full; nothing is left behind.

    Examples
    --------
    >>> fetch("adlt", Path("data"))
    Traceback (most recent call last):
        ...
    rarecall.catalog.download.FetchError: expected the name of a public table, got 'adlt'; did you mean 'adult'?
    """
    if name not in TABLES:
        raise FetchError(f"expected the name of a public table, got {name!r}{nearest(name, list(TABLES))}")
    return fetch_table(TABLES[name], folder, origin=origin)


def fetch_table(table: Table, folder: Path, *, origin: str = ORIGIN) -> Path:
    """Put a table that is described by hand into a folder; see `fetch`."""
    target = folder / table.file
    try:
        if target.exists():
            _verify(target, table)
            return target
        with tempfile.TemporaryDirectory(prefix="rarecall-fetch-") as scratch:
            files = _published_files(table, origin, Path(scratch))
            folder.mkdir(parents=True, exist_ok=True)
            _write(table, files, target)
    except OSError as error:
        raise StoreError(
            f"could not write {target}: {error.strerror or error}; nothing was left behind: "
            "free some space or name another folder, and fetch again"
        ) from error
    return target


def _published_files(table: Table, origin: str, scratch: Path) -> list[Path]:
    """Return the published files, each with the digest that the catalog names, from the first way that has them."""
    failures = []
    for way in table.ways:
        try:
            return [_published_file(way, file, sha256, origin, scratch) for file, sha256 in table.published.items()]
        except _WayError as error:
            failures.append(str(error))
    raise FetchError(
        f"{table.file} could not be fetched: {'; '.join(failures)}; "
        "try again on another network, or set RARECALL_DATA to a folder that has the table"
    )


def _published_file(way: str, file: str, sha256: str, origin: str, scratch: Path) -> Path:
    *inside, path = way.format(file=file).split("::")
    url = f"{origin}/{path}"
    download, found = scratch / f"from-{path.replace('/', '-')}", scratch / file
    if not download.exists():  # an archive may hold more than one of the files
        _download(url, download)
    try:
        with fsspec.open("::".join([*inside, f"file://{download}"])) as packed, found.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    except _UNREADABLE as error:
        raise _WayError(f"{url} holds no readable {file} ({error})") from error
    if (came := digest.of_file(found)) != sha256:
        raise _WayError(f"{url} holds another {file} than was published (SHA-256 {came}, expected {sha256})")
    return found


def _download(url: str, target: Path) -> None:
    try:
        pooch.HTTPDownloader(timeout=_PATIENCE, chunk_size=1 << 16)(url, str(target), None)
    except OSError as error:
        if error.errno is not None:  # the disk's; those of the network, from requests, carry no number
            raise
        raise _WayError(f"{url} did not answer as it should ({_reason(error)})") from error


def _reason(error: BaseException) -> str:
    """Return the operating system's words if it said any, else those of the library."""
    said = (getattr(link, "strerror", None) for link in _chain(error))
    return next(filter(None, said), None) or str(error).partition(" for url")[0]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _write(table: Table, files: list[Path], target: Path) -> None:
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        with aside.open("xb") as raw:
            # No name and no time in the gzip header: the same table is the same bytes on every machine.
            with (
                gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
                io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
                fileinput.FileInput(files, encoding="utf-8") as lines,
            ):
                csv.writer(text, lineterminator="\n").writerows(table.rows(lines))
            raw.flush()
            os.fsync(raw.fileno())
        _verify(aside, table)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _verify(path: Path, table: Table) -> None:
    if table.digest is None:
        return
    try:
        with gzip.open(path) as text:
            came = hashlib.file_digest(text, "sha256").hexdigest()
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        came = str(error)
    if came != table.digest:
        raise FetchError(
            f"{path} is another table than the published one (SHA-256 of its text: {came}, expected {table.digest}); "
            "move it away and fetch again"
        )
