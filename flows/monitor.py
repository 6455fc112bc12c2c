"""One look at the watch: what the labels say of every cohort, the alarms, and the one retrain that follows, if any."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow

from rarecall.classes import VARIABLE
from rarecall.finding import Finding
from rarecall.project import Project, load
from tasks.announce import BREACH, EXPLAINED, LOOKED, announce, has_server
from tasks.explain_breach import explain_breach
from tasks.heartbeat import beating
from tasks.lateness import lateness
from tasks.see import see as seen
from tasks.sound import sound
from tasks.triggers import open_project_triggers, revive

See = Callable[[Project, datetime], tuple[Finding, ...]]


@flow(name="monitor", persist_result=False)
def monitor(
    project_file: str, home: str | None = None, who: str = "monitor", only: str | None = None
) -> dict[str, Any]:
    """Look once; a deployment calls this on a schedule, for one rare class, and an automation starts what follows."""
    named = os.environ | ({VARIABLE: only} if only else {})
    return look(load(Path(project_file), named, home=home), who=who)


def look(project: Project, *, who: str, now: datetime | None = None, see: See = seen) -> dict[str, Any]:
    """Look once: raise what alarms there are, write down at most one trigger, and send the event of what is due.

    Parameters
    ----------
    project : Project
    who : str
        For the ledger.
    now : datetime, optional
    see : callable
        From the project and a moment to what is found.

    Returns
    -------
    dict
        `findings`, `fired` (the trigger that this look raised, or None), `held` (breaches that start nothing, and why),
        `recovered`, `due` (ids of the triggers whose retrain is to begin), `sent` (whether an event told a server),
        `alarms` (those that stand), `changed` (what became of each alarm that changed), `explained` (what drift and
        the estimate say beside a trigger that this look raised, or None), `at`.

    Raises
    ------
    RarecallError
        A store cannot be read or written; the alarm `monitor.failed` stands then, where the ledger can be.
    """
    moment = now or datetime.now(UTC)
    triggers = open_project_triggers(project)
    with beating(project) as beat, sound(project, triggers, who=who) as told:
        told("monitor.failed", beat.fault)
        for name, said in lateness(project, moment).items():
            told(name, said)
        triggers.settle(now=moment)
        revive(project, triggers, now=moment, who=who)
        findings = see(project, moment)
        looked = triggers.look(findings, project.triggers, now=moment, who=who)
        failed = [one for one in triggers.all() if one.state == "failed" and one.standing]
        told("retrain.failed", f"trigger {failed[-1].id}: {failed[-1].why}" if failed else None)
        due = [one for one in triggers.all() if one.state == "due"]
        beat.seen |= {"findings": [one.as_dict() for one in findings], "alarms": list(triggers.alarms())}
        if has_server():
            for one in due:
                announce(project, BREACH, f"rarecall.trigger.{one.id}", {"trigger": one.id, **one.finding})
                triggers.sent(one.id, who=who, how=f"the event {BREACH} was sent")
            announce(project, LOOKED, f"rarecall.monitor.{project.name}", {"findings": len(findings)})
    explained = explain_breach(project) if looked.fired else None
    if looked.fired and has_server():
        announce(project, EXPLAINED, f"rarecall.trigger.{looked.fired.id}", explained or {})
    return {
        "project": project.name,
        "at": moment.isoformat(timespec="seconds"),
        "findings": [one.as_dict() for one in findings],
        "fired": looked.fired and looked.fired.as_dict(),
        "held": [{"finding": finding.as_dict(), "reason": why} for finding, why in looked.held],
        "recovered": list(looked.recovered),
        "due": [one.id for one in due],
        "sent": has_server(),
        "alarms": [alarm.as_dict() for alarm in triggers.alarms().values()],
        "changed": told.changed,
        "explained": explained,
    }
