"""The project's ledger: opened where its configuration says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rarecall.project import Project

if TYPE_CHECKING:
    from monitoring.ledger import Entry, Ledger


def open_project_ledger(project: Project) -> Ledger:
    """Return the ledger of the project's home, or the one that `stores.ledger` names."""
    from monitoring.ledger import open_ledger  # SQLAlchemy takes half a second that `--help` does not have

    return open_ledger(ledger_url(project))


def ledger_url(project: Project) -> str:
    """Return the SQLAlchemy URL of the ledger: SQLite under the home unless the project names a server."""
    return project.stores.ledger or f"sqlite:///{Path(project.stores.home) / 'ledger.db'}"


def known_entries(project: Project, kind: str) -> tuple[Entry, ...]:
    """Return the project's entries of a kind, oldest first; where `label.as_of` is set, those written by then."""
    moment = project.label.as_of
    entries = open_project_ledger(project).entries(kind, project.name)
    return tuple(entry for entry in entries if moment is None or entry.at <= moment)
