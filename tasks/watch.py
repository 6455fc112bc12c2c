"""Watch: what the labels that have come by now say of the champion's recall, cohort by cohort."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rarecall.project import Project

if TYPE_CHECKING:
    from rarecall.finding import Finding


def watch(project: Project, now: datetime) -> tuple[Finding, ...]:
    """Return what is found of the champion; nothing where there is none."""
    from monitoring import watched
    from serving import registry

    client = registry.connect(project)
    champion = registry.at_alias(client, project.name, registry.CHAMPION) if registry.exists(project) else None
    if champion is None:
        return ()
    return watched.findings(project, version=int(champion.version), as_of=now)
