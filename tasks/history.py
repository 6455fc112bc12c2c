"""History: every move of an alias, and which version each alias stood on at a moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError, redacted
from rarecall.project import Project
from tasks.aliases import MOVED, RESTORED
from tasks.approvals import ANSWERED
from tasks.ledger import ledger_url, open_project_ledger
from tasks.mend import look
from tasks.verify import DamagedError

if TYPE_CHECKING:
    from monitoring.ledger import Entry


def history(project: Project, at: str | None = None, *, who: str) -> dict[str, Any]:
    """Return the moves of the project's aliases, oldest first, from a ledger whose chain was walked.

    Parameters
    ----------
    project : Project
    at : str, optional
        A moment or a day in ISO 8601; see `moment`.
    who : str
        For the ledger, where a move that was cut off is ended.

    Returns
    -------
    dict
        `moves`: of each the `entry`, `at`, `who`, `why`, `action`, `forced`, `moves`, from and to of each alias, and
        `share`, the canary's after it.
        `at`: None, or what stood at that moment: `moment`; `aliases`, of each the `version`, since when (`since`), by
        which `entry`, and its `dataset_version`, `snapshot` and `decision`; `that_day`, the entries of the day that was
        named. `ledger`: `entries`, and `head`, the last one's hash. `mended`, and `differing`: where MLflow's aliases
        are not as the ledger says.

    Raises
    ------
    DamagedError
        The ledger is not what was written: one sentence that names each entry.
    DataError
        `at` is no moment, or one that has not come yet.
    """
    asked = moment(at, now=datetime.now(UTC)) if at else None
    ledger = open_project_ledger(project)
    walked = ledger.verify()
    if walked.faults:
        place = redacted(ledger_url(project))
        raise DamagedError("\n".join(f"the ledger {place}: {fault}; restore it from a copy" for fault in walked.faults))
    mended, differing = look(project, who=who)
    written = [entry for entry in ledger.entries(subject=project.name) if entry.kind in {MOVED, RESTORED, ANSWERED}]
    return {
        "project": project.name,
        "moves": [_line(entry) for entry in written],
        "at": _stood(written, *asked) if asked else None,
        "ledger": {"entries": walked.entries, "head": walked.head},
        "mended": mended,
        "differing": differing,
    }


def moment(said: str, *, now: datetime, option: str = "--at") -> tuple[datetime, date | None]:
    """Return the moment that was named, in UTC, and the day where a whole day was named: then its end is meant.

    A time without a zone is in UTC.

    Raises
    ------
    DataError
        It is neither a moment nor a day, or has not come yet.

    Examples
    --------
    >>> today = datetime(2026, 3, 5, 9, tzinfo=UTC)
    >>> moment("2026-03-03T14:00+02:00", now=today)
    (datetime.datetime(2026, 3, 3, 12, 0, tzinfo=datetime.timezone.utc), None)
    >>> moment("2026-03-03", now=today)[0].isoformat()
    '2026-03-03T23:59:59.999999+00:00'
    >>> moment("2026-03-05", now=today)[0] == today
    True
    >>> moment("yesterday", now=today)
    Traceback (most recent call last):
        ...
    rarecall.errors.DataError: --at: expected a moment or a day such as 2026-03-03T12:00Z or 2026-03-03, got 'yesterday'
    """
    try:
        day = date.fromisoformat(said)
    except ValueError:
        day = None
    try:
        named = datetime.fromisoformat(said)
        at = (named if named.tzinfo else named.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DataError(
            f"{option}: expected a moment or a day such as 2026-03-03T12:00Z or 2026-03-03, got {said!r}"
        ) from None
    if at > now:
        raise DataError(f"{option}: expected a moment that has passed, got {said!r}; it is {now:%Y-%m-%dT%H:%MZ} now")
    end = at + timedelta(days=1) - timedelta(microseconds=1)
    return (min(end, now), day) if day else (at, None)


def _stood(written: list[Entry], at: datetime, day: date | None) -> dict[str, Any]:
    """Return what stood at a moment; an entry of that very moment counts."""
    moved = [entry for entry in written if entry.kind == MOVED and entry.at <= at]
    stood: dict[str, dict[str, Any]] = {}
    model: Any = None
    for entry in moved:
        if model != (model := entry.payload["model"]):
            stood = {}  # a registry that took the place of another
        for alias, pair in entry.payload["moves"].items():
            stood.pop(alias, None)
            if pair["to"] is not None:
                known = entry.payload["versions"][pair["to"]]
                stood[alias] = {
                    "version": pair["to"],
                    "since": entry.at.isoformat(),
                    "entry": entry.number,
                    **{name: known[name] for name in ("dataset_version", "snapshot", "decision")},
                }
    return {
        "moment": at.isoformat(),
        "aliases": stood,
        "that_day": [one.number for one in written if day and one.at.date() == day and one.kind != ANSWERED],
        "begins": next((entry.at.isoformat() for entry in written if entry.kind != ANSWERED), None),
    }


def _line(entry: Entry) -> dict[str, Any]:
    payload = entry.payload
    if entry.kind == ANSWERED:
        payload = {"action": f"{payload['answer']}: version {payload['version']}", "moves": {}, "standing": {}}
    return {
        "entry": entry.number,
        "at": entry.at.isoformat(),
        "who": entry.who,
        "why": entry.why,
        "action": payload["action"],
        "forced": payload.get("forced", False),
        "moves": payload["moves"],
        "share": payload["standing"].get("share"),
    }
