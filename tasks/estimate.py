"""Estimate the champion's recall and precision on the rows of now, before any of their labels is known.

The features come from the source and not from the prediction log, which keeps a digest of them only: so the rows are
scored here by the model that serves, and the reference rows are weighted to be like them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rarecall.errors import DataError
from rarecall.project import Project
from tasks.champion import Champion, champion, sketch_of
from tasks.recent_rows import recent


def estimate(project: Project, table: str | None = None, *, since: datetime | None = None) -> dict[str, Any]:
    """Say which recall and precision the champion's scores lead one to expect; nothing is written.

    Parameters
    ----------
    project : Project
    table : str, optional
        As of `tasks.recent_rows.recent`; so is `since`.

    Returns
    -------
    dict
        JSON-ready: `project`, `champion`, `recent` (what was looked at), `shift` (`auc`, how well the rows of now can
        be told from the reference's, and whether they were `weighted`), and what `rarecall.estimate.expected` returns.

    Raises
    ------
    DataError
        There is no champion, its rows were collected, the table does not fit or lacks a feature.
    StoreError
        A store cannot be read.
    """
    from rarecall import cohort_threshold, cohorts, training
    from rarecall import estimate as engine

    stands = champion(project)
    sketch = sketch_of(project, stands)
    judged = _judged(project, stands)
    now = recent(project, sketch.kinds, sketch.about, table=table, since=since)
    features, served = list(sketch.kinds), stands.model()
    if lacking := [name for name in features if name not in now.rows.columns]:
        raise DataError(f"{now.about['table']}: the table has no column {lacking[0]!r}, which the model reads")
    scored = {name: training.score(served, part) for name, part in (("then", judged), ("now", now.rows))}
    likeness = engine.ratio(judged[features], now.rows[features], sketch.kinds, seed=project.seed)
    groups = [cohorts.assign(part, project.cohorts) for part in (judged, now.rows)]
    flagged = {
        "then": scored["then"] >= cohort_threshold.cuts(served, judged),
        "now": scored["now"] >= cohort_threshold.cuts(served, now.rows),
    }
    truth = judged["label"].to_numpy() == 1
    known = engine.Reference(truth, scored["then"], flagged["then"], groups[0], likeness.weight)
    found = engine.expected(
        scored["now"],
        flagged["now"],
        reference=known,
        cohorts=groups[1] if project.cohorts else None,
        floor=project.gates.minority_recall,
        confidence=project.drift.estimate_confidence,
        min_positives=project.gates.min_positives,
    )
    shift = {"auc": likeness.auc, "weighted": likeness.weight is not None}
    return {"project": project.name, "champion": stands.version, "recent": now.about, "shift": shift, **found}


def _judged(project: Project, stands: Champion) -> Any:
    """Return the real rows that chose the champion's threshold and that judged it; none of them taught it."""
    import pandas as pd

    if stands.dataset is None:
        raise DataError(
            f"the rows that {project.name} version {stands.version} was judged on were collected, so what its scores "
            "mean is not known any more; run: rarecall retrain"
        )
    parts = [pd.read_parquet(stands.dataset.file(f"{name}.parquet")) for name in ("validation", "holdout")]
    return pd.concat(parts, ignore_index=True)
