"""What a watch needs and does not get: labels, traffic, deliveries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rarecall.project import Project
from rarecall.project_values import is_local

if TYPE_CHECKING:
    from monitoring.arrivals import Arrivals


def lateness(project: Project, now: datetime) -> dict[str, str | None]:
    """Return, for each alarm about what has to come, the sentence that raises it, or None where nothing is late.

    Raises
    ------
    StoreError
        The prediction log cannot be read.
    """
    from monitoring import alarms, arrivals, predictions

    come = arrivals.read(predictions.url(project), older_than=now - project.label.delay)
    return {
        alarms.LABELS_MISSING: _labels(come, now, project.triggers.labels_missing),
        alarms.TRAFFIC_MISSING: _traffic(come, now, project.triggers.source_late),
        alarms.SOURCE_LATE: _source(project, now, project.triggers.source_late),
    }


def _labels(come: Arrivals, now: datetime, limit: timedelta | None) -> str | None:
    if limit is None or come.first is None:
        return None
    since = max(come.labelled or come.first, come.first)
    if now - since <= limit:
        return None
    last = f"the last came at {come.labelled:%Y-%m-%d %H:%M}Z" if come.labelled else "none ever came"
    return f"{come.waiting} answers are old enough for a label and have none; {last}"


def _traffic(come: Arrivals, now: datetime, limit: timedelta | None) -> str | None:
    if limit is None or come.answered is None or now - come.answered <= limit:
        return None
    return f"no question was answered since {come.answered:%Y-%m-%d %H:%M}Z"


def _source(project: Project, now: datetime, limit: timedelta | None) -> str | None:
    """Say since when nothing was delivered; of a query or another machine's files nobody here can say."""
    written = _delivered(project)
    if limit is None or written is None or now - written <= limit:
        return None
    return f"the source's newest rows were delivered at {written:%Y-%m-%d %H:%M}Z"


def _delivered(project: Project) -> datetime | None:
    source = project.source
    if source.deliveries:
        from tasks.append import delivered

        folder = Path(delivered(project).path)
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC)
    if source.path and is_local(source.path) and Path(source.path).exists():
        path = Path(source.path)
        files = [one for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path]
        return datetime.fromtimestamp(max(one.stat().st_mtime for one in files), UTC) if files else None
    return None
