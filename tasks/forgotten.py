"""Who was forgotten: the pseudonyms in the ledger, the key that makes them, and the rows that they keep out."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from rarecall import digest
from rarecall.errors import DataError, StoreError, nearest
from rarecall.project import Project
from tasks.ledger import open_project_ledger

if TYPE_CHECKING:
    import pandas as pd

    from monitoring.ledger import Entry

FORGOTTEN = "entity.forgotten"
KEY = "forget.key"
_BYTES = 32  # as many as the digest has (RFC 2104)


class Forgotten:
    """The people a project has forgotten, as pseudonyms by the columns that named them.

    Parameters
    ----------
    entries : tuple of Entry
        The ledger's `entity.forgotten`.
    secret : bytes
        The home's key; empty when nobody was forgotten.
    """

    def __init__(self, entries: tuple[Entry, ...], secret: bytes) -> None:
        self.secret = secret
        self.pseudonyms: dict[tuple[str, ...], set[str]] = {}
        for entry in entries:
            self.pseudonyms.setdefault(tuple(entry.payload["columns"]), set()).add(entry.payload["pseudonym"])

    def __bool__(self) -> bool:
        return bool(self.pseudonyms)

    def digest(self) -> str:
        """Return what names the set in a recipe."""
        return digest.of_value(sorted(name for names in self.pseudonyms.values() for name in names))

    def left(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of those who were not forgotten, as they stand.

        Raises
        ------
        DataError
            The table lacks a column by which someone was forgotten, so that their rows would pass unseen.
        """
        from rarecall.intake.pseudonym import of_rows

        named = frame.set_axis([str(name) for name in frame.columns], axis=1)
        for columns, names in self.pseudonyms.items():
            if lacking := [name for name in columns if name not in named]:
                raise DataError(
                    f"the table has no column {lacking[0]!r}, by which {len(names)} entities were forgotten, so their "
                    f"rows could come back unseen{nearest(lacking[0], list(named.columns))}; deliver the column again: "
                    "it need not be the entity or a feature any more"
                )
            stays = ~of_rows(named, columns, self.secret).isin(names)
            frame, named = frame[stays.to_numpy()], named[stays]
        return frame


def forgotten(project: Project) -> Forgotten:
    """Return whom the project has forgotten.

    Raises
    ------
    StoreError
        The ledger names people, and the key that knows them again is gone or another.
    """
    entries = written(project)
    if not entries:
        return Forgotten((), b"")
    file, wanted = _file(project), entries[-1].payload["key"]
    secret = _read(file) if file.exists() else b""
    if not secret or key_name(secret) != wanted:
        raise StoreError(
            f"{file}: expected the key {wanted}, with which forgotten people are known again, got "
            f"{key_name(secret) if secret else 'no file'}; restore it from a copy of the home: without it their rows "
            "would be learned from again"
        )
    return Forgotten(entries, secret)


def written(project: Project) -> tuple[Entry, ...]:
    """Return what the ledger says of forgetting, oldest first."""
    return open_project_ledger(project).entries(FORGOTTEN, project.name)


def secret_of(project: Project) -> bytes:
    """Return the home's key, made from the system's randomness when nobody was forgotten before."""
    if standing := forgotten(project):
        return standing.secret
    file = _file(project)
    if not file.exists():
        _make(file)
    return _read(file)


def key_name(secret: bytes) -> str:
    """Return what a key is called; it says nothing of the key, which is as long as any digest of it."""
    return digest.of_value({"key": secret.hex()})


def _file(project: Project) -> Path:
    return Path(project.stores.home) / KEY


def _read(file: Path) -> bytes:
    try:
        return bytes.fromhex(file.read_text())
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read as a key ({error}); restore it from a copy of the home") from error


def _make(file: Path) -> None:
    """Write a new key that only its owner may read; of two who make one at once, the first one's stands."""
    aside = file.with_name(f".partial-{file.name}-{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(secrets.token_hex(_BYTES))
            opened.flush()
            os.fsync(opened.fileno())
        if not file.exists():
            aside.rename(file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}; nothing was changed") from error
    finally:
        aside.unlink(missing_ok=True)
