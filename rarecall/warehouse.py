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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rarecall import digest
from rarecall.errors import StoreError, redacted

MANIFEST = "manifest.json"
_PARTIAL = ".partial-"
_LOCK = ".lock"
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
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
        folders = [self.root / kind / key for key in self.keys(kind)]
        folders.sort(key=lambda folder: (folder.stat().st_mtime_ns, folder.name))
        return [version for folder in folders if (version := self.find(kind, folder.name))]

    def kinds(self) -> list[str]:
        """Return the kinds of which there is a shelf, in their order."""
        shelves = self.root.iterdir() if self.root.is_dir() else []
        return sorted(f.name for f in shelves if f.is_dir() and not f.name.startswith("."))

    def keys(self, kind: str) -> list[str]:
        """Return the keys of a kind in their order, without reading a manifest."""
        shelf = self.root / kind
        return sorted(f.name for f in shelf.iterdir() if not f.name.startswith(".")) if shelf.is_dir() else []

    @contextmanager
    def alone(self, kind: str, *, wait: float) -> Iterator[None]:
        """Hold one shelf, so that no other holder writes to it meanwhile; what a killed holder left is removed.

        Parameters
        ----------
        kind : str
        wait : float
            Seconds to wait for another holder, at most.

        Raises
        ------
        StoreError
            Another one held it all the while, or the shelf cannot be written.
        """
        shelf = self.root / kind
        lock = FileLock(shelf / _LOCK, timeout=wait)
        try:
            shelf.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"another process has been writing to {shelf} for more than {wait:g} s; nothing was changed: "
                "wait until it has ended and run again"
            ) from None
        except OSError as error:
            raise _explained(error, shelf) from error
        try:
            _remove(shelf.glob(f"{_PARTIAL}*"))
            yield
        finally:
            lock.release()

    @contextmanager
    def write(self, kind: str, key: str, *, recipe: dict[str, Any]) -> Iterator["Draft"]:
        """Yield a draft to fill; it becomes the version when the block ends without an error.

        An error in the block, a full disk among them, removes the draft and leaves everything else as it was.
        Two writers of one key both succeed: the recipe is the same, so the first to finish stands.
        """
        with self.aside(kind, f"{key}-") as folder:
            draft = Draft(folder=folder)
            yield draft
            self._seal(draft, kind=kind, key=key, recipe=recipe)
            _rename(folder, self.root / kind / key)

    @contextmanager
    def aside(self, kind: str, name: str = "") -> Iterator[Path]:
        """Yield an empty folder beside a kind's versions that nobody reads; it is gone when the block ends."""
        shelf = self.root / kind
        folder = shelf / f"{_PARTIAL}{name}{uuid.uuid4().hex[:8]}"
        try:
            folder.mkdir(parents=True)
            yield folder
        except OSError as error:
            raise _explained(error, shelf) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def restore(self, kind: str, file: Path, sha256: str) -> int:
        """Put a file in the place of a damaged one of its name, wherever a version of the kind names its digest.

        Returns
        -------
        int
            In how many versions it was put.

        Raises
        ------
        StoreError
            The file itself does not have the digest.
        """
        if digest.of_file(file) != sha256:
            raise StoreError(f"{file}: expected a file with the SHA-256 {sha256}; nothing was changed")
        _finish(file)
        count = 0
        for version in self.versions(kind):
            if self.files(version).get(file.name, {}).get("sha256") != sha256:
                continue
            linked = file.with_suffix(".linked")
            _link(file, linked, sha256)
            linked.replace(version.file(file.name))
            count += 1
        return count

    def sweep(self) -> int:
        """Remove the drafts of writers that were killed and return how many there were.

        Only for the holder of the home's lock: a draft of a living writer looks the same. A shelf that somebody holds
        (`alone`) is passed over.
        """
        return sum(_swept(shelf) for shelf in self.root.glob("*/"))

    def verify(self, version: Version) -> None:
        """Raise StoreError unless every file still has the digest that its manifest names."""
        folder = Path(version.path)
        for name, known in self.files(version).items():
            if not (folder / name).is_file():
                raise StoreError(f"{folder / name} is missing; remove the folder {folder} and run again to rebuild it")
            if digest.of_file(folder / name) != known["sha256"]:
                raise StoreError(
                    f"{folder / name} is not what was written (its SHA-256 differs from the manifest); "
                    f"remove the folder {folder} and run again to rebuild it"
                )

    def files(self, version: Version) -> dict[str, dict[str, Any]]:
        """Return the `sha256` and the `bytes` of each of its files, as they were written."""
        files: dict[str, dict[str, Any]] = self._manifest(Path(version.path))["files"]
        return files

    def recipe(self, version: Version) -> dict[str, Any]:
        """Return everything that a version depends on, as it was given when it was written."""
        recipe: dict[str, Any] = self._manifest(Path(version.path)).get("recipe", {})
        return recipe

    def remove(self, version: Version) -> None:
        """Remove a version: by one rename it is gone, its files follow.

        Who is killed between leaves what a killed writer leaves, and the next sweep removes it.
        """
        folder = Path(version.path)
        aside = folder.with_name(f"{_PARTIAL}{folder.name}-{uuid.uuid4().hex[:8]}")
        try:
            folder.rename(aside)
        except OSError as error:
            raise StoreError(f"{folder} could not be removed: {error.strerror}; it is whole and as it was") from error
        shutil.rmtree(aside, ignore_errors=True)

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
        files = {name: draft.adopted.get(name) or _described(draft.folder / name) for name in names}
        manifest = {"kind": kind, "key": key, "recipe": recipe, "facts": draft.facts, "files": files}
        (draft.folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False) + "\n")
        for name in [*(name for name in names if name not in draft.adopted), MANIFEST]:
            _finish(draft.folder / name)


