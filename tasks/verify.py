"""Verify a home: every file of every version by its digest, and every registration in Feast by its file."""

from pathlib import Path
from typing import Any

from rarecall import digest
from rarecall.datasets import retention
from rarecall.errors import StoreError
from rarecall.project import Project
from rarecall.warehouse import Version
from tasks.shelf import warehouse
from tasks.versions import resolve


class DamagedError(StoreError):
    """Something in the home is not what was written: one sentence for each fault."""

    exit_code = 2


def verify(project: Project, named: str | None = None) -> dict[str, Any]:
    """Recompute the digests of one version or of all.

    Parameters
    ----------
    project : Project
    named : str, optional
        The beginning of a dataset version's key, or `kind/` and the beginning of a key.

    Returns
    -------
    dict
        How many `versions`, `files`, `bytes` and Feast `registrations` were looked at; all are what was written.

    Raises
    ------
    DamagedError
        A file is not what was written or is gone, a manifest cannot be read, or Feast names a file that is gone.
    """
    shelf, faults, read = warehouse(project), list[str](), dict[tuple[int, int], str]()
    if named:
        kind, key = named.split("/", 1) if "/" in named else ("datasets", named)
        names = [(kind, resolve(project, kind, key).key)]
    else:
        names = [(kind, key) for kind in shelf.kinds() for key in shelf.keys(kind)]
    files = size = 0
    for kind, key in names:
        try:
            version = shelf.find(kind, key)
            known = shelf.files(version) if version else {}
        except StoreError as error:
            faults.append(str(error))
            continue
        for name, written in known.items():
            files, size = files + 1, size + written["bytes"]
            if version and (fault := _fault(version, name, written["sha256"], read)):
                faults.append(fault)
    registrations = [] if named else _registrations(project, faults)
    if faults:
        raise DamagedError("\n".join(faults))
    return {
        "project": project.name,
        "versions": len(names),
        "files": files,
        "bytes": size,
        "registrations": len(registrations),
    }


def _fault(version: Version, name: str, sha256: str, read: dict[tuple[int, int], str]) -> str | None:
    """Return what is wrong with a file, if anything; one that several versions share is read once."""
    file = version.file(name)
    is_made = version.kind in retention.MADE
    mend = (
        f"remove the folder {version.path} and run again to rebuild it"
        if is_made
        else "deliver the same rows again, which restores it"
    )
    try:
        place = file.stat()
        same = read.setdefault((place.st_dev, place.st_ino), "") or digest.of_file(file)
    except FileNotFoundError:
        return f"{file} is missing; {mend}"
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}; {mend}"
    read[place.st_dev, place.st_ino] = same
    return None if same == sha256 else f"{file} is not what was written (its SHA-256 differs from the manifest); {mend}"


def _registrations(project: Project, faults: list[str]) -> list[Any]:
    """Return what Feast has registered, and add what is wrong with it to the faults."""
    from tasks.registered import registered

    try:
        found = registered(project)
    except StoreError as error:
        faults.append(str(error))
        return []
    for one in found:
        if one.is_gone:
            what = "saved dataset" if one.is_dataset else "feature view"
            mend = "rarecall datasets gc --yes takes it out" if one.is_dataset else "rarecall retrain writes it anew"
            faults.append(f"Feast's {what} {one.name} reads {Path(one.path)}, which is gone; {mend}")
    return found
