"""Alarms that are about the watch itself: what it needs does not come, or it does not run."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring.ledger import Entry

RAISED = "alarm.raised"
CLEARED = "alarm.cleared"

LABELS_MISSING = "labels.missing"
SOURCE_LATE = "source.late"
TRAFFIC_MISSING = "traffic.missing"
MONITOR_FAILED = "monitor.failed"
RETRAIN_FAILED = "retrain.failed"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm that stands: raised once, and again only after it was over."""

    name: str
    since: datetime
    said: str

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {"alarm": self.name, "since": self.since.isoformat(timespec="seconds"), "said": self.said}


def standing(entries: Iterable[Entry]) -> dict[str, Alarm]:
    """Return the alarms that were raised and are not over, by name."""
    found: dict[str, Alarm] = {}
    for entry in entries:
        if entry.kind == RAISED:
            name = entry.payload["alarm"]
            found[name] = Alarm(name=name, since=entry.at, said=entry.why)
        elif entry.kind == CLEARED:
            found.pop(entry.payload["alarm"], None)
    return found
