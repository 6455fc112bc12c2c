"""One evaluation of the canary: what the log knows of it, the verdict, and the move that follows from it."""

import os
from pathlib import Path
from typing import Any

from prefect import flow

from rarecall.classes import VARIABLE
from rarecall.project import Project, load
from tasks.mend import repair
from tasks.settle_canary import settle
from tasks.trial import running
from tasks.weigh_canary import described, weigh


@flow(name="canary", persist_result=False)
def canary(project_file: str, home: str | None = None, who: str = "canary", only: str | None = None) -> dict[str, Any]:
    """Judge the canary once and do what the verdict says; a deployment calls this on a schedule, for one rare class."""
    named = os.environ | ({VARIABLE: only} if only else {})
    return tick(load(Path(project_file), named, home=home), who=who)


def tick(project: Project, *, who: str) -> dict[str, Any]:
    """Judge the canary once and do what the verdict says.

    Returns
    -------
    dict
        `project`, `champion`, `canary`, `at_share` (before), `since`, `step_since`, what `rarecall.canary.account`
        says, `entry` (the ledger's number, or None where nothing changed), `aliases` as they stand after a move, and
        `mended`. Without a canary, `canary` and `verdict` are None.
    """
    mended = repair(project, who=who)
    trial = running(project)
    if trial is None:
        return {"project": project.name, "canary": None, "verdict": None, "entry": None, "mended": mended}
    judged, account = weigh(project, trial)
    entry, aliases = settle(project, trial, judged, account, who=who)
    return {
        "project": project.name, **described(trial), **account, "entry": entry, "aliases": aliases, "mended": mended
    }  # fmt: skip
