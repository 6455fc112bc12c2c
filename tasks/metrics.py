"""Metrics of what batch jobs know, for the server's `/metrics` and for a file that Prometheus's node exporter reads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.errors import StoreError
from rarecall.project import Project
from tasks.home_figures import sources_of

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def families_of(project: Project) -> list[Metric]:
    """Return the families as they are now; a part that cannot be read is told as `rarecall_figures_up` 0."""
    from monitoring.exposition import families

    now = datetime.now(UTC)
    return [*families(project, sources_of(project, now), now)]


def metrics(project: Project, output: Path | None = None) -> dict[str, Any]:
    """Return the exposition of a project, or write it to a file in one piece; each series has the label `project`.

    A server's has none: there the target gives it, for all that the server tells.

    Returns
    -------
    dict
        `project`, `text`, `file` (None where nothing was written), `series` and `unread` (the parts that could not be).

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import generate_latest
    from prometheus_client.registry import Collector

    found = families_of(project)
    for family in found:
        family.samples = [one._replace(labels={"project": project.name, **one.labels}) for one in family.samples]

    class Told(Collector):
        def collect(self) -> list[Metric]:
            return found

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Told())
    text = generate_latest(registry).decode("utf-8")
    if output:
        write(output, text)
    up = next(one for one in found if one.name == "rarecall_figures_up")
    return {
        "project": project.name,
        "text": text,
        "file": str(output) if output else None,
        "series": sum(len(one.samples) for one in found),
        "unread": [sample.labels["part"] for sample in up.samples if not sample.value],
    }


def write(file: Path, text: str) -> None:
    """Write a text aside and put it in place at once, so that nobody reads half of it.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    aside = file.with_name(f".{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8")
        aside.replace(file)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise StoreError(f"{file} could not be written: {error.strerror}; give another file") from error
