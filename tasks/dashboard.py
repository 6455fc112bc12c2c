"""Write the three dashboards of a project as pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rarecall.errors import StoreError
from rarecall.project import Project


def dashboard(project: Project, out: Path | None = None, *, as_of: datetime | None = None) -> dict[str, Any]:
    """Write the pages and return where they are.

    Parameters
    ----------
    project : Project
    out : Path, optional
        The folder; by default `dashboards/<name>` under the home.
    as_of : datetime, optional
        By default now.

    Returns
    -------
    dict
        `project` and `pages`, a path by name.

    Raises
    ------
    StoreError
        The prediction log or the ledger cannot be read, or a page cannot be written.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from monitoring.dashboard import PAGES, Told, render
    from monitoring.label_time import by_day
    from monitoring.panels.week import DAYS
    from monitoring.predictions import url
    from tasks.home_figures import home_of, known_of
    from tasks.metrics import write

    now = as_of or datetime.now(UTC)
    try:
        known = known_of(project, now)
        days = by_day(url(project), now - project.slo.period - timedelta(days=DAYS), now)
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(f"the prediction log could not be read: {said}; mend that and run again") from error
    told = Told(project, known, days, home_of(project), now)
    folder = out or Path(project.stores.home) / "dashboards" / project.name
    pages = {name: folder / f"{name}.html" for name in PAGES}
    for name, file in pages.items():
        write(file, render(name, told))
    return {"project": project.name, "pages": {name: str(file) for name, file in pages.items()}}
