"""See: what the labels that have come by a moment say of the champion's recall, cohort by cohort."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rarecall.project import Project
from tasks.watch import references

if TYPE_CHECKING:
    from rarecall.finding import Finding


def see(project: Project, now: datetime) -> tuple[Finding, ...]:
    """Return what is found of the champion, held against the objective and what it was registered with.

    Nothing where there is no champion.
    """
    from monitoring import watched
    from serving import registry

    client = registry.connect(project)
    champion = registry.at_alias(client, project.name, registry.CHAMPION) if registry.exists(project) else None
    if champion is None:
        return ()
    version = int(champion.version)
    known = references(client, project.name, version)
    return watched.findings(project, version=version, as_of=now, references=known)
