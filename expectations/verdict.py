"""The verdict on a snapshot: which expectations failed, and which rows are accepted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rarecall.errors import RarecallError

CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One failed expectation.

    Attributes
    ----------
    expectation, column : str
        Great Expectations' name for it, and what it is about: a column, several with commas, or nothing.
    severity : {"critical", "warning", "info"}
    unexpected : int or None
        Rows that fail it; None where the table as a whole does.
    share : float or None
        The same, of the rows asked (0 to 1).
    sentence : str
        What was expected, what came, what to do next.
    """

    expectation: str
    column: str
    severity: str
    unexpected: int | None
    share: float | None
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """What became of a snapshot's rows; every one of them is either accepted or has its reasons.

    Parameters
    ----------
    findings : tuple of Finding
        Failed expectations, in the order they were asked.
    expectations : int
        How many were evaluated; a critical failure ends the asking.
    accepted : ndarray of bool, shape (n_rows,)
        In the frame's order.
    reasons : mapping of int to tuple of str
        For each rejected row's `row_id`, the expectations it failed.
    results : tuple of ExpectationValidationResult
        Great Expectations' own answer to each, for its Data Docs.

    Raises
    ------
    RarecallError
        Accepted and rejected rows are not together the rows that were read.

    Examples
    --------
    >>> verdict = Verdict(findings=(), expectations=9, accepted=np.array([True, False]), reasons={1: ("no label",)})
    >>> verdict.refusal() is None
    True
    >>> Verdict(findings=(), expectations=9, accepted=np.array([True, False]), reasons={})
    Traceback (most recent call last):
        ...
    rarecall.errors.RarecallError: expected accepted + quarantined = read, got 1 + 0 of 2 rows; row_id must be unique
    """

    findings: tuple[Finding, ...]
    expectations: int
    accepted: NDArray[np.bool_]
    reasons: Mapping[int, tuple[str, ...]]
    results: tuple[Any, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        kept, rejected, read = int(self.accepted.sum()), len(self.reasons), len(self.accepted)
        if kept + rejected != read:
            raise RarecallError(
                f"expected accepted + quarantined = read, got {kept} + {rejected} of {read} rows; row_id must be unique"
            )

    def refusal(self) -> str | None:
        """Return why the run must not go on, in one sentence, or None when it may."""
        critical = [finding.sentence for finding in self.findings if finding.severity == CRITICAL]
        if not critical:
            return None
        more = [f"critical expectations that failed besides: {len(critical) - 1}"] if len(critical) > 1 else []
        if self.reasons:
            # Rows that were rejected are the likely cause of what the others lack.
            often = Counter(reason for reasons in self.reasons.values() for reason in reasons).most_common(3)
            named = ", ".join(f"{reason} ({count})" for reason, count in often)
            more.append(f"{len(self.reasons)} of {len(self.accepted)} rows were rejected: {named}")
        return "; ".join([critical[0], *more])
