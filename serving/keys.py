"""API keys: a file of digests under the home, several keys with scopes, each shown once when it is made.

A key is 256 random bits, so one round of SHA-256 is as strong as a slow hash would be, and a request can afford it.
"""

import hmac
import json
import os
import secrets
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from rarecall.errors import DataError, StoreError, nearest

SCOPES = ("predict", "labels", "admin")
"""What a key may do: ask for predictions, send labels, see the page, the metrics and everything else."""

FILE = "keys.json"
_PREFIX = "rck_"


@dataclass(frozen=True)
class Key:
    """One key, without the key itself.

    Attributes
    ----------
    name : str
        For people.
    digest : str
        SHA-256 of the key, in hexadecimal digits.
    scopes : tuple of str
    made : str
        When, in UTC.
    """

    name: str
    digest: str
    scopes: tuple[str, ...]
    made: str


class Keys:
    """The keys of one home; whoever reads sees what another process has changed.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._read: tuple[tuple[int, int] | None, tuple[Key, ...]] = (None, ())

    def all(self) -> tuple[Key, ...]:
        """Return the keys, oldest first.

        Raises
        ------
        StoreError
            The file is not what was written.
        """
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return ()
        stamp = (found.st_mtime_ns, found.st_ino)
        if self._read[0] != stamp:
            try:
                told = json.loads(self._file.read_text())
                keys = tuple(Key(**{**one, "scopes": tuple(one["scopes"])}) for one in told)
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise StoreError(
                    f"{self._file} cannot be read as keys: {type(error).__name__}; restore it, or remove it and add "
                    "keys again with: rarecall keys add NAME"
                ) from error
            self._read = (stamp, keys)
        return self._read[1]

    def add(self, name: str, scopes: Collection[str]) -> str:
        """Make a key and return it; only its digest is kept.

        Raises
        ------
        DataError
            The name is taken, or a scope is unknown.
        """
        for scope in scopes:
            if scope not in SCOPES:
                raise DataError(f"--scope: no scope {scope!r}{nearest(scope, SCOPES)}")
        if not name.strip() or not name.isprintable() or not scopes:
            raise DataError("expected a name and at least one scope: predict, labels or admin")
        made = _PREFIX + secrets.token_urlsafe(32)
        with self._changing():
            there = self.all()
            if any(one.name == name for one in there):
                raise DataError(f"there is a key {name!r} already; revoke it first, or choose another name")
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._write((*there, Key(name, _digest(made), tuple(s for s in SCOPES if s in scopes), now)))
        return made

    def revoke(self, name: str) -> None:
        """Remove a key; a server refuses it from then on. DataError where there is none of that name."""
        with self._changing():
            there = self.all()
            if all(one.name != name for one in there):
                raise DataError(f"there is no key {name!r}{nearest(name, [one.name for one in there])}")
            self._write(tuple(one for one in there if one.name != name))

    def scopes_of(self, key: str) -> tuple[str, ...]:
        """Return what a key may do; nothing where it is unknown. Every known one is compared, in constant time."""
        presented, found = _digest(key), ()
        for one in self.all():
            if hmac.compare_digest(one.digest, presented):
                found = one.scopes
        return found

    def _changing(self) -> FileLock:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self._file.with_suffix(".lock"), timeout=30)

    def _write(self, keys: tuple[Key, ...]) -> None:
        aside = self._file.with_suffix(".partial")
        aside.unlink(missing_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            json.dump([asdict(one) for one in keys], opened, indent=1)
            opened.flush()
            os.fsync(opened.fileno())
        aside.replace(self._file)


def _digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()
