"""What a home knows of its runs and its model, for pages and metrics; nothing is made by looking."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from monitoring.exposition import Sources
from monitoring.figures import Home, Run, run_of
from monitoring.label_time import Known
from rarecall.errors import RarecallError
from rarecall.project import Project
from tasks import runs
from tasks.aliases import MOVED
from tasks.ledger import ledger_url, open_project_ledger

_MOVES = 12


def home_of(project: Project) -> Home:
    """Return what the runs' records and the ledger say.

    Raises
    ------
    StoreError
        The ledger cannot be read.
    """
    entries = open_project_ledger(project).entries(MOVED, project.name) if _has_ledger(project) else ()
    return Home(
        runs=tuple(_read(folder) for folder in runs.folders(project)),
        unfinished=tuple(runs.unfinished(project)),
        champion=entries[-1].payload["standing"]["champion"] if entries else None,
        moves=tuple(
            {
                "at": f"{one.at:%Y-%m-%d %H:%M}", "action": one.payload["action"], "who": one.who, "why": one.why,
                "moves": one.payload["moves"],
            }
            for one in reversed(entries[-_MOVES:])
        ),
    )  # fmt: skip


def known_of(project: Project, as_of: datetime) -> Known:
    """Return what the prediction log says of the windows of the project's rules."""
    from monitoring.predictions import url
    from monitoring.slo import known

    return known(project, url(project), as_of)


def sources_of(project: Project, as_of: datetime | None = None) -> Sources:
    """Return all there is, each part None where it cannot be read: what is missing must not hide the others."""
    from sqlalchemy.exc import SQLAlchemyError

    from tasks.heartbeat import seen

    parts: list[Known | Home | None] = []
    for read in (lambda: known_of(project, as_of or datetime.now(UTC)), lambda: home_of(project)):
        try:
            parts.append(read())
        except (RarecallError, SQLAlchemyError, OSError, ValueError, KeyError):
            parts.append(None)
    return Sources(*parts, seen=seen(project))  # type: ignore[arg-type]


@lru_cache(maxsize=4096)
def _read(folder: Path) -> Run:
    return run_of(json.loads((folder / runs.RECORD).read_text(encoding="utf-8")))  # nothing in it is ever overwritten


def _has_ledger(project: Project) -> bool:
    import sqlalchemy as sa

    address = sa.make_url(ledger_url(project))
    return address.get_backend_name() != "sqlite" or Path(address.database or "").is_file()
