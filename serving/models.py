"""The models that serve: found by their aliases in MLflow, followed as these move, kept while the registry is away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rarecall.errors import RarecallError, redacted
from rarecall.project import Project
from rarecall.standing import CANARY, CHAMPION, SHARE
from serving.scorer import Scorer

if TYPE_CHECKING:
    from mlflow import MlflowClient

EVERY = 2.0
"""Seconds between two looks at the registry."""

_AGAIN = 30.0  # seconds until a version that could not be loaded is tried again
_KEPT = 4  # versions in memory, so that a rollback has nothing to load
_log = logging.getLogger("rarecall.serving")


@dataclass(frozen=True)
class Served:
    """One version of the model, ready to answer.

    Attributes
    ----------
    version : int
    scorer : Scorer
    service : str or None
        Feast's feature service, by which its features are found online.
    tags : dict of str to str
        The version's own.
    """

    version: int
    scorer: Scorer
    service: str | None
    tags: dict[str, str]


@dataclass(frozen=True)
class Serving:
    """What serves now; replaced as a whole, so that a request sees one state from its beginning to its end.

    Attributes
    ----------
    champion, canary : Served or None
    share : float
        The canary's, of the entities.
    salt : str
        By which they are drawn.
    """

    champion: Served | None = None
    canary: Served | None = None
    share: float = 0.0
    salt: str = ""


@dataclass(frozen=True)
class Registry:
    """How the registry is.

    Attributes
    ----------
    answered : float or None
        When it last answered, by the monotonic clock.
    away : str or None
        Why it does not answer; a sentence without paths or passwords.
    refused : dict of str to str
        Versions that an alias names and that could not be loaded, with the reason.
    """

    answered: float | None = None
    away: str | None = None
    refused: dict[str, str] | None = None

    def age(self) -> float | None:
        """Return the seconds since it last answered."""
        return None if self.answered is None else time.monotonic() - self.answered


class Models:
    """Looks at the registry in a thread of its own and holds what serves.

    Parameters
    ----------
    project : Project
    every : float
        Seconds between two looks.
    on_change : callable, optional
        Called in that thread with what serves from now on.
    """

    def __init__(
        self, project: Project, *, every: float = EVERY, on_change: Callable[[Serving], None] | None = None
    ) -> None:
        self._project = project
        self._every = every
        self.on_change = on_change
        self._client: MlflowClient | None = None
        self._file = 0  # the inode of the registry's database, where it is a file
        self._loaded: dict[str, Served] = {}
        self._refused: dict[str, tuple[float, str]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)
        self.now = Serving()
        self.registry = Registry()

    def start(self) -> None:
        """Look once, and then again and again until `close`."""
        self.look()
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Look at the registry now, and serve what its aliases name; whatever goes wrong, the last good model stays."""
        try:
            found = self._asked()
        except Exception as error:
            why = _said(error)
            if self.registry.away != why:
                _log.warning("registry.away", extra={"reason": why}, exc_info=True)
            self.registry = Registry(self.registry.answered, why, self.registry.refused)
            self._forget()
            return
        refused: dict[str, str] = {}
        champion = self._version(found.get(CHAMPION), refused, self.now.champion)
        canary = self._version(found.get(CANARY), refused, None) if found.get(CANARY) != found.get(CHAMPION) else None
        if canary is not None and champion is not None and canary.version == champion.version:
            canary = None
        self.registry = Registry(time.monotonic(), None, refused)
        share = _share(found.get(SHARE), self._project.canary.share) if canary else 0.0
        salt = f"{self._project.name} {canary.version}" if canary else ""
        serving = Serving(champion, canary, share, salt)
        if serving != self.now:
            self.now = serving
            _log.info("models.changed", extra={"champion": _number(champion), "canary": _number(canary)})
            if self.on_change:
                self.on_change(serving)

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self.look()

    def _asked(self) -> dict[str, str]:
        """Return the aliases, and the share's tag where there is one."""
        from serving import registry

        if self._project.stores.mlflow is None:
            file = registry.folder(self._project) / "mlflow.db"
            if not file.is_file():  # SQLite would make an empty one in its place
                if not self._file:  # there never was one
                    return {}
                raise RarecallError("the registry's database is not where it was")
            if self._client is not None and file.stat().st_ino != self._file:
                self._forget()  # another file took its place, and MLflow would go on reading the one before
                self._loaded.clear()  # its versions have the same numbers, and may be other models
            self._file = file.stat().st_ino
        if self._client is None:
            self._client = registry.connect(self._project)
        model = registry.registered(self._client, self._project.name)
        if model is None:
            return {}
        found = registry.governed(model)
        if SHARE in model.tags:
            found[SHARE] = model.tags[SHARE]
        return found

    def _forget(self) -> None:
        """Let the registry's connections go, so that the next look opens it anew."""
        from serving import registry

        client, self._client = self._client, None
        if client is not None:
            registry.let_go(client)

    def _version(self, number: str | None, refused: dict[str, str], last: Served | None) -> Served | None:
        """Return a version ready to serve; the last one in its place, with the reason noted, where it is refused."""
        if number is None:
            return None
        if number in self._loaded:
            return self._loaded[number]
        when, reason = self._refused.get(number, (-_AGAIN, ""))
        if time.monotonic() - when >= _AGAIN:
            try:
                made = self._load(number)
            except Exception as error:
                reason = _said(error)
                _log.warning("model.refused", extra={"version": number, "reason": reason}, exc_info=True)
                self._refused[number] = (time.monotonic(), reason)
            else:
                self._loaded = dict([*self._loaded.items()][1 - _KEPT :]) | {number: made}
                return made
        refused[number] = reason
        return last

    def _load(self, number: str) -> Served:
        from serving import registry
        from serving.scorer import scorer

        client = self._client or registry.connect(self._project)
        version = client.get_model_version(self._project.name, number)
        began = time.perf_counter()
        made = scorer(registry.load(client, version))
        seconds = round(time.perf_counter() - began, 3)
        _log.info("model.loaded", extra={"version": number, "seconds": seconds, "reason": made.reason})
        return Served(int(number), made, version.tags.get("rarecall.feature_service"), dict(version.tags))


def _share(tag: str | None, otherwise: float) -> float:
    """Return the canary's share: the tag's where it is one of 0 to 10%, and else the project's."""
    try:
        share = otherwise if tag is None else float(tag)
    except ValueError:
        return otherwise
    return share if 0.0 <= share <= 0.10 else otherwise


def _number(one: Served | None) -> int | None:
    return None if one is None else one.version


def _said(error: BaseException) -> str:
    """Return what went wrong without paths and secrets, for a page that anyone on the network may see."""
    text = redacted(str(error).strip().splitlines()[0] if str(error).strip() else "")
    kind = type(error).__name__
    if isinstance(error, RarecallError):
        return text
    return f"{kind}: the registry could not be read; the server's log has more"
