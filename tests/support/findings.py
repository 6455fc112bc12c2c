"""Findings as the watch would hand them over."""

from typing import Any

from rarecall.finding import OVERALL, Finding
from rarecall.intervals import Interval


def finding(cohort: str = "region", value: str = "north", **changes: Any) -> Finding:
    """Return a breach of one cohort value, or what the changes make of it."""
    given: dict[str, Any] = {
        "cohort": cohort,
        "value": value,
        "version": 1,
        "against": "objective",
        "limit": 0.8,
        "recall": 0.5,
        "interval": Interval(0.4, 0.6),
        "state": "bad",
        "positives": 90,
        "since": "2026-03-01T00:00:00+00:00",
        "until": "2026-03-08T00:00:00+00:00",
        "log_evidence": 7.1,
        "breach": True,
        "reasons": ("recall fell",),
    }
    return Finding(**given | changes)


def good(one: Finding) -> Finding:
    """Return the same cause, good again."""
    told = vars(one) | {"recall": 0.9, "interval": Interval(0.85, 0.95), "state": "good", "breach": False}
    return Finding(**told)


__all__ = ["OVERALL", "finding", "good"]
