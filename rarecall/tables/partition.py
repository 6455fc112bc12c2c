"""A partition: one delivery's rows in a version of a table, and what is wrong with its file."""

from dataclasses import dataclass
from typing import Any

from rarecall import digest
from rarecall.warehouse import Version


@dataclass(frozen=True, kw_only=True)
class Partition:
    """One delivery's rows in a version.

    Attributes
    ----------
    name : str
        The file in the version's folder.
    number : int
        The version with which it came.
    rows : int
    start : int
        The offset of its first row in the whole.
    content : str
        The digest of the rows as they were delivered.
    first, last : str or None
        The span of the table's time column in UTC, where it has one.
    facts : dict
        What the writer said of the delivery.
    """

    name: str
    number: int
    rows: int
    start: int
    content: str
    first: str | None
    last: str | None
    facts: dict[str, Any]


def damage(version: Version, one: Partition, known: dict[str, dict[str, Any]], *, by_bytes: bool = True) -> str | None:
    """Return what is wrong with a partition's file, if anything: its length, and by its bytes if these are read."""
    file, written = version.file(one.name), known[one.name]
    if not file.is_file():
        return f"{file} is missing"
    if (size := file.stat().st_size) != written["bytes"]:
        return f"{file}: expected {written['bytes']:,} bytes, got {size:,}"
    if by_bytes and digest.of_file(file) != written["sha256"]:
        return f"{file} is not what was written (its SHA-256 differs from the manifest)"
    return None
