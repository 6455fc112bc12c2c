"""Where fits are made: the threads of this process, or the Dask cluster that `stores.compute` names.

The stages stay here, with the warehouse, the stores and Prefect: what travels is rows and fits. See docs/scale.md.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from rarecall.compute import Compute
from rarecall.errors import DataError, StoreError
from rarecall.fits import THREADS, Fits, alone

if TYPE_CHECKING:
    from distributed import Client

ANSWER = 10
"""Seconds in which a scheduler must answer, and within which a worker must have come to it."""

_BEGIN = 60  # seconds that a worker of our own may take to begin: it imports what we did
_MESSAGES = ("python", "dask", "distributed")
"""What must be alike for a scheduler to pass messages on."""

_ALIKE = (
    "rarecall",
    "faiss-cpu",
    "imbalanced-learn",
    "lightgbm",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "threadpoolctl",
    "xgboost-cpu",
)
"""Packages that decide what a fit comes to, beside those of which Dask tells by itself."""

Shared = TypeVar("Shared")
Given = TypeVar("Given")
Made = TypeVar("Made")


class Cluster:
    """The workers of a Dask cluster; what all fits share is sent to them once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sent: tuple[Any, Any] = (None, None)

    def each(self, fit: Callable[[Shared, Given], Made], shared: Shared, given: Iterable[Given]) -> list[Made]:
        """Return what `fit` makes of what is shared and each of the given, in their order; the first error ends it.

        Raises
        ------
        StoreError
            The cluster was lost, or a worker died of every attempt at a fit.
        """
        from distributed import CancelledError, KilledWorker
        from distributed.comm import CommClosedError

        blas = _blas()
        try:
            if self._sent[0] is not shared:
                self._sent = shared, self._client.scatter(shared, hash=False)
            futures = [self._client.submit(_fitted, fit, self._sent[1], one, blas, pure=False) for one in given]
            made: list[Made] = self._client.gather(futures)
        except (CancelledError, CommClosedError, KilledWorker, OSError) as error:
            raise StoreError(
                f"stores.compute: the cluster was lost while it fitted ({type(error).__name__}); look at its workers' "
                "logs and memory, then run again: what was made before stands"
            ) from error
        return made


@contextmanager
def fits(compute: str) -> Iterator[Fits]:
    """Yield where fits are made, and end what was begun for them; Dask's own calls inside go to the same cluster.

    Parameters
    ----------
    compute : str
        `stores.compute`.

    Raises
    ------
    DataError
        The extra is not installed.
    StoreError
        No scheduler answers, it has no worker, or a worker's versions are not this machine's.
    """
    wanted = Compute.of(compute)
    if wanted.is_local:
        yield THREADS
        return
    installed(compute)
    with _client(wanted, compute) as client:
        _check_alike(client)
        yield Cluster(client)


def installed(compute: str) -> None:
    """Raise DataError where the project computes on Dask and the extra is not there."""
    lacking = [name for name in ("dask", "distributed") if importlib.util.find_spec(name) is None]
    if lacking and not Compute.of(compute).is_local:
        raise DataError(
            f"stores.compute: {compute} needs {lacking[0]}, which is not installed; run: pip install 'rarecall[dask]', "
            "or set it to local"
        )


@contextmanager
def _client(wanted: Compute, compute: str) -> Iterator[Client]:
    from distributed import Client, LocalCluster

    if wanted.scheduler is None:
        with (
            LocalCluster(  # its page on any port that is free, for this machine only
                n_workers=wanted.workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            _wait(client, compute, _BEGIN)
            yield client
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions that differ: they are refused below
            client = Client(wanted.scheduler, timeout=ANSWER)
    except (OSError, ValueError, TypeError) as error:  # the last two: TLS that Dask's own settings do not fit
        raise StoreError(
            f"stores.compute: no Dask scheduler answers at {compute} within {ANSWER} s ({_first(error)}); start one "
            "with dask scheduler, correct the address, or set it to local"
        ) from error
    with client:
        _wait(client, compute, ANSWER)
        yield client


def _wait(client: Client, compute: str, seconds: float) -> None:
    try:
        client.wait_for_workers(1, timeout=seconds)
    except TimeoutError as error:
        raise StoreError(
            f"stores.compute: the scheduler at {compute} has no worker within {seconds:g} s; start some with dask "
            "worker, or set it to local"
        ) from error


def _check_alike(client: Client) -> None:
    """Raise StoreError where a worker is not as this process: its fits would come to something else, or nothing."""
    answer: Any = client.get_versions(packages=_ALIKE)
    here = _told(answer["client"])
    places = {"scheduler": (answer["scheduler"], _MESSAGES)}
    places |= {f"worker {worker}": (there, here) for worker, there in answer["workers"].items()}
    for place, (said, asked) in places.items():
        there = _told(said)
        # What this process has not got, such as a learner of another extra, no fit of its can need.
        differing = [name for name in asked if here[name] and there.get(name) != here[name]]
        if differing:
            name = differing[0]
            more = f", and {len(differing) - 1} more differ" if len(differing) > 1 else ""
            raise StoreError(
                f"stores.compute: the {place} has {name} {there.get(name) or 'not at all'} where this process has "
                f"{here[name]}{more}; install the same lock there (requirements/dask.txt) and start it again"
            )


def _told(said: Any) -> dict[str, str | None]:
    """Return the versions that a process tells; of Python the part on which what is sent depends."""
    packages: dict[str, str | None] = dict(said["packages"])
    return packages | {"python": ".".join(str(packages["python"]).split(".")[:2])}


def _fitted(fit: Callable[[Shared, Given], Made], shared: Shared, given: Given, blas: int) -> Made:
    """Make one fit on a worker, with as many threads as it has here: sums in another order end in other digits."""
    from threadpoolctl import threadpool_limits

    alone()
    with threadpool_limits(limits=blas, user_api="blas"):
        return fit(shared, given)


def _blas() -> int:
    from threadpoolctl import threadpool_info

    return max((one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"), default=1)


def _first(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
