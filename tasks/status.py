"""What stands in a home: dataset versions, model versions, aliases, the last decision."""

import json
from typing import Any

from rarecall.project import Project
from tasks import runs
from tasks.approvals import approvals
from tasks.approve import TAG, settle
from tasks.mend import look
from tasks.shelf import warehouse


def status(project: Project, *, who: str) -> dict[str, Any]:
    """Return what a person asks first, JSON-ready; empty lists where nothing has run.

    A move of the aliases that was cut off is ended first, and the ledger is told by whom.
    """
    from serving import registry

    mended, differing = look(project, who=who)
    settle(project)
    shelf = warehouse(project)
    published = {v.facts["name"].rsplit("_", 1)[1] for v in shelf.versions("feast_datasets")}
    datasets = [version for version in shelf.versions("datasets") if version.key in published]
    records = runs.folders(project)
    last = json.loads((records[-1] / runs.RECORD).read_text()) if records else None
    return {
        "project": project.name,
        "home": project.stores.home,
        "datasets": [
            {
                "version": version.key,
                "rows": version.facts["rows"],
                "synthetic": version.facts["synthetic_rows"],
                "sampler": version.facts["sampler"],
            }
            for version in datasets
        ],
        "models": _models(project) if registry.exists(project) else [],
        "last_decision": last and last["decision"],
        "approvals": [one.as_dict() for one in approvals(project).values() if one.state == "asked"],
        "mended": mended,
        "differing": differing,
    }


def _models(project: Project) -> list[dict[str, Any]]:
    from serving import registry

    client = registry.connect(project)
    found = client.search_model_versions(f"name = '{project.name}'", order_by=["version_number ASC"])
    return [
        {
            "version": str(one.version),
            # The listing does not carry aliases; only asking for one version does.
            "aliases": registry.aliases(client, project.name, str(one.version)),
            "decision": one.tags.get("rarecall.decision"),
            "approval": one.tags.get(TAG),
            "recall": _number(one.tags.get("rarecall.sli.minority_recall")),
            "precision": _number(one.tags.get("rarecall.sli.minority_precision")),
            "dataset_version": one.tags.get("rarecall.dataset_version"),
        }
        for one in found
    ]


def _number(tag: str | None) -> float | None:
    return None if tag is None else float(tag)
