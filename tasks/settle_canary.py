"""Settle a canary: carry a verdict out, in one entry of the ledger with its reasons and the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError
from rarecall.project import Project
from rarecall.standing import CANARY, Standing
from tasks.ledger import open_project_ledger
from tasks.move import Moved, move
from tasks.trial import Trial

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from rarecall.canary import Judgement

WAITS = "canary.waits"
"""The kind of the entry that says that a canary's time is over and a person has to decide."""


def settle(
    project: Project, trial: Trial, judged: Judgement, account: dict[str, Any], *, who: str
) -> tuple[int | None, dict[str, Any]]:
    """Move the aliases as a verdict says; a `hold` moves none, and is written down once when its time is over.

    Returns
    -------
    entry : int or None
        The ledger's number, or None where nothing changed.
    aliases : dict
        As they stand now.

    Raises
    ------
    DataError
        Somebody moved an alias or the share since the evidence was read: nothing was changed.
    """
    if judged.verdict == "hold":
        return _waiting(project, trial, judged, account, who=who), {}

    def change(now: Standing, _client: MlflowClient) -> Standing:
        share = project.canary.share if now.share is None else now.share
        if (now.champion, now.canary, share) != (trial.champion, trial.canary, trial.share):
            raise DataError(
                f"the canary of {project.name} was moved while it was judged, so nothing was changed; run it again"
            )
        if judged.verdict == "promote":
            return now.promoted(trial.canary)
        if judged.verdict == "rollback" or judged.share is None:
            return now.demoted(CANARY)
        return now.on_canary(trial.canary, judged.share)

    moved: Moved = move(
        project,
        change,
        action=judged.verdict,
        who=who,
        why="; ".join(judged.reasons),
        verdict=judged.verdict,
        reasons=list(judged.reasons),
        evidence=account,
    )
    return moved.entry.number if moved.entry else None, moved.after.aliases()


def _waiting(project: Project, trial: Trial, judged: Judgement, account: dict[str, Any], *, who: str) -> int | None:
    """Write down that a person has to decide, once a trial."""
    ledger = open_project_ledger(project)
    told = any(entry.at >= trial.since for entry in ledger.entries(WAITS, project.name))
    if not judged.is_late or told:
        return None
    payload = {"canary": trial.canary, "reasons": list(judged.reasons), "evidence": account}
    return ledger.append(WAITS, project.name, payload, who=who, why=judged.reasons[0]).number
