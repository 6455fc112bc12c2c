"""A finding: what a monitor holds of one cohort value at one moment, with the evidence for it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from rarecall.digest import of_value
from rarecall.intervals import Interval, State

OVERALL = "overall"

Reference = Literal["objective", "reference"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The recall of one cohort value in one window, held against a limit.

    Attributes
    ----------
    cohort, value : str
        The cohort's column and the value; `OVERALL` and an empty text for all rows.
    version : int
        The version of the model whose answers were judged.
    against : {"objective", "reference"}
        What the limit is: the project's objective, or what this version held when it was registered.
    limit : float
        The recall that is asked for.
    recall : float or None
        The recall seen, or corrected for truths that are not known yet; None without a positive.
    interval : Interval
    state : {"good", "bad", "not enough evidence"}
    positives : int
        Labelled positives in the window.
    since, until : str
        The window, ISO 8601 in UTC, by the time of the prediction; the end is not part of it.
    log_evidence : float
        The log of the e-value that the recall lies below the limit.
    breach : bool
        Whether the alarm's bound on false alarms, over continuous watching and all cohorts, is passed.
    reasons : tuple of str
        Sentences for a person.
    """

    cohort: str
    value: str
    version: int
    against: Reference
    limit: float
    recall: float | None
    interval: Interval
    state: State
    positives: int
    since: str
    until: str
    log_evidence: float
    breach: bool
    reasons: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """What makes two findings one cause: model version, cohort, value and what they are held against.

        >>> from rarecall.intervals import Interval
        >>> window = dict(since="2026-03-01T00:00:00+00:00", until="2026-03-08T00:00:00+00:00", positives=90)
        >>> seen = dict(limit=0.8, recall=0.5, interval=Interval(0.4, 0.6), state="bad", log_evidence=7.1, breach=True)
        >>> known = dict(version=3, against="objective", **window, **seen)
        >>> north = Finding(cohort="region", value="north", **known)
        >>> north.fingerprint == Finding(cohort="region", value="south", **known).fingerprint
        False
        """
        return of_value([self.version, self.cohort, self.value, self.against])

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return {**asdict(self), "interval": list(self.interval), "reasons": list(self.reasons)}
