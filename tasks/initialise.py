"""Write a commented project file for a table that nobody has described yet."""

import os
from pathlib import Path
from typing import Any

from rarecall.errors import StoreError


def initialise(
    table: str,
    file: Path,
    *,
    label: str,
    positive: str | None,
    time: str | None,
    entity: str | None,
    cohorts: list[str],
) -> dict[str, Any]:
    """Profile a table and write its project file; return what was found, JSON-ready.

    Raises
    ------
    StoreError
        The file is there already; a person may have edited it.
    """
    from rarecall.intake import source
    from rarecall.profiling.leaks import suspects
    from rarecall.profiling.profile import profile
    from rarecall.profiling.scaffold import render
    from rarecall.sections import Source

    if file.exists():
        raise StoreError(f"{file} exists and is not overwritten; remove it, or write another with --output")
    frame = source.read(Source(path=table), markers=[])
    found = profile(frame, label=label, positive=positive, time=time, entity=entity, cohorts=cohorts)
    leaks = suspects(frame, found.target(frame), found.features)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render(found, _seen_from(file.parent, table), leaks=leaks), encoding="utf-8")
    return {
        "file": str(file),
        "rows": found.rows,
        "positives": found.positives,
        "prevalence": found.prevalence,
        "positive": str(found.positive),
        "kinds": dict(found.kinds),
        "markers": [marker.text for marker in found.markers],
        "time": found.time,
        "entity": found.entity,
        "cohorts": [str(cohort.column) for cohort in found.cohorts],
        "warnings": [f"{leak.column}: {leak.reason}" for leak in leaks],
    }


def _seen_from(folder: Path, table: str) -> str:
    """Return a table's path as the project file must write it: relative to itself."""
    return table if "://" in table or Path(table).is_absolute() else os.path.relpath(table, folder)
