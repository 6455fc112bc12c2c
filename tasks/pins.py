"""Pins: dataset versions that a person keeps, whatever else would let them go; the ledger remembers who and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rarecall.project import Project
from tasks.ledger import open_project_ledger
from tasks.versions import resolve

if TYPE_CHECKING:
    from monitoring.ledger import Entry

PINNED = "dataset.pinned"
UNPINNED = "dataset.unpinned"


def pin(project: Project, prefix: str, *, who: str, why: str) -> dict[str, Any]:
    """Keep a dataset version; return its key, whether it was pinned already, and the ledger's entry, None if it was."""
    return _write(project, prefix, PINNED, who=who, why=why)


def unpin(project: Project, prefix: str, *, who: str, why: str) -> dict[str, Any]:
    """Let a dataset version go again; `already` when nobody had pinned it."""
    return _write(project, prefix, UNPINNED, who=who, why=why)


def pins(project: Project) -> dict[str, Entry]:
    """Return the pins that stand, by dataset version, whichever project of the ledger wrote them."""
    ledger = open_project_ledger(project)
    written = [*ledger.entries(PINNED), *ledger.entries(UNPINNED)]
    last = {entry.payload["dataset"]: entry for entry in sorted(written, key=lambda entry: entry.number)}
    return {key: entry for key, entry in last.items() if entry.kind == PINNED}


def _write(project: Project, prefix: str, kind: str, *, who: str, why: str) -> dict[str, Any]:
    version = resolve(project, "datasets", prefix).key
    already = (version in pins(project)) == (kind == PINNED)
    entry = None
    if not already:
        entry = open_project_ledger(project).append(kind, project.name, {"dataset": version}, who=who, why=why).number
    return {"project": project.name, "version": version, "pinned": kind == PINNED, "already": already, "entry": entry}
