"""A checkup: what was looked at, whether it is well, and what to do where it is not."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["well", "warning", "fault"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
    state : {"well", "warning", "fault"}
        A warning does not keep a run from being right; a fault does.
    said : str
        What was found.
    mend : str
        What to do; empty where it is well.
    """

    name: str
    state: State
    said: str
    mend: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return asdict(self)


def well(name: str, said: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(name, "well", said)


def faulty(name: str, faults: Iterable[str], said: str, mend: str) -> Check:
    """Return a fault with its first three causes, or, without any, that it is well.

    >>> faulty("rows", [], "2 versions", "make them again").state
    'well'
    >>> faulty("rows", ["a", "b", "c", "d"], "2 versions", "make them again").said
    'a; b; c; and 1 more'
    """
    found = list(faults)
    if not found:
        return well(name, said)
    more = [f"and {len(found) - 3} more"] if len(found) > 3 else []
    return Check(name, "fault", "; ".join([*found[:3], *more]), mend)


def worst(checks: Iterable[Check]) -> State:
    """Return the worst state of some checks.

    >>> worst([well("disk", "9 GB free"), Check("port", "warning", "taken", "choose another")])
    'warning'
    """
    states = {check.state for check in checks}
    return "fault" if "fault" in states else "warning" if "warning" in states else "well"
