"""The stage of a game day: a home of its own, the stack that runs in it, and the clock by which its days pass.

Nothing in the stack is told a false time. A day of the stream is a second and a half of everybody's clock, and the keys
of the project file that count time in the traffic say so: `watch.settle: 0.35m` is fourteen such days.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from rarecall.errors import StoreError
from rarecall.project import FILE, Project, load
from tasks.stack import addresses, stack
from tasks.supervisor import Child, Supervisor

SECONDS_A_DAY = 1.5
SOURCE = "payments.parquet"
_WAIT = 600.0  # seconds until a child is well: one of them trains a model, maybe beside busy neighbours
_API = "PREFECT_API_URL"
_SETTLE, _WINDOW, _HORIZON, _LABEL_DELAY = 14, 28, 365, "7d"  # days of the stream

_HEAD = "# Written by a game day, whose next one may replace this folder.\n"

# A worker looks for runs every 10 s by default, and a runner too; a game day has no hours to spare.
_QUICK = {
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # 0.5 GB instead of 2.4
}


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stack that is up.

    Attributes
    ----------
    project : Project
    file, source : Path
        The project file, and the table that it reads.
    addresses : dict of str to str
        Of `prefect`, `mlflow` and `router`.
    seconds_a_day : float
    """

    project: Project
    file: Path
    source: Path
    addresses: Mapping[str, str]
    seconds_a_day: float = SECONDS_A_DAY

    @property
    def home(self) -> Path:
        """Where everything stands."""
        return Path(self.project.stores.home)


def settings(seconds_a_day: float, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the project file of a game day.

    Parameters
    ----------
    seconds_a_day : float
        Of the stack's clock, for a day of the stream.
    changes : mapping
        Sections that a scenario has otherwise.

    Examples
    --------
    >>> settings(1.5, {})["watch"]
    {'settle': '0.35m', 'window': '0.7m', 'horizon': '9.125m'}
    """

    def days(count: int) -> str:
        return f"{count * seconds_a_day / 60:.6g}m"

    own = {
        "name": "card-payments",
        "source": {"path": SOURCE},
        "entity": "payment_id",
        "timestamp": "paid_at",
        "label": {"column": "is_fraud", "positive": 1, "delay": _LABEL_DELAY},
        "features": {"exclude": ["customer_id", "terminal_id", "fraud_kind", "labelled_at"]},
        "cohorts": ["region", "channel"],
        "split": {"train": 0.7, "validation": 0.15, "holdout": 0.15},
        "labels": {"folds": 2},
        "fidelity": {"rows": 500, "folds": 2},
        "ablation": {"compare": False},
        "training": {"explain": "none", "precision_margin": 0.25},
        "monitoring": {"report_rows": 500},
        "gates": {"minority_recall": 0.7, "minority_precision": 0.6, "f1_minority": 0.6, "train_test_gap": 0.3,
                  "label_noise_rate": 0.05},
        "watch": {"settle": days(_SETTLE), "window": days(_WINDOW), "horizon": days(_HORIZON)},
        "canary": {"ramp": [0.05, 0.10], "false_alarm_margin": 6.0, "min_requests": 50},
        "schedule": {"retrain": None, "monitor": None, "canary": None},
        "stores": {"home": "."},
    }  # fmt: skip
    return own | dict(changes)


def is_own(folder: Path) -> bool:
    """Return whether a folder is one that a game day has made."""
    file = folder / FILE
    return file.is_file() and file.read_text(encoding="utf-8").startswith(_HEAD)


@contextmanager
def staged(
    folder: Path,
    deliver: Callable[[Path], None],
    *,
    say: Callable[[str], None],
    changes: Mapping[str, Any] | None = None,
    with_prefect: bool = True,
) -> Iterator[Stage]:
    """Set a stack up in a folder with a champion in it, and take it down again.

    Parameters
    ----------
    folder : Path
        Empty; it becomes the home.
    deliver : callable
        Writes the table of which the champion learns to the path that it is given.
    say : callable
        Told what the supervisor does.
    changes : mapping, optional
        Sections of the project file.
    with_prefect : bool
        Whether a Prefect server hears of a breach and a worker retrains; else the monitor does it itself.

    Raises
    ------
    StoreError
        The stack did not come up; its logs are in the folder.
    """
    file, source = folder / FILE, folder / SOURCE
    file.write_text(_HEAD + yaml.safe_dump(settings(SECONDS_A_DAY, changes or {}), sort_keys=False))
    deliver(source)
    os.environ.update(_QUICK)
    os.environ.pop(_API, None)  # somebody else's server is not part of this
    project = load(file, {})
    children = _children(project, file, with_prefect=with_prefect)
    supervisor = Supervisor(children, folder, say=say, wait=_WAIT)
    is_ready, failed = threading.Event(), []

    def run() -> None:
        try:
            supervisor.run(is_ready.set)
        except StoreError as error:
            failed.append(error)
        finally:
            is_ready.set()

    thread = threading.Thread(target=run, name="supervisor")
    thread.start()
    try:
        is_ready.wait()
        if failed:
            raise failed[0]
        yield Stage(project=project, file=file, source=source, addresses=addresses(children))
    finally:
        supervisor.stop()
        thread.join()


def _children(project: Project, file: Path, *, with_prefect: bool) -> list[Child]:
    """Return what `rarecall up` starts, a champion that is made before it serves, a monitor and a canary."""
    ports = dict(zip(("prefect", "mlflow", "router"), _free_ports(3), strict=True))
    named = {one.name: one for one in stack(project, file, ports)}
    rarecall = str(Path(sys.executable).with_name("rarecall"))
    own = {
        name: Child(name=name, command=[rarecall, command, str(file), *more], once=name == "champion")
        for name, command, *more in (
            ("champion", "retrain"), ("monitor", "monitor", "--every", "2s"), ("canary", "canary", "--every", "3s")
        )
    }  # fmt: skip
    servers = ["prefect", "deployments", "worker"] if with_prefect else []
    order = [*servers, "champion", "mlflow", "router", "monitor", "canary"]
    made = [(named | own)[name] for name in order]
    api = {_API: named["worker"].environ[_API]} if with_prefect else {}
    environs = ({name: value for name, value in one.environ.items() if name != _API} for one in made)
    return [replace(one, environ=environ | api | _QUICK) for one, environ in zip(made, environs, strict=True)]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        return [held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]
