"""A trigger as its entries in the ledger left it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from monitoring.ledger import Draft, Entry
from rarecall.trigger import Fired, about

State = Literal["asked", "due", "sent", "running", "done", "failed", "refused"]

OPEN = ("asked", "due", "sent", "running")
_KINDS: dict[str, State] = {
    "trigger.asked": "asked",
    "trigger.fired": "due",
    "trigger.approved": "due",
    "trigger.sent": "sent",
    "trigger.claimed": "running",
    "trigger.lost": "due",
    "trigger.done": "done",
    "trigger.failed": "failed",
    "trigger.refused": "refused",
}


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """A breach that starts a retrain, or waits for a person, or did.

    Attributes
    ----------
    id : str
    state : {"asked", "due", "sent", "running", "done", "failed", "refused"}
        `due`: its event is to be sent; `sent`: no retrain has taken it yet.
    finding : dict
        As `rarecall.finding.Finding.as_dict` gives it.
    fingerprint : str
    fired : datetime
    changed : datetime
        When its state became what it is.
    until : datetime or None
        Of one that was asked about: then it is refused.
    sent, begun : int
        How often its event was sent, and its retrain begun.
    run : str or None
        The flow run that claimed it.
    outcome : dict
        What came of it: the retrain's verdict and versions.
    standing : bool
        Whether its cohort has not been good since.
    who, why : str
        Of the last entry.
    """

    id: str
    state: State
    finding: dict[str, Any]
    fingerprint: str
    fired: datetime
    changed: datetime
    until: datetime | None = None
    sent: int = 0
    begun: int = 0
    run: str | None = None
    outcome: dict[str, Any] | None = None
    standing: bool = True
    who: str = ""
    why: str = ""

    @property
    def about(self) -> str:
        """What its finding is about, whatever the version of the model."""
        return about(self.finding["cohort"], self.finding["value"], self.finding["against"])

    @property
    def is_open(self) -> bool:
        """Whether something is still to come of it."""
        return self.state in OPEN

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        finding = self.finding
        return {
            "trigger": self.id,
            "state": self.state,
            "reason": self.why,
            "who": self.who,
            "fired": self.fired.isoformat(timespec="seconds"),
            "changed": self.changed.isoformat(timespec="seconds"),
            "until": self.until and self.until.isoformat(timespec="seconds"),
            "standing": self.standing,
            "run": self.run,
            "outcome": self.outcome,
            "finding": finding,
        }


def read(entries: Sequence[Entry]) -> dict[str, Trigger]:
    """Return every trigger as its entries left it, oldest first."""
    found: dict[str, Trigger] = {}
    for entry in entries:
        name = entry.payload.get("trigger")
        if name is None:
            continue
        if name not in found:
            found[name] = Trigger(
                id=name,
                state=_KINDS[entry.kind],
                finding=entry.payload["finding"],
                fingerprint=entry.payload["fingerprint"],
                fired=entry.at,
                changed=entry.at,
                until=entry.at + timedelta(seconds=seconds) if (seconds := entry.payload.get("seconds")) else None,
                who=entry.who,
                why=entry.why,
            )
        elif entry.kind == "trigger.recovered":
            found[name] = replace(found[name], standing=False)
        elif entry.kind in _KINDS:
            known = found[name]
            found[name] = replace(
                known,
                state=_KINDS[entry.kind],
                changed=entry.at,
                sent=known.sent + (entry.kind == "trigger.sent"),
                begun=known.begun + (entry.kind == "trigger.claimed"),
                run=entry.payload.get("run", known.run),
                outcome=entry.payload.get("outcome", known.outcome),
                who=entry.who,
                why=entry.why,
            )
    return found


def begun(draft: Draft, now: datetime) -> Trigger:
    """Return the trigger that an entry which is about to be written begins."""
    payload = draft.payload
    return Trigger(
        id=payload["trigger"], state=_KINDS[draft.kind], finding=payload["finding"],
        fingerprint=payload["fingerprint"], fired=now, changed=now,
    )  # fmt: skip


def past_of(one: Trigger) -> Fired:
    """Return what of a trigger bears on the next one."""
    return Fired(
        id=one.id,
        fingerprint=one.fingerprint,
        about=one.about,
        at=one.fired,
        open=one.is_open,
        started=one.state != "refused",
        standing=one.standing,
    )
