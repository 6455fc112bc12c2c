"""A deadline: a guard against a computation that takes much longer than it was meant to."""

import time


class Deadline:
    """Seconds from now; asked between pieces of work, it remembers whether it cut one short.

    Results do not depend on it unless it strikes, and then it says so.

    >>> deadline = Deadline(0.0)
    >>> deadline.cut, deadline.struck(), deadline.cut
    (False, True, True)
    """

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.cut = False

    def struck(self) -> bool:
        """Tell whether the time is over, and remember it."""
        self.cut = self.cut or time.monotonic() >= self._until
        return self.cut
