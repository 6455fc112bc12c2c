"""Origin: which file of the source a snapshot's row stood in, and where in it."""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from rarecall.errors import DataError
from rarecall.intake import source
from rarecall.sections import Source
from rarecall.tables.table import Table
from rarecall.warehouse import Version, Warehouse

QUERY, ANOTHER = "a SQL query", "a source that the project names no more"
"""What a source is called that has no file."""


@dataclass(frozen=True)
class Place:
    """Where a row stands in the source.

    Attributes
    ----------
    file : str
        Its name, below the folder where the source is one.
    row : int
        From 0, in that file.
    line : int, optional
        From 1, in a CSV: where its first cell stands, for a cell may hold line breaks.
    """

    file: str
    row: int
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class Origin(ABC):
    """What a snapshot's rows came from.

    Parameters
    ----------
    shelf : Warehouse
    left : callable, optional
        Takes a snapshot and returns where in its source the rows stand of people who were not forgotten, in order;
        None where that cannot be said any more.
    """

    shelf: Warehouse
    left: Callable[[Version], Sequence[int] | None] | None = None

    @abstractmethod
    def sources(self, snapshot: Version) -> list[tuple[str, dict[str, Any]]]:
        """Return what a snapshot was taken of: each file's name, without the path of this machine, and its facts."""

    @abstractmethod
    def _found(self, snapshot: Version, offsets: Sequence[int]) -> list[Place | None]:
        """Return where the rows stand that have these offsets in the whole source."""

    def places(self, snapshot: Version, rows: Sequence[int]) -> list[Place | None]:
        """Return where each of a snapshot's own rows stands in the source; None where it cannot be said any more.

        Parameters
        ----------
        snapshot : Version
        rows : sequence of int
            By their `row_id`; not those that were released from a quarantine, which stand in no source.

        Raises
        ------
        DataError
            The source cannot be read.
        """
        if not len(rows):
            return []
        if not snapshot.facts.get("forgotten"):
            return self._found(snapshot, rows)
        # The rows of forgotten people were left out before the others were numbered.
        kept = self.left(snapshot) if self.left else None
        return [None] * len(rows) if kept is None else self._found(snapshot, [int(kept[row]) for row in rows])

    def recipe(self, snapshot: Version) -> dict[str, Any]:
        """Return of what and how a snapshot was taken, as its manifest says."""
        recipe: dict[str, Any] = self.shelf.recipe(snapshot)["recipe"]
        return recipe


@dataclass(frozen=True, kw_only=True)
class InFiles(Origin):
    """Files that somebody else writes: a row is found in them while they are, byte for byte, what was read.

    Parameters
    ----------
    source : Source
        A query has no file, and is not run again.
    read : bool
        Whether its bytes may be read to tell if they are those of a snapshot; else only names and digests are told.
    """

    source: Source
    read: bool = True

    @cached_property
    def content(self) -> str | None:
        """The digest of what the source holds now; None where it cannot be read, or only by running a query."""
        try:
            return source.identity(self.source) if self.source.path and self.read else None
        except DataError:
            return None

    def holds(self, snapshot: Version) -> bool:
        """Tell whether the source still is what the snapshot was taken of."""
        return self.content is not None and self.content == self.recipe(snapshot)["content"]

    def sources(self, snapshot: Version) -> list[tuple[str, dict[str, Any]]]:
        """Return the source's name, the digest of what was read, and whether it holds that still."""
        name = PurePosixPath(self.source.path).name if self.source.path else QUERY if self.source.query else ANOTHER
        still = {"holds these rows still": self.holds(snapshot)} if self.source.path and self.read else {}
        return [(name, {"content": self.recipe(snapshot)["content"], **still})]

    def _found(self, snapshot: Version, offsets: Sequence[int]) -> list[Place | None]:
        if not self.holds(snapshot):
            return [None] * len(offsets)
        fs, root, files = source.located(self.source)
        if not source.is_parquet(self.source, files):
            lines = _lines(fs, files[0], set(offsets))
            return [Place(PurePosixPath(files[0]).name, offset, lines.get(offset)) for offset in offsets]
        names = [name.removeprefix(root).lstrip("/") or PurePosixPath(name).name for name in files]
        return _among(names, [_rows(fs, name) for name in files], offsets)


@dataclass(frozen=True, kw_only=True)
class InDeliveries(Origin):
    """The warehouse's own table of what was delivered: a row is found in it for good.

    Parameters
    ----------
    kind : str
        The shelf of the table.
    """

    kind: str

    def sources(self, snapshot: Version) -> list[tuple[str, dict[str, Any]]]:
        """Return each delivery that the snapshot was taken of, by the name of its file."""
        return [
            (
                str(one.facts.get("file", one.name)),
                {"delivery": one.number, "rows": one.rows, "content": one.content, "partition": one.name},
            )
            for one in self._partitions(snapshot)
        ]

    def _found(self, snapshot: Version, offsets: Sequence[int]) -> list[Place | None]:
        partitions = self._partitions(snapshot)
        names = [str(one.facts.get("file", one.name)) for one in partitions]
        return _among(names, [one.rows for one in partitions], offsets)

    def _partitions(self, snapshot: Version) -> list[Any]:
        table = Table(self.shelf, self.kind)
        version = self.shelf.find(self.kind, self.recipe(snapshot)["content"])
        return table.partitions(version) if version else []


def _among(names: Sequence[str], counts: Sequence[int], offsets: Sequence[int]) -> list[Place | None]:
    """Return in which of files that stand one after the other each offset lies."""
    ends = np.cumsum(np.asarray(counts, dtype=np.int64))
    found = np.searchsorted(ends, np.asarray(offsets, dtype=np.int64), side="right").tolist()
    firsts = [0, *ends.tolist()]
    return [
        Place(names[file], offset - firsts[file]) if file < len(names) else None
        for file, offset in zip(found, offsets, strict=True)
    ]


def _rows(fs: Any, name: str) -> int:
    with fs.open(name, "rb") as file:
        rows: int = pq.ParquetFile(file).metadata.num_rows
        return rows


def _lines(fs: Any, name: str, wanted: set[int]) -> dict[int, int]:
    """Return the line on which each wanted row begins, counted as pandas counts rows: blank lines are none."""
    found: dict[int, int] = {}
    last = max(wanted, default=-1)
    with fs.open(name, "rb", compression="infer") as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
        reader, row, begins = csv.reader(text), -2, 1
        try:
            for cells in reader:
                row += len(cells) > 1 or bool("".join(cells).strip())
                if row in wanted:
                    found.setdefault(row, begins)
                if row >= last:
                    break
                begins = reader.line_num + 1
        except csv.Error:  # a cell longer than the module reads: the row is known, its line is not
            pass
    return found
