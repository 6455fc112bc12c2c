"""Features of entities that send none: read from the online store by each model's own feature service."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from rarecall.errors import DataError, StoreError
from serving.fault import Fault, RefusedError

_log = logging.getLogger("rarecall.serving")


class Reader(Protocol):
    """What reads the features of one model: `serving.features.FeatureReader`."""

    def read(self, entities: Sequence[Mapping[str, Any]]) -> Any:
        """Return what is online of entities."""

    def close(self) -> None:
        """Let go of the store."""


class Lookup:
    """The readers of the models that serve, one at a time in a thread of its own.

    Parameters
    ----------
    open_reader : callable
        From a feature service's name to its reader; opening Feast takes seconds.
    """

    def __init__(self, open_reader: Callable[[str], Reader]) -> None:
        self._open = open_reader
        self._readers: dict[str, Reader] = {}
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="online-features")

    def prepare(self, service: str) -> None:
        """Open the reader of a service in the background."""
        self._thread.submit(self._reader, service)

    async def features(self, service: str | None, keys: Sequence[Mapping[str, Any]], at: list[str]) -> list[Any]:
        """Return the features of each entity as a request would have sent them.

        Parameters
        ----------
        service : str or None
            The model's.
        keys : sequence of mapping
            Of each entity.
        at : list of str
            The field that names each of them.

        Raises
        ------
        RefusedError
            422 for entities that are not online, 503 where the store does not answer.
        """
        import asyncio

        if service is None:
            raise RefusedError(422, Fault(at[0], "has no features beside it, and this model has no feature service"))
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, service, keys, at)
        except DataError as error:
            raise RefusedError(422, Fault(at[0], str(error))) from None
        except StoreError:
            _log.exception("online.away")
            raise RefusedError(
                503, Fault(at[0], "the online features cannot be read now; send the features, or try again")
            ) from None

    def close(self) -> None:
        """Let go of every store."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        for reader in self._readers.values():
            reader.close()

    def _reader(self, service: str) -> Reader:
        with self._lock:
            if service not in self._readers:
                try:
                    self._readers[service] = self._open(service)
                except Exception as error:
                    _log.exception("online.closed", extra={"service": service})
                    raise StoreError("the feature service cannot be opened") from error
            return self._readers[service]

    def _read(self, service: str, keys: Sequence[Mapping[str, Any]], at: list[str]) -> list[dict[str, Any]]:
        found = self._reader(service).read(keys)
        if found.unknown:
            said = "is not online; send its features, or run: rarecall materialize"
            raise RefusedError(422, *(Fault(at[place], said) for place in found.unknown))
        columns = {str(name): _cells(found.rows[name].tolist()) for name in found.rows.columns}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _cells(values: list[Any]) -> list[Any]:
    return [None if value is None or value != value else value for value in values]  # noqa: PLR0124 - NaN
