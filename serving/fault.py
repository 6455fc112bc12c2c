"""A request that cannot be answered: its status, and which field is why."""

from dataclasses import dataclass

import orjson

MOST = 20
"""Faults told of one request."""


@dataclass(frozen=True)
class Fault:
    """One field and what is wrong with it."""

    field: str
    reason: str


class RefusedError(Exception):
    """A request is refused.

    Parameters
    ----------
    status : int
        The HTTP status.
    faults : sequence of Fault
    """

    def __init__(self, status: int, *faults: Fault) -> None:
        super().__init__("; ".join(f"{one.field}: {one.reason}" for one in faults[:MOST]))
        self.status = status
        self.faults = faults[:MOST]

    def body(self) -> bytes:
        """Return the answer's body."""
        return body(*self.faults)


def body(*faults: Fault) -> bytes:
    """Return the JSON that every refusal has."""
    return orjson.dumps({"errors": [{"field": one.field, "reason": one.reason} for one in faults]})


NOT_LOGGED = Fault("log", "the prediction could not be logged, so it is not given")
"""Said with 503: what is not in the log was not answered."""
