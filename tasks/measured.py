"""What was measured with a clock: beside the warehouse, whose versions are the same bytes on every machine."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from rarecall.project import Project
from rarecall.warehouse import Version

_EVERY = 0.01  # seconds between two looks at the memory


@contextmanager
def course() -> Iterator[dict[str, Any]]:
    """Measure what runs inside: `seconds`, and `peak_mb`, the most memory this process held meanwhile.

    The process holds the table and the libraries besides, so `before_mb` says what it held at the start.
    """
    told: dict[str, Any] = {}
    process, done, peak = psutil.Process(), threading.Event(), 0

    def look() -> None:
        nonlocal peak
        while True:
            peak = max(peak, process.memory_info().rss)
            if done.wait(_EVERY):
                return

    before, started = process.memory_info().rss, time.perf_counter()
    watcher = threading.Thread(target=look, name="memory", daemon=True)
    watcher.start()
    try:
        yield told
    finally:
        seconds = time.perf_counter() - started
        done.set()
        watcher.join()
        peak = max(peak, process.memory_info().rss)
        told.update(seconds=seconds, before_mb=before / 1e6, peak_mb=peak / 1e6)


def keep(project: Project, version: Version, told: dict[str, Any]) -> None:
    """Write down what was measured while a version was made, if anything was."""
    if not told:
        return
    file = _file(project, version)
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(f".{os.getpid()}")
    aside.write_text(json.dumps(told, indent=1, allow_nan=False), encoding="utf-8")
    aside.rename(file)


def of(project: Project, *versions: Version) -> dict[str, Any]:
    """Return what was measured while these were made, by name; what was made on another machine has nothing here."""
    files = [file for version in versions if (file := _file(project, version)).exists()]
    return {name: told for file in files for name, told in json.loads(file.read_text(encoding="utf-8")).items()}


def as_metrics(told: dict[str, Any]) -> dict[str, float]:
    """Return the figures under the names of service level indicators.

    >>> as_metrics({"training": {"seconds": 3.5, "peak_mb": 420.0, "before_mb": 300.0}})
    {'training_seconds': 3.5, 'training_peak_mb': 420.0}
    """
    training, latency = told.get("training", {}), told.get("latency", {})
    figures = {f"training_{name}": training.get(name) for name in ("seconds", "peak_mb")}
    figures |= {f"latency_ms_{name}": latency.get(name) for name in ("p50", "p99")}
    return {name: float(value) for name, value in figures.items() if value is not None}


def _file(project: Project, version: Version) -> Path:
    return Path(project.stores.home) / "measured" / version.kind / f"{version.key}.json"
