"""The runs of a home, each a folder with its record and its page; nothing in it is ever overwritten."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rarecall.errors import StoreError
from rarecall.project import Project

RECORD, PAGE = "record.json", "report.html"


def keep(project: Project, record: dict[str, Any], page: str) -> Path:
    """Write a run's record and page aside and rename them into place; return the page's path."""
    folder = _shelf(project) / f"{record['started'].replace(':', '')}-{record['run_id'][:8]}"
    aside = folder.with_name(f".partial-{folder.name}")
    try:
        aside.mkdir(parents=True)
        (aside / PAGE).write_text(page, encoding="utf-8")
        (aside / RECORD).write_text(json.dumps(record, indent=1, allow_nan=False), encoding="utf-8")
        aside.rename(folder)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise StoreError(f"could not write to {folder}: {error.strerror}; free some space and run again") from error
    return folder / PAGE


def folders(project: Project) -> list[Path]:
    """Return the project's runs, oldest first."""
    shelf = _shelf(project)
    return sorted(f for f in shelf.iterdir() if not f.name.startswith(".")) if shelf.is_dir() else []


def records(project: Project) -> Iterator[dict[str, Any]]:
    """Yield the records of the project's runs that came to their end, oldest first."""
    for folder in folders(project):
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        yield record


def last_page(project: Project, *, copy_to: Path | None = None) -> Path:
    """Return the last run's page, or a copy of it."""
    runs = folders(project)
    if not runs:
        raise StoreError(f"{project.name} has no run yet in {project.stores.home}; make one with: rarecall retrain")
    page = runs[-1] / PAGE
    return Path(shutil.copyfile(page, copy_to)) if copy_to else page


@contextmanager
def begun(project: Project) -> Iterator[None]:
    """Leave a mark of a run that does not come to its end, also where it is killed."""
    mark = _marks(project) / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S.%f}-{os.getpid()}"
    with suppress(OSError):  # a home that cannot be written is told of by whoever needs it
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    yield
    mark.unlink(missing_ok=True)


def unfinished(project: Project) -> Iterator[str]:
    """Yield when each run began that has not come to its end, in ISO 8601, oldest first; one may still be running."""
    shelf = _marks(project)
    for mark in sorted(shelf.iterdir()) if shelf.is_dir() else ():
        yield datetime.strptime(mark.name.rpartition("-")[0], "%Y-%m-%dT%H%M%S.%f").replace(tzinfo=UTC).isoformat()


def _marks(project: Project) -> Path:
    return Path(project.stores.home) / "unfinished" / project.name


def _shelf(project: Project) -> Path:
    return Path(project.stores.home) / "runs" / project.name
