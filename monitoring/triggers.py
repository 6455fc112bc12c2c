"""The trigger ledger: which breach started which retrain, once, and why the others started none.

Prefect's automations have no key by which one event is one run, and forget what they sent when they are killed. So the
ledger decides: it is written before the event is sent, whoever comes later sends again what nobody took, and a retrain
that wants to begin has to claim its trigger, which only one can.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from monitoring import alarms
from monitoring.ledger import Draft, Entry, Ledger, open_ledger
from monitoring.ledger_table import TRIGGERS
from monitoring.trigger_state import State, Trigger, begun, past_of, read
from rarecall import digest
from rarecall.errors import DataError
from rarecall.finding import Finding
from rarecall.sections import Triggers
from rarecall.trigger import Fired, about, causes, held

MOST_TRIES = 3
"""How often a trigger is sent, or its retrain begun, before it counts as failed."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What one look wrote: the trigger that it raised, and what it left alone.

    Attributes
    ----------
    fired : Trigger or None
    held : tuple of (Finding, str)
        Breaches that start nothing, and why.
    recovered : tuple of str
        Triggers whose cohort is good again.
    """

    fired: Trigger | None
    held: tuple[tuple[Finding, str], ...]
    recovered: tuple[str, ...]


@dataclass(frozen=True)
class TriggerLedger:
    """The triggers of one model; safe to use from several threads and processes at once."""

    ledger: Ledger
    model: str

    def all(self) -> tuple[Trigger, ...]:
        """Return every trigger of the model, oldest first."""
        return tuple(read(self.ledger.entries(subject=self.model)).values())

    def get(self, trigger: str) -> Trigger:
        """Return a trigger by its id, or by the beginning of one; DataError where there is none, or several."""
        found = [one for one in self.all() if one.id.startswith(trigger)] if trigger else []
        if len(found) != 1:
            what = "no trigger" if not found else f"{len(found)} triggers"
            raise DataError(f"{self.model} has {what} {trigger!r}; list them with: rarecall triggers")
        return found[0]

    def look(self, findings: Sequence[Finding], rules: Triggers, *, now: datetime, who: str) -> Looked:
        """Raise at most one trigger for what was found, and write down which cohorts are good again.

        A breach that starts nothing is written once for each reason, so that a list of triggers says why.
        """
        kept: list[tuple[Finding, str]] = []

        def follows(entries: tuple[Entry, ...]) -> list[Draft]:
            kept.clear()
            known = read(entries)
            good = {about(f.cohort, f.value, f.against) for f in findings if f.state == "good" and not f.breach}
            drafts = [
                self._draft("trigger.recovered", one.id, who, "its cohort is good again")
                for one in known.values()
                if one.standing and one.about in good
            ]
            recovered = {draft.payload["trigger"] for draft in drafts}
            past = [past_of(replace(one, standing=one.standing and one.id not in recovered)) for one in known.values()]
            said = {(entry.payload["fingerprint"], entry.why) for entry in entries if entry.kind == "trigger.held"}
            for finding in causes(findings):
                why = held(finding, past, rules, now)
                if why is None:
                    draft = self._raised(finding, rules, past, who)
                    drafts.append(draft)
                    past.append(past_of(begun(draft, now)))
                    continue
                kept.append((finding, why))
                if (finding.fingerprint, why) not in said:
                    payload = {"fingerprint": finding.fingerprint, "finding": finding.as_dict()}
                    drafts.append(Draft(kind="trigger.held", subject=self.model, payload=payload, who=who, why=why))
            return drafts

        written = self.ledger.append_what_follows(self.model, follows)
        raised = next((e.payload["trigger"] for e in written if e.kind in {"trigger.fired", "trigger.asked"}), None)
        return Looked(
            fired=self.get(raised) if raised else None,
            held=tuple(kept),
            recovered=tuple(entry.payload["trigger"] for entry in written if entry.kind == "trigger.recovered"),
        )

    def sent(self, trigger: str, *, who: str, how: str) -> Trigger:
        """Write down that a trigger's event was sent."""
        return self._move(trigger, ("due", "sent"), lambda _: self._draft("trigger.sent", trigger, who, how))

    def claim(self, trigger: str, *, run: str, who: str) -> str | None:
        """Take a trigger for a run; return why that cannot be, or None where it is this run's.

        The run that has it already, such as one that was suspended and goes on, gets it again.
        """
        refused: list[str] = []

        def follows(entries: tuple[Entry, ...]) -> list[Draft]:
            refused.clear()
            known = read(entries).get(trigger)
            if known is None:
                raise DataError(
                    f"{self.model} has no trigger {trigger!r}; retrain without one, or see those of: rarecall triggers"
                )
            if known.run == run and known.state in {"running", "done"}:
                return []
            if known.state not in {"due", "sent"}:
                refused.append(f"trigger {trigger} is {known.state} already: {known.why}")
                return []
            return [self._draft("trigger.claimed", trigger, who, "its retrain began", run=run)]

        self.ledger.append_what_follows(self.model, follows)
        return refused[0] if refused else None

    def done(self, trigger: str, outcome: dict[str, Any], *, who: str, why: str) -> Trigger:
        """Write down what came of a trigger's retrain; once."""
        return self._move(
            trigger, ("running",), lambda _: self._draft("trigger.done", trigger, who, why, outcome=outcome)
        )

    def lost(self, trigger: str, *, who: str, why: str) -> Trigger:
        """Write down that a retrain, or an event, came to nothing: it is due again, or failed after so many tries."""

        def draft(known: Trigger) -> Draft:
            tries = max(known.begun, known.sent)
            if tries >= MOST_TRIES:
                return self._draft("trigger.failed", trigger, who, f"{why}; it was tried {tries} times")
            return self._draft("trigger.lost", trigger, who, why)

        return self._move(trigger, ("sent", "running"), draft)

    def answer(self, trigger: str, *, approve: bool, who: str, why: str) -> Trigger:
        """Let a trigger start its retrain, or not; DataError where nobody was asked, or somebody has answered."""
        known = self.get(trigger)
        kind = "trigger.approved" if approve else "trigger.refused"
        if known.state != "asked":
            raise DataError(
                f"trigger {known.id} of {self.model} waits for nobody: it is {known.state} ({known.why}); "
                "see rarecall triggers"
            )
        return self._move(known.id, ("asked",), lambda _: self._draft(kind, known.id, who, why))

    def settle(self, *, now: datetime) -> list[Trigger]:
        """Refuse what nobody answered in time, and return it."""
        over = [one for one in self.all() if one.state == "asked" and one.until is not None and now >= one.until]
        return [
            self._move(
                one.id, ("asked",),
                lambda known: self._draft("trigger.refused", known.id, "rarecall", "nobody answered in time"),
            )
            for one in over
        ]  # fmt: skip

    def alarm(self, name: str, said: str | None, *, who: str) -> str | None:
        """Raise an alarm, or take it back with None; return `raised`, `cleared`, or None where nothing changed."""

        def follows(entries: tuple[Entry, ...]) -> list[Draft]:
            stands = alarms.standing(entries).get(name)
            if (said is None) == (stands is None):
                return []
            kind = alarms.CLEARED if said is None else alarms.RAISED
            why = said or "it is over"
            return [Draft(kind=kind, subject=self.model, payload={"alarm": name}, who=who, why=why)]

        written = self.ledger.append_what_follows(self.model, follows)
        return written[0].kind.removeprefix("alarm.") if written else None

    def alarms(self) -> dict[str, alarms.Alarm]:
        """Return the alarms that stand, by name."""
        return alarms.standing(self.ledger.entries(subject=self.model))

    def holds(self) -> list[dict[str, Any]]:
        """Return the breaches that started nothing, newest reason of each cause, JSON-ready."""
        found = {
            entry.payload["fingerprint"]: {
                "at": entry.at.isoformat(timespec="seconds"),
                "reason": entry.why,
                "finding": entry.payload["finding"],
            }
            for entry in self.ledger.entries("trigger.held", self.model)
        }
        return list(found.values())

    def _move(self, trigger: str, of: Sequence[State], draft: Callable[[Trigger], Draft]) -> Trigger:
        """Write an entry about a trigger that is in one of these states; in another one nothing is written."""

        def follows(entries: tuple[Entry, ...]) -> list[Draft]:
            known = read(entries)[trigger]
            return [draft(known)] if known.state in of else []

        self.ledger.append_what_follows(self.model, follows)
        return self.get(trigger)

    def _raised(self, finding: Finding, rules: Triggers, past: Sequence[Fired], who: str) -> Draft:
        before = sum(one.fingerprint == finding.fingerprint for one in past)
        trigger = digest.of_value([self.model, finding.fingerprint, before])[:12]
        payload = {"fingerprint": finding.fingerprint, "finding": finding.as_dict()}
        why = "; ".join(finding.reasons) or "its recall is below what is asked for"
        if rules.approval == "required":
            waits = {"seconds": rules.approval_timeout.total_seconds()}
            return self._draft("trigger.asked", trigger, who, why, **payload, **waits)
        return self._draft("trigger.fired", trigger, who, why, **payload)

    def _draft(self, kind: str, trigger: str, who: str, why: str, **payload: Any) -> Draft:
        return Draft(kind=kind, subject=self.model, payload={"trigger": trigger, **payload}, who=who, why=why)


def open_triggers(url: str, model: str) -> TriggerLedger:
    """Open the triggers of a model in the ledger's database, where they have a table and a chain of their own.

    Raises
    ------
    StoreError
        As `monitoring.ledger.open_ledger`.

    Examples
    --------
    >>> triggers = open_triggers("sqlite://", "payments")
    >>> triggers.alarm("source.late", "no row since 3 March", who="monitor")
    'raised'
    >>> triggers.alarm("source.late", "no row since 3 March", who="monitor") is None
    True
    >>> triggers.all(), triggers.ledger.verify().faults
    ((), ())
    """
    return TriggerLedger(open_ledger(url, TRIGGERS), model)
