"""Errors a person can act on: what was expected, what came, what to do next, in one sentence each."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from textwrap import shorten
from typing import Any

_USER = re.compile(
    r"(?<=://)(?:[^:/@\s]*:\S*|[^/@\s]+)@"
)  # a password may hold / and @; a token stands without a colon
_PARAMETERS = re.compile(r"(://[^?\s]*\?)[^\s'\"]+")


class RarecallError(Exception):
    """A refusal with its reason; the command line prints it as one sentence and exits with `exit_code`.

    >>> RarecallError("expected a table, got nothing").exit_code
    1
    """

    exit_code = 1


class ProjectError(RarecallError):
    """The project file is wrong: one sentence a fault.

    Parameters
    ----------
    faults : sequence of str
        One sentence for each fault, each beginning with the key's path.

    >>> print(ProjectError(["gates.k: unknown key", "source: is missing"]))
    gates.k: unknown key
    source: is missing
    """

    exit_code = 2

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class DataError(RarecallError):
    """The table cannot be learned from as it is."""


class StoreError(RarecallError):
    """A store could not be written or read, or what it holds is not what was written."""


def nearest(name: str, valid: Sequence[str]) -> str:
    """Return the end of a sentence that points at what was probably meant.

    >>> nearest("contactd_on", ["contacted_on", "age"])
    "; did you mean 'contacted_on'?"
    >>> nearest("x", ["age", "job"])
    '; it has age, job'
    """
    by_lower = {one.lower(): one for one in valid}
    if close := get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6):
        return f"; did you mean {by_lower[close[0]]!r}?"
    shown = ", ".join(shorten(one, 40, placeholder="...") for one in valid[:8]) + (
        f" and {len(valid) - 8} more" if len(valid) > 8 else ""
    )
    return f"; it has {shown}" if valid else ""


def redacted(text: str) -> str:
    """Return a text without what its URLs keep secret: user, password and parameters.

    >>> redacted("postgresql://ann:secret@db/payments, https://host/t.csv?signature=secret")
    'postgresql://***@db/payments, https://host/t.csv?***'
    """
    return _PARAMETERS.sub(r"\1***", _USER.sub("***@", text))


def brief(value: Any) -> str:
    """Return what came as a sentence can hold it: one line, at most 60 characters, no secret.

    >>> brief("ann"), brief(None), len(brief("x" * 99))
    ("'ann'", 'None', 60)
    """
    text = redacted(repr(value))
    return text if len(text) <= 60 else text[:57] + "..."
