"""One expectation as the check reads it: its scope, its severity, and the parts of its sentence."""

from collections.abc import Mapping
from typing import Any

from great_expectations.expectations.expectation import Expectation

NUMBERS = [
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *(f"float{bits}" for bits in (16, 32, 64)),
]
"""The types of a column of numbers."""


def expect(
    expectation: type[Expectation],
    arguments: Mapping[str, Any],
    *,
    scope: str,
    that: str,
    severity: str = "critical",
    came: str = "{}",
    then: str = "",
    **more: str,
) -> Expectation:
    """Return an expectation with what the check needs to know of it.

    Parameters
    ----------
    expectation : type of Expectation
    arguments : mapping of str to value
        Great Expectations' own.
    scope : str
        Which rows are asked, and when: one of `expectations.suite.SCOPES`.
    that, came, then : str
        What is expected, how an observed value reads, what to do next.
    severity : {"critical", "warning"}
    **more : str
        `name` and `about`, where the column asked is one of ours and says nothing to a reader: what the expectation is
        called, and the source's column. `such`: how an unexpected value reads, in place of a count of rows.
    """
    meta = {"scope": scope, "came": came, "next": then, **more}
    return expectation(**arguments, severity=severity, description=that, meta=meta)
