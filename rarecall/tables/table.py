"""An append-only table in the warehouse: every version is whole, and costs what its own new rows cost.

A version is a folder of Parquet partitions, one a delivery. Those of earlier versions are links to the same files, with
the digests that they had; only the new partition is written and hashed. See docs/append.md.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rarecall import digest
from rarecall.errors import DataError, StoreError
from rarecall.intake import fingerprint
from rarecall.tables import schema as schemas
from rarecall.tables.partition import Partition, damage
from rarecall.warehouse import Draft, Version, Warehouse

DELIVERIES = "deliveries"
"""The kind of the project's own table, of all that `rarecall append` delivered."""

WAIT = 60.0
"""Seconds that a second writer waits for the first; an append of a million rows takes a few."""

_DIGITS = 8  # of the number that begins a key, so that the keys' order is the versions'


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What an append came to.

    Attributes
    ----------
    version : Version
        The table's head.
    number : int
        The version with which the rows came: the head's, unless they had been delivered before.
    is_new : bool
        Whether they made a version.
    is_restored : bool
        Whether their partition had been damaged and is whole again.
    """

    version: Version
    number: int
    is_new: bool
    is_restored: bool = False


@dataclass(frozen=True)
class Table:
    """An append-only table: one kind of a warehouse, whose versions follow one another by number.

    Parameters
    ----------
    shelf : Warehouse
    kind : str
        The shelf on which its versions stand; nothing else may write there.
    time : str, optional
        The column whose span each partition names.
    wait : float
        Seconds that a writer waits for another one.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     table = Table(Warehouse(Path(root)), "deliveries")
    ...     first = table.append(pa.table({"age": [31, 47]}))
    ...     second = table.append(pa.table({"age": [52]}))
    ...     again = table.append(pa.table({"age": [31, 47]}))
    ...     partition, offset = table.locate(second.version, 2)
    ...     table.read().to_pydict(), table.read(first.version).num_rows, again.is_new, again.number, offset
    ({'age': [31, 47, 52]}, 2, False, 1, 0)
    """

    shelf: Warehouse
    kind: str
    time: str | None = None
    wait: float = WAIT

    def head(self) -> Version | None:
        """Return the newest version, None of a table without rows.

        Raises
        ------
        StoreError
            Its manifest cannot be read, or two versions follow the same one: a file system that does not know locks.
        """
        keys = self.shelf.keys(self.kind)
        if len(keys) > 1 and keys[-1][:_DIGITS] == keys[-2][:_DIGITS]:
            folder = self.shelf.root / self.kind
            raise StoreError(
                f"{folder} holds two versions {int(keys[-1][:_DIGITS])}: its file system does not lock files; keep one "
                f"of {keys[-2]} and {keys[-1]}, remove the other, and append its rows again"
            )
        return self.shelf.find(self.kind, keys[-1]) if keys else None

    def versions(self) -> list[Version]:
        """Return every version, oldest first; its facts name `number`, `parent`, `rows`, `columns`, `partitions`."""
        return [version for key in self.shelf.keys(self.kind) if (version := self.shelf.find(self.kind, key))]

    def append(self, rows: pa.Table, *, facts: Mapping[str, Any] | None = None) -> Delivery:
        """Add a delivery behind all others; the very same rows once more change nothing, or mend what was damaged.

        Parameters
        ----------
        rows : pyarrow.Table of shape (n_rows, n_columns)
            All the columns that the table has, and new ones besides.
        facts : mapping, optional
            Small JSON values about this delivery, never a time or a path.

        Returns
        -------
        Delivery

        Raises
        ------
        DataError
            No rows, or their schema does not fit: a column is lost, or holds another type.
        StoreError
            Another writer held the table all the while, the disk is full, or an earlier partition is damaged.
        """
        if not rows.num_rows:
            raise DataError(f"expected rows to append to {self.kind}, got an empty table; nothing was changed")
        rows = schemas.plain(rows)
        content = _content(rows)
        with self.shelf.alone(self.kind, wait=self.wait):
            head = self.head()
            if head and (known := [one for one in self.partitions(head) if one.content == content]):
                restored = self._restored(content, rows)
                return Delivery(version=head, number=known[0].number, is_new=False, is_restored=restored)
            return self._appended(head, rows, content, dict(facts or {}))

    def read(self, version: Version | None = None) -> pa.Table:
        """Return a version's rows in the order in which they were delivered; by default the head's.

        Raises
        ------
        StoreError
            The table has no rows yet, or a partition is not what was written.
        """
        version = version or self.head()
        if version is None:
            raise StoreError(f"{self.shelf.root / self.kind} holds no rows yet; append some first")
        self.verify(version)
        return pa.concat_tables([_read(version.file(one.name)) for one in self.partitions(version)])

    def partitions(self, version: Version) -> list[Partition]:
        """Return what a version is made of, the oldest delivery first."""
        return [Partition(**one) for one in version.facts["partitions"]]

    def locate(self, version: Version, row_id: int) -> tuple[Partition, int]:
        """Return from which delivery a row of the whole came, and its offset in it.

        Raises
        ------
        DataError
            The version has no such row.
        """
        for one in self.partitions(version):
            if one.start <= row_id < one.start + one.rows:
                return one, row_id - one.start
        raise DataError(
            f"expected a row from 0 to {version.facts['rows'] - 1} of {self.kind} version "
            f"{version.facts['number']}, got {row_id}"
        )

    def verify(self, version: Version) -> None:
        """Raise StoreError unless every partition is what was written, and say how it is restored."""
        known = self.shelf.files(version)
        for one in self.partitions(version):
            if said := damage(version, one, known):
                raise StoreError(self._damaged(one, said))

    def _appended(self, head: Version | None, rows: pa.Table, content: str, facts: dict[str, Any]) -> Delivery:
        known, rows = self.partitions(head) if head else [], schemas.untyped(rows)
        schema = schemas.fitted(head, rows)
        number = head.facts["number"] + 1 if head else 1
        recipe = {"parent": head.key if head else None, "content": content}
        key = f"{number:0{_DIGITS}}-{digest.of_value(recipe)}"
        first, last = _span(rows, self.time)
        new = Partition(
            name=f"part-{number:0{_DIGITS}}.parquet",
            number=number,
            rows=rows.num_rows,
            start=sum(one.rows for one in known),
            content=content,
            first=first,
            last=last,
            facts=facts,
        )
        with self.shelf.write(self.kind, key, recipe=recipe) as draft:
            if head:
                self._take_over(draft, head, schema)
            pq.write_table(schemas.cast(rows, schema), draft.folder / new.name)
            columns = {field.name: str(field.type) for field in schema}
            draft.facts.update(
                number=number,
                parent=recipe["parent"],
                rows=new.start + new.rows,
                columns=columns,
                arrow_schema=base64.b64encode(schema.serialize()).decode(),
                schema=digest.of_value(list(columns.items())),
                partitions=[asdict(one) for one in (*known, new)],
            )
        made = self.shelf.find(self.kind, key)
        if made is None:
            raise StoreError(f"{self.shelf.root / self.kind / key} was written and is gone; is something removing it?")
        return Delivery(version=made, number=number, is_new=True)

    def _take_over(self, draft: Draft, head: Version, schema: pa.Schema) -> None:
        """Link the head's partitions; where the delivery widened the schema, write them once more in it.

        A folder whose files differ in their columns would be a trap: DuckDB, and with it Feast, reads all of them by
        the first one's schema, so that it rounds fractions and loses columns.
        """
        known, partitions, is_wider = self.shelf.files(head), self.partitions(head), schema != schemas.of(head)
        for one in partitions:
            if said := damage(head, one, known, by_bytes=is_wider):
                raise StoreError(self._damaged(one, said))
        if not is_wider:
            draft.adopt(head, [one.name for one in partitions])
            return
        for one in partitions:
            pq.write_table(schemas.cast(_read(head.file(one.name)), schema), draft.folder / one.name)

    def _restored(self, content: str, rows: pa.Table) -> bool:
        """Write a delivery's partition once more wherever it is damaged; return whether it was."""
        sound, is_restored = set(), False
        for version in self.versions():
            known = self.shelf.files(version)
            for one in self.partitions(version):
                file = version.file(one.name)
                if one.content != content or (file.is_file() and file.stat().st_ino in sound):
                    continue
                if damage(version, one, known):
                    self._restore(version, one.name, rows, known[one.name]["sha256"])
                    is_restored = True
                sound.add(file.stat().st_ino)
        return is_restored

    def _restore(self, version: Version, name: str, rows: pa.Table, sha256: str) -> None:
        with self.shelf.aside(self.kind) as folder:
            pq.write_table(schemas.cast(rows, schemas.of(version)), folder / name)
            if digest.of_file(folder / name) != sha256:
                raise StoreError(
                    f"{version.file(name)} is damaged, and these rows are its rows, but this pyarrow writes them in "
                    "other bytes; restore the file from a copy of the home, or append with the pyarrow that wrote it"
                )
            self.shelf.restore(self.kind, folder / name, sha256)

    def _damaged(self, partition: Partition, said: str) -> str:
        before = f"; the versions before {partition.number} can be read" if partition.number > 1 else ""
        named = partition.facts.get("file")
        rows = f"the {partition.rows} rows of {named}" if named else f"the same {partition.rows} rows"
        return f"{said}; append {rows} again, which restores it{before}"


def _content(rows: pa.Table) -> str:
    """Return what names the rows in their order; neither the columns' order nor how a number is stored matters."""
    names = sorted(rows.column_names)
    each = fingerprint.of_rows(rows.to_pandas(), names)
    return digest.of_value([names, hashlib.sha256("".join(each).encode()).hexdigest()])


def _span(rows: pa.Table, time: str | None) -> tuple[str | None, str | None]:
    if time is None or time not in rows.column_names:
        return None, None
    moments = pd.to_datetime(rows[time].to_pandas(), utc=True, errors="coerce", format="ISO8601").dropna()
    return (moments.min().isoformat(), moments.max().isoformat()) if len(moments) else (None, None)


def _read(file: Path) -> pa.Table:
    return pq.read_table(file, partitioning=None)
