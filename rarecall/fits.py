"""Many fits at once: as many as there are cores, each on one thread of OpenMP.

Gradient boosting on some ten thousand rows waits at a barrier after every step. Two threads that share a core with
anybody else wait most of the time: on two cores with one other process, four fits of 9,000 rows took 3.0 s on two
threads each, 1.2 s on one, and 5.7 against 3.6 s on 60,000 rows. That is the whole gain there: two such fits at once
took as long as one after the other, 1.7 and 3.6 s.
"""

import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Protocol, TypeVar

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it ships no types

_OWN = frozenset({"lightgbm", "xgboost"})
"""Libraries that may bring an OpenMP of their own."""

Shared = TypeVar("Shared")
Given = TypeVar("Given")
Made = TypeVar("Made")


def at_once(fit: Callable[[Given], Made], each: Iterable[Given]) -> list[Made]:
    """Return what `fit` makes of each, in their order; the first error ends it.

    >>> at_once(lambda n: n * n, [1, 2, 3])
    [1, 4, 9]
    """
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), initializer=alone) as pool:
        return list(pool.map(fit, each))


class Fits(Protocol):
    """Where many fits are made at once; what they make does not depend on it."""

    def each(self, fit: Callable[[Shared, Given], Made], shared: Shared, given: Iterable[Given]) -> list[Made]:
        """Return what `fit` makes of what is shared and each of the given, in their order; the first error ends it."""


class Threads:
    """The cores of this machine.

    >>> Threads().each(pow, 2, [1, 2, 3])
    [2, 4, 8]
    """

    def each(self, fit: Callable[[Shared, Given], Made], shared: Shared, given: Iterable[Given]) -> list[Made]:
        """Return what `fit` makes of what is shared and each of the given, in their order; the first error ends it."""
        return at_once(lambda one: fit(shared, one), given)


THREADS = Threads()


def alone() -> None:
    """Give this thread one thread of OpenMP: the number is each thread's own, and ends with it."""
    _controller(_OWN.intersection(sys.modules)).limit(limits=1, user_api="openmp")


@cache
def _controller(loaded: frozenset[str]) -> ThreadpoolController:  # noqa: ARG001 - what is loaded later is looked for anew
    import sklearn.ensemble  # noqa: F401 - so that its OpenMP is loaded, for only what is loaded can be found

    return ThreadpoolController()
