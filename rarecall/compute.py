"""Where fits are made: on this machine, or on a Dask cluster that the project file names."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, urlsplit

from rarecall.errors import brief

LOCAL = "local"
_SCHEMES = {"dask": "tcp", "dask+tls": "tls"}
_EXPECTED = "expected local, dask://HOST:PORT, dask+tls://HOST:PORT or dask://local?workers=N"


@dataclass(frozen=True)
class Compute:
    """What `stores.compute` says.

    Attributes
    ----------
    scheduler : str or None
        The address of a Dask scheduler that somebody runs.
    workers : int or None
        Processes of a cluster that is begun here and ends with its work; with neither, the threads of this process.

    >>> Compute.of("local"), Compute.of("dask://local?workers=2").workers
    (Compute(scheduler=None, workers=None), 2)
    >>> Compute.of("dask+tls://head:8786").scheduler
    'tls://head:8786'
    >>> Compute.of("dask:8786")
    Traceback (most recent call last):
        ...
    ValueError: expected local, dask://HOST:PORT, dask+tls://HOST:PORT or dask://local?workers=N, got 'dask:8786'
    """

    scheduler: str | None = None
    workers: int | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """Read what the project file says; ValueError where it says nothing of the kind."""
        if text == LOCAL:
            return cls()
        try:
            url = urlsplit(text)
            host, port, asked = url.hostname, url.port, parse_qs(url.query, strict_parsing=bool(url.query))
        except ValueError:
            raise ValueError(f"{_EXPECTED}, got {brief(text)}") from None
        plain = not (url.username or url.password or url.fragment or url.path.strip("/"))
        if plain and url.scheme == "dask" and host == LOCAL and port is None and set(asked) <= {"workers"}:
            [workers] = asked.get("workers", ["1"])
            if workers.isdecimal() and int(workers) > 0:
                return cls(workers=int(workers))
        elif plain and url.scheme in _SCHEMES and host and port and not asked:
            return cls(scheduler=f"{_SCHEMES[url.scheme]}://{url.netloc}")
        raise ValueError(f"{_EXPECTED}, got {brief(text)}")

    @property
    def is_local(self) -> bool:
        """Tell whether this process's threads do it all."""
        return self == Compute()
