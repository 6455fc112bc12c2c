"""A home whose MLflow has a model of five versions, registered as a run does, without the run."""

from pathlib import Path

from rarecall.project import Project
from serving import registry

DECISIONS = {"1": "promote", "2": "promote", "3": "reject", "4": "not_enough_evidence", "5": None}


def project_in(home: Path, **stores: str) -> Project:
    """Return the project of a home."""
    return Project.model_validate(
        {
            "name": "payments",
            "source": {"path": "payments.csv.gz"},
            "label": {"column": "is_fraud", "positive": 1},
            "stores": {"home": str(home), **stores},
        }
    )


def register_versions(project: Project) -> None:
    """Register the versions, each with the tags that a move remembers and no alias on any."""
    client = registry.connect(project)
    client.create_registered_model(project.name)
    for number, decision in DECISIONS.items():
        tags = {
            "rarecall.dataset_version": f"d{number}",
            "rarecall.snapshot": f"s{number}",
            "rarecall.candidate": f"c{number}",
            **({"rarecall.decision": decision} if decision else {}),
        }
        client.create_model_version(project.name, source=registry.folder(project).as_uri(), tags=tags)
