"""Immutable, content-addressed outputs under one folder: written aside, hashed, renamed once.

A version is a folder `<root>/<kind>/<key>/` that holds its files and a `manifest.json`. The folder appears by one
rename, so whoever sees it sees all of it; a writer that is killed leaves only a `.partial-…` folder that nobody reads.
"""

import errno
import json
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rarecall import digest
from rarecall.errors import StoreError, redacted

MANIFEST = "manifest.json"
_PARTIAL = ".partial-"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


@dataclass(frozen=True, kw_only=True)
class Version:
    """One immutable output: what kind, named by the digest of what made it, and the facts known about it.

    Attributes
    ----------
    kind, key : str
        Together the name: `kind` is the shelf, `key` the digest of the recipe.
    path : str
        The folder that holds the files.
    facts : dict
        Small JSON values: counts, parameters, findings. Never a time, a path or anything else that would differ
        between two runs of the same recipe.
    """

    kind: str
    key: str
    path: str
    facts: dict[str, Any] = field(default_factory=dict)

    def file(self, name: str) -> Path:
        """Return the path of one of its files."""
        return Path(self.path) / name


@dataclass(frozen=True)
class Warehouse:
    """Versions under one root folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     shelf = Warehouse(Path(root))
    ...     with shelf.write("snapshots", "k1", recipe={"source": "a.csv"}) as draft:
    ...         _ = (draft.folder / "rows.txt").write_text("1,2")
    ...         draft.facts["rows"] = 1
    ...     shelf.find("snapshots", "k1").facts, shelf.find("snapshots", "k2")
    ({'rows': 1}, None)
    """

    root: Path

    def find(self, kind: str, key: str) -> Version | None:
        """Return the version if it is there, else None; StoreError when its manifest cannot be read."""
        folder = self.root / kind / key
        if not folder.is_dir():
            return None
        return Version(kind=kind, key=key, path=str(folder), facts=self._manifest(folder)["facts"])

    def versions(self, kind: str) -> list[Version]:
        """Return every version of a kind, oldest first."""
        shelf = self.root / kind
        folders = [f for f in shelf.iterdir() if not f.name.startswith(".")] if shelf.is_dir() else []
        folders.sort(key=lambda folder: (folder.stat().st_mtime_ns, folder.name))
        return [version for folder in folders if (version := self.find(kind, folder.name))]

    @contextmanager
    def write(self, kind: str, key: str, *, recipe: dict[str, Any]) -> Iterator["Draft"]:
        """Yield a draft to fill; it becomes the version when the block ends without an error.

        An error in the block, a full disk among them, removes the draft and leaves everything else as it was.
        Two writers of one key both succeed: the recipe is the same, so the first to finish stands.
        """
        shelf = self.root / kind
        folder = shelf / f"{_PARTIAL}{key}-{uuid.uuid4().hex[:8]}"
        try:
            folder.mkdir(parents=True)
            draft = Draft(folder=folder)
            yield draft
            self._seal(draft, kind=kind, key=key, recipe=recipe)
            _rename(folder, shelf / key)
        except OSError as error:
            raise _explained(error, shelf) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> int:
        """Remove the drafts of writers that were killed and return how many there were.

        Only for the holder of the home's lock: a draft of a living writer looks the same.
        """
        left = list(self.root.glob(f"*/{_PARTIAL}*"))
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)
        return len(left)

    def verify(self, version: Version) -> None:
        """Raise StoreError unless every file still has the digest that its manifest names."""
        folder = Path(version.path)
        for name, known in self._manifest(folder)["files"].items():
            if not (folder / name).is_file():
                raise StoreError(f"{folder / name} is missing; remove the folder {folder} and run again to rebuild it")
            if digest.of_file(folder / name) != known["sha256"]:
                raise StoreError(
                    f"{folder / name} is not what was written (its SHA-256 differs from the manifest); "
                    f"remove the folder {folder} and run again to rebuild it"
                )

    def _manifest(self, folder: Path) -> dict[str, Any]:
        try:
            manifest = json.loads((folder / MANIFEST).read_text())
        except (OSError, ValueError) as error:
            raise _unreadable(folder, str(error)) from error
        if not isinstance(manifest, dict) or not all(isinstance(manifest.get(p), dict) for p in ("facts", "files")):
            raise _unreadable(folder, "it holds no facts or no files")
        return manifest

    def _seal(self, draft: "Draft", *, kind: str, key: str, recipe: dict[str, Any]) -> None:
        names = sorted(str(f.relative_to(draft.folder)) for f in draft.folder.rglob("*") if f.is_file())
        files = {
            name: {"sha256": digest.of_file(draft.folder / name), "bytes": (draft.folder / name).stat().st_size}
            for name in names
        }
        manifest = {"kind": kind, "key": key, "recipe": recipe, "facts": draft.facts, "files": files}
        (draft.folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False) + "\n")
        for name in [*names, MANIFEST]:
            _flush(draft.folder / name)
            (draft.folder / name).chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)


@dataclass(frozen=True)
class Draft:
    """A version being written: put files into `folder`, and what is known about them into `facts`."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _rename(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        # Another writer of the same key was first: what it wrote is what we would have written.
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST} or not (target / MANIFEST).is_file():
            raise


def _unreadable(folder: Path, why: str) -> StoreError:
    return StoreError(f"{folder / MANIFEST} cannot be read ({why}); remove the folder and run again to rebuild it")


def _explained(error: OSError, shelf: Path) -> StoreError:
    said = error.strerror or str(error).splitlines()[0] if str(error) else type(error).__name__
    named = Path(str(error.filename)) if error.filename else None
    if named.is_relative_to(shelf) if named else error.errno in _NO_ROOM:
        return StoreError(
            f"could not write to {shelf}: {said}; nothing was changed: "
            "free some space or give another folder with --home, and run again"
        )
    # Something that the stage reads or asks is not there: another disk, a server, an input that was removed.
    what = f"{named}: {said}" if named else redacted(said)
    return StoreError(f"could not make {shelf.name}: {what}; nothing was changed: mend that and run again")