@dataclass(frozen=True)
class Draft:
    """A version being written: put files into `folder`, and what is known about them into `facts`.

    What was `measured` with a clock is for whoever asked for the draft: it differs from run to run, so it is no part of
    the version.
    """

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    adopted: dict[str, dict[str, Any]] = field(default_factory=dict)

    def adopt(self, version: Version, names: Iterable[str]) -> None:
        """Take files of another version over as they are: linked, so that neither their bytes nor their digests cost.

        Where the file system makes no links they are copied. A file whose length is not what was written is refused;
        that its bytes are the same is for `Warehouse.verify` to say.

        Raises
        ------
        StoreError
            A file is gone or cut off.
        """
        known = Warehouse(Path(version.path).parents[1]).files(version)
        for name in names:
            source = version.file(name)
            if not source.is_file() or source.stat().st_size != known[name]["bytes"]:
                there = f"{source.stat().st_size:,} bytes" if source.is_file() else "no file"
                raise StoreError(f"{source}: expected {known[name]['bytes']:,} bytes, got {there}; nothing was changed")
            _link(source, self.folder / name, known[name]["sha256"])
            self.adopted[name] = known[name]


def _described(path: Path) -> dict[str, Any]:
    return {"sha256": digest.of_file(path), "bytes": path.stat().st_size}


def _link(source: Path, target: Path, sha256: str) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copyfile(source, target)
        if digest.of_file(target) != sha256:
            raise StoreError(
                f"{source} is not what was written (its SHA-256 differs from the manifest); nothing was changed"
            ) from None
        _finish(target)


def _swept(shelf: Path) -> int:
    left = list(shelf.glob(f"{_PARTIAL}*"))
    # A draft in a shelf that is held is made after its lock; what is listed before the lock is had is nobody's then.
    lock = FileLock(shelf / _LOCK, timeout=0)
    if left and (shelf / _LOCK).exists():
        try:
            lock.acquire()
        except Timeout:
            return 0
    try:
        return _remove(left)
    finally:
        lock.release()


def _remove(folders: Iterable[Path]) -> int:
    count = 0
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        count += 1
    return count


def _finish(path: Path) -> None:
    """Have the disk hold a file, and nobody write to it any more."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    path.chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)


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
