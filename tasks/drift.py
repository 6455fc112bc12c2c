"""Compare the rows of now with the champion's sketch, and draw Evidently's page of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.project import Project
from tasks.champion import Champion, champion, sketch_of
from tasks.recent_rows import Recent, recent

if TYPE_CHECKING:
    from rarecall.drift import Sketch

PAGE = "drift.html"
RECORD = "drift.json"


def drift(
    project: Project, table: str | None = None, *, since: datetime | None = None, page: bool = True
) -> dict[str, Any]:
    """Say how the rows of now differ from those that taught the champion.

    Nothing that a run reads is changed: what is written is a folder of the home, with the figures and the page.

    Parameters
    ----------
    project : Project
    table : str, optional
        As of `tasks.recent_rows.recent`; so is `since`.
    page : bool
        Whether Evidently draws a page, on a sample of both sides; it takes seconds to import.

    Returns
    -------
    dict
        JSON-ready: `project`, `champion`, `recent` (what was looked at), what `rarecall.drift.compare` returns,
        `folder`, and `page`, which is None where none was asked for or the training rows were collected.

    Raises
    ------
    DataError
        There is no champion or no such table, or the table does not fit.
    StoreError
        A store cannot be read or written.
    """
    from rarecall import drift as engine

    stands = champion(project)
    sketch = sketch_of(project, stands)
    now = recent(project, sketch.kinds, sketch.about, table=table, since=since)
    asked = project.drift
    compared = engine.compare(
        sketch, now.rows, positive=now.positive, alpha=asked.alpha, psi=asked.psi, min_rows=asked.min_rows
    )
    folder = _folder(project)
    found = {"project": project.name, "champion": stands.version, "recent": now.about, **compared}
    drawn = _page(project, stands, sketch, now, folder) if page else None
    found |= {"folder": str(folder), "page": None if drawn is None else str(drawn)}
    (folder / RECORD).write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return found


def _folder(project: Project) -> Path:
    """Make a folder of this look's own; looks are listed in their order."""
    from rarecall.errors import StoreError

    folder = Path(project.stores.home) / "drift" / project.name / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}; give another folder with --home") from error
    return folder


def _page(project: Project, stands: Champion, sketch: Sketch, now: Recent, folder: Path) -> Path | None:
    import pandas as pd

    from monitoring import reference

    if stands.dataset is None:
        return None
    train = pd.read_parquet(stands.dataset.file("train.parquet"))
    kinds = {name: kind for name, kind in sketch.kinds.items() if name in now.rows.columns}
    reference.write(
        train[~train["is_synthetic"]],
        now.rows,
        kinds,
        folder / PAGE,
        rows=project.monitoring.report_rows,
        seed=project.seed,
        workspace=reference.Workspace(
            folder=Path(project.stores.home) / "evidently", project=project.name, run=f"drift {folder.name}"
        ),
    )
    return folder / PAGE
