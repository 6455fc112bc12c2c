"""Approvals: who was asked whether a candidate may serve, until when, and what they answered, as the ledger has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from rarecall.project import Project
from tasks.ledger import open_project_ledger

if TYPE_CHECKING:
    from monitoring.ledger import Entry

ASKED = "approval.asked"
ANSWERED = "approval.answered"

State = Literal["asked", "approved", "rejected", "timed out"]


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A candidate that waits for a person, or waited.

    Attributes
    ----------
    decided : str
        The key of the decision that asked; a candidate has one.
    version : str
        The model version.
    asked, until : datetime
        In UTC; who has not answered by then has rejected it.
    run : str or None
        The suspended flow run that waits for the answer; None where nothing waits.
    state : str
        `asked`, `approved`, `rejected` or `timed out`.
    answered : datetime or None
    who, why : str or None
        Of the answer; None where there is none.
    entry : int
        The ledger's last word.
    """

    decided: str
    version: str
    asked: datetime
    until: datetime
    run: str | None
    state: State
    answered: datetime | None = None
    who: str | None = None
    why: str | None = None
    entry: int

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready, times in ISO 8601."""
        return {
            "version": self.version,
            "state": self.state,
            "asked": self.asked.isoformat(timespec="seconds"),
            "until": self.until.isoformat(timespec="seconds"),
            "answered": self.answered and self.answered.isoformat(timespec="seconds"),
            "who": self.who,
            "why": self.why,
        }


def approvals(project: Project, *, of_all: bool = False) -> dict[str, Approval]:
    """Return every candidate about which a person was asked, by the key of its decision, oldest first.

    With `of_all`, those of every project that shares the ledger.
    """
    ledger, subject = open_project_ledger(project), None if of_all else project.name
    answers = {entry.payload["decided"]: entry for entry in ledger.entries(ANSWERED, subject)}
    now, found = datetime.now(UTC), dict[str, Approval]()
    for entry in ledger.entries(ASKED, subject):
        decided = entry.payload["decided"]
        found.setdefault(decided, _read(entry, answers.get(decided), now))
    return found


def _read(asked: Entry, answer: Entry | None, now: datetime) -> Approval:
    until = asked.at + timedelta(seconds=asked.payload["seconds"])
    told: dict[str, Any] = {"state": "timed out" if now >= until else "asked", "entry": asked.number}
    if answer:
        told = {
            "state": answer.payload["answer"],
            "answered": answer.at,
            "who": answer.who,
            "why": answer.why,
            "entry": answer.number,
        }
    payload = asked.payload
    return Approval(
        decided=payload["decided"], version=payload["version"], asked=asked.at, until=until, run=payload["run"], **told
    )
