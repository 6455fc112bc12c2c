"""Ctrl-C and SIGTERM: stop at once and say what happens next.

The temporary Prefect server is in our process group and dies of the same Ctrl-C, after which Prefect's client would try
to reach it for minutes. Every stage is safe to kill, so the honest way out is the fast one.
"""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_SAYS = "\nrarecall: interrupted; nothing half-written is kept, and the next run goes on where this one stopped\n"


def install() -> None:
    """Take over both signals, unless the user's own Prefect server waits to be told how the run ended."""
    if not os.environ.get("PREFECT_API_URL"):
        signal.signal(signal.SIGINT, _stop)
        signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    import psutil

    for child in psutil.Process().children():
        child.terminate()
    # Not print: the signal may have come in the middle of one.
    os.write(sys.stderr.fileno(), _SAYS.encode())
    os._exit(128 + number)
