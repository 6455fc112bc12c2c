"""The project's triggers: listed, answered, and settled where time or a crash has decided."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from rarecall.project import Project
from tasks.ledger import ledger_url

if TYPE_CHECKING:
    from monitoring.triggers import Trigger, TriggerLedger

LOCK = "run.lock"
"""Held by a retrain in its home: who finds it free knows that none is at work there."""


def open_project_triggers(project: Project) -> TriggerLedger:
    """Return the triggers of the project's model: a table of their own in the ledger's database."""
    from monitoring.triggers import open_triggers

    return open_triggers(ledger_url(project), project.name)


def listed(project: Project) -> dict[str, Any]:
    """Return every trigger with its state and reason, the breaches that started nothing, and the alarms that stand."""
    from tasks.heartbeat import last_look

    triggers = open_project_triggers(project)
    triggers.settle(now=datetime.now(UTC))
    verified = triggers.ledger.verify()
    return {
        "project": project.name,
        "triggers": [one.as_dict() for one in triggers.all()],
        "held": triggers.holds(),
        "alarms": [alarm.as_dict() for alarm in triggers.alarms().values()],
        "looked": last_look(project),
        "ledger": {"entries": verified.entries, "head": verified.head, "faults": list(verified.faults)},
    }


def answer(project: Project, trigger: str, *, approve: bool, who: str, why: str) -> dict[str, Any]:
    """Let a trigger start its retrain, or not; DataError where nobody was asked, or the time is over."""
    triggers = open_project_triggers(project)
    triggers.settle(now=datetime.now(UTC))
    return triggers.answer(trigger, approve=approve, who=who, why=why).as_dict()


def revive(project: Project, triggers: TriggerLedger, *, now: datetime, who: str) -> list[Trigger]:
    """Make due again what came to nothing: a retrain that died, an event that no retrain took. Return those."""
    found = []
    for one in triggers.all():
        if one.state == "running" and not _is_at_work(project):
            found.append(triggers.lost(one.id, who=who, why="its retrain ended without a word"))
        elif one.state == "sent" and now - one.changed > project.triggers.taken_within:
            found.append(triggers.lost(one.id, who=who, why="no retrain took it"))
    return found


def _is_at_work(project: Project) -> bool:
    """Return whether a retrain holds the home."""
    lock = FileLock(Path(project.stores.home) / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False
