"""A supervisor: child processes begun in order, watched, begun again when they end, and stopped together."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from rarecall.errors import StoreError
from tasks.take_down import STATE, who_is

_LOCK = "up.lock"
_LOOK = 0.5  # seconds between two looks at the children
_KNOCK = 10.0  # seconds between two questions whether a child is well
_STRIKES = 3  # unanswered ones, after which it is begun again
_STEADY = 60.0  # seconds after which what went wrong before is forgotten
_LONGEST = 30.0  # seconds to wait at most before a child is begun again
_GRACE = 20.0  # seconds from the wish to the order to stop


@dataclass(frozen=True, kw_only=True)
class Child:
    """A process that is to run.

    Attributes
    ----------
    name : str
        Also of its log.
    command : sequence of str
    port : int or None
        That it takes on the loopback address.
    health : str or None
        A URL that answers 200 when it is well; None: it is well while it runs.
    environ : mapping of str to str
        Beside the supervisor's own.
    once : bool
        Whether it is to end by itself, well, before the next one begins.
    """

    name: str
    command: Sequence[str]
    port: int | None = None
    health: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    once: bool = False


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    since: float
    falls: int = 0
    was_well: bool = False
    strikes: int = 0
    knocked: float = 0.0


class Supervisor:
    """Keeps the children of one home running until `stop` is set.

    Parameters
    ----------
    children : sequence of Child
        In the order in which they begin; they stop in the opposite one.
    home : Path
        Holds `up.json` (who runs, for `down`), `up.lock` and `logs/NAME.log`.
    say : callable
        Told a sentence for each thing that happens.
    wait : float
        Seconds that a child may take until it is well for the first time.
    """

    def __init__(
        self, children: Sequence[Child], home: Path, *, say: Callable[[str], None], wait: float = 180.0
    ) -> None:
        self.children, self.home, self.say, self.wait = children, home, say, wait
        self.is_stopping = False
        self._running: dict[str, _Running] = {}
        self._again: dict[str, tuple[float, int]] = {}

    def stop(self, *_: Any) -> None:
        """Have `run` stop everything and return."""
        self.is_stopping = True

    def run(self, ready: Callable[[], None]) -> None:
        """Begin the children, tell `ready`, and watch until `stop` is called.

        Raises
        ------
        StoreError
            A port is taken, another supervisor holds the home, or a child is not well in time; all that was begun is
            stopped first.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.home / _LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(f"{self.home} is up already; rarecall down stops it") from None
        try:
            _check_ports(self.children)
            for child in self.children:
                self._first(child)
                if self.is_stopping:
                    return
            ready()
            while not self.is_stopping:
                self._look()
                time.sleep(_LOOK)
        finally:
            self._end()
            lock.release()

    def _first(self, child: Child) -> None:
        """Begin a child and wait until it is well, or has ended well where it is to end."""
        running, until = self._begin(child), time.monotonic() + self.wait
        while not self.is_stopping:
            code = running.process.poll()
            if code is None and not child.once and (child.health is None or _is_well(child.health)):
                running.was_well = True
                self.say(f"{child.name} is up")
                return
            if code == 0 and child.once:
                self._forget(child.name)
                self.say(f"{child.name} is done")
                return
            if code is not None:
                raise StoreError(
                    f"{child.name} ended with code {code}: {_last(running.log)}; its log: {running.log.name}"
                )
            if time.monotonic() > until:
                raise StoreError(f"{child.name} is not well after {self.wait:.0f} s; its log: {running.log.name}")
            time.sleep(_LOOK / 2)

    def _begin(self, child: Child, falls: int = 0) -> _Running:
        logs = self.home / "logs"
        logs.mkdir(exist_ok=True)
        log = (logs / f"{child.name}.log").open("ab")
        process = subprocess.Popen(  # noqa: S603 - our own commands, as a list
            child.command,
            env=os.environ | child.environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C is for the supervisor, which stops them in order
        )
        running = _Running(child, process, log, time.monotonic(), falls)
        self._running[child.name] = running
        self._remember()
        return running

    def _look(self) -> None:
        """Begin again what has ended or does not answer."""
        now = time.monotonic()
        for name, (due, falls) in list(self._again.items()):
            if now >= due:
                del self._again[name]
                self._begin(next(one for one in self.children if one.name == name), falls)
                self.say(f"{name} is begun again")
        for running in list(self._running.values()):
            code = running.process.poll()
            if code is None and not self._is_lost(running, now):
                continue
            why = "does not answer" if code is None else f"ended with code {code}"
            _stop_group(running.process)
            falls = 0 if now - running.since > _STEADY else running.falls + 1
            pause = 0.0 if not falls else min(_LONGEST, 2.0 ** (falls - 1))
            self._forget(running.child.name)
            self._again[running.child.name] = (now + pause, falls)
            self.say(f"{running.child.name} {why}; it begins again in {pause:.0f} s; its log: {running.log.name}")

    def _is_lost(self, running: _Running, now: float) -> bool:
        """Return whether a child that has been well, or had the time to begin, did not answer several times."""
        if running.child.health is None or now - running.knocked < _KNOCK:
            return False
        running.knocked = now
        if _is_well(running.child.health):
            running.was_well, running.strikes = True, 0
        elif running.was_well or now - running.since > self.wait:
            running.strikes += 1
        return running.strikes >= _STRIKES

    def _forget(self, name: str) -> None:
        self._running.pop(name).log.close()
        self._remember()

    def _remember(self) -> None:
        """Write who runs, for `down`: a number alone may be another process's by then, with its time it is not."""
        children = {name: who_is(one.process.pid) for name, one in self._running.items()}
        file = self.home / STATE
        aside = file.with_suffix(".partial")
        aside.write_text(json.dumps({"supervisor": who_is(os.getpid()), "children": children}) + "\n")
        aside.replace(file)

    def _end(self) -> None:
        for running in reversed(self._running.values()):
            _stop_group(running.process)
            running.log.close()
            self.say(f"{running.child.name} is stopped")
        self._running.clear()
        (self.home / STATE).unlink(missing_ok=True)


def _check_ports(children: Sequence[Child]) -> None:
    for child in children:
        if child.port is None:
            continue
        try:
            socket.create_server(("127.0.0.1", child.port)).close()
        except OSError as error:
            raise StoreError(
                f"port {child.port} for {child.name} cannot be taken: {error.strerror}; stop what holds it, or choose "
                f"another: --{child.name}-port"
            ) from error


def _is_well(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback addresses
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, http.client.HTTPException):
        return False


def _stop_group(process: subprocess.Popen[bytes]) -> None:
    """Stop a child and all that it began: it leads a session of its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_GRACE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what of it did not listen
    process.wait()


def _last(log: IO[bytes]) -> str:
    """Return the last line of a log that says something."""
    lines = Path(log.name).read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
