"""Which of two models an entity meets: the same one each time, on every machine, and later again from the log."""

from hashlib import blake2b
from typing import Literal

Arm = Literal["champion", "canary"]

_WHOLE = 2**64


def arm(entity: str, salt: str, share: float) -> Arm:
    """Return the arm of an entity.

    An entity's place in [0, 1) is a keyed hash of its name; the canary has those below its share. So a larger share
    keeps every entity of a smaller one, and another salt draws others.

    Parameters
    ----------
    entity : str
    salt : str
        Such as the project's name and the canary's version.
    share : float
        The canary's, from 0 to 1.

    Examples
    --------
    >>> [arm(f"customer {number}", "fraud 7", 0.05) for number in range(1000)].count("canary")
    46
    >>> all(arm(str(n), "fraud 7", 0.10) == "canary" for n in range(9999) if arm(str(n), "fraud 7", 0.01) == "canary")
    True
    """
    place = int.from_bytes(blake2b(f"{salt}\n{entity}".encode(), digest_size=8, person=b"rarecall-arm").digest(), "big")
    return "canary" if place < int(share * _WHOLE) else "champion"
