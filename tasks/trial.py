"""A trial: the canary that stands by the ledger, since when, and at which share of the traffic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rarecall.project import Project
from tasks.aliases import no_model, read


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A canary beside the champion.

    Attributes
    ----------
    champion, canary : str
        The versions.
    share : float
        Of the traffic.
    since : datetime
        When the canary began.
    step_since : datetime
        When it came to this share.
    """

    champion: str
    canary: str
    share: float
    since: datetime
    step_since: datetime


def running(project: Project) -> Trial | None:
    """Return the trial that the ledger knows of, or None where no version is on canary.

    Raises
    ------
    DataError
        There is no model yet.
    StoreError
        MLflow and the ledger do not belong to each other.
    """
    from serving import registry

    known = read(project, registry.connect(project)) if registry.exists(project) else None
    if known is None:
        raise no_model(project)
    now = known.standing
    if now.canary is None or now.champion is None or not known.entries:
        return None
    since = step_since = known.entries[-1].at
    same_step = True
    for entry in reversed(known.entries):
        standing = entry.payload["standing"]
        if standing["canary"] != now.canary or standing["champion"] != now.champion:
            break
        since = entry.at
        same_step = same_step and standing.get("share") == now.share
        step_since = entry.at if same_step else step_since
    share = project.canary.share if now.share is None else now.share
    return Trial(champion=now.champion, canary=now.canary, share=share, since=since, step_since=step_since)
