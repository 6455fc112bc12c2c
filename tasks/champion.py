"""The champion as monitors see it: which version it is, and the sketch that rows of now are held against."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from tasks.aliases import no_model
from tasks.shelf import warehouse

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from rarecall.drift import Sketch
    from rarecall.warehouse import Version


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The version that serves.

    Attributes
    ----------
    version : str
    dataset : Version or None
        What it learned from; None where it was collected.
    """

    version: str
    dataset: Version | None
    registered: ModelVersion
    client: MlflowClient

    def model(self) -> Any:
        """Return the model; StoreError when it cannot be read."""
        from serving import registry

        return registry.load(self.client, self.registered)


def champion(project: Project) -> Champion:
    """Return the project's champion.

    Raises
    ------
    DataError
        There is no model yet, or none is champion.
    """
    from serving import registry

    if not registry.exists(project):
        raise no_model(project)
    client = registry.connect(project)
    found = registry.at_alias(client, project.name, registry.CHAMPION)
    if found is None:
        raise DataError(f"{project.name} has no champion; make one with: rarecall retrain, or rarecall promote")
    key = found.tags.get("rarecall.dataset_version")
    dataset = warehouse(project).find("datasets", key) if key else None
    return Champion(version=str(found.version), dataset=dataset, registered=found, client=client)


def sketch_of(project: Project, champion: Champion) -> Sketch:
    """Return the champion's sketch, from the warehouse, or from MLflow where that no longer has it.

    Raises
    ------
    DataError
        The version was registered before sketches were kept.
    StoreError
        It cannot be read.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    from rarecall import drift
    from rarecall.drift.sketch import FILE
    from tasks.candidate import SKETCH

    key, run = champion.registered.tags.get(SKETCH), champion.registered.run_id
    if key is None:
        raise DataError(
            f"{project.name} version {champion.version} has no sketch of its training rows, for it is older than "
            "sketches are; run: rarecall retrain"
        )
    if found := warehouse(project).find("sketches", key):
        return drift.load(found.file(FILE))
    with tempfile.TemporaryDirectory() as aside:
        try:
            local = mlflow.artifacts.download_artifacts(
                run_id=run, artifact_path=FILE, dst_path=aside, tracking_uri=champion.client.tracking_uri
            )
        except (MlflowException, OSError) as error:
            raise StoreError(
                f"the sketch of {project.name} version {champion.version} is neither in the warehouse nor in MLflow: "
                f"{str(error).splitlines()[0]}; run: rarecall retrain"
            ) from error
        return drift.load(Path(local))
