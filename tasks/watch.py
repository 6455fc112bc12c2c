"""Watch: what the labels that have come by now say of the champion's recall, cohort by cohort."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.project import Project

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from monitoring.watched import References
    from rarecall.finding import Finding


def watch(project: Project, now: datetime) -> tuple[Finding, ...]:
    """Return what is found of the champion, held against the objective and what it was registered with.

    Nothing where there is no champion.
    """
    from monitoring import watched
    from serving import registry

    client = registry.connect(project)
    champion = registry.at_alias(client, project.name, registry.CHAMPION) if registry.exists(project) else None
    if champion is None:
        return ()
    known = _references(client, champion)
    return watched.findings(project, version=int(champion.version), as_of=now, references=known)


def _references(client: MlflowClient, champion: ModelVersion) -> References:
    """Return what a version held on the holdout when it was registered; nothing where its run keeps no figures."""
    from mlflow.exceptions import MlflowException

    if not champion.run_id:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            sli = json.loads(Path(client.download_artifacts(champion.run_id, "sli.json", folder)).read_text())
        except (MlflowException, OSError):  # a version that was registered past rarecall has none
            return {}
    return references_of(sli)


def references_of(sli: dict[str, Any]) -> References:
    """Return hits and positives by cohort and value, from the figures of a holdout.

    >>> north = {"minority_recall": 0.75, "positives": 40}
    >>> references_of({"minority_recall": 0.8, "positives": 90, "by_cohort": {"region": {"north": north}}})
    {'overall': {'': (72, 90)}, 'region': {'north': (30, 40)}}
    """
    from rarecall.finding import OVERALL

    cells = {OVERALL: {"": sli}, **sli.get("by_cohort", {})}
    return {
        cohort: {
            value: (round(cell["minority_recall"] * cell["positives"]), cell["positives"])
            for value, cell in values.items()
            if cell["positives"] and cell["minority_recall"] is not None
        }
        for cohort, values in cells.items()
    }
