"""The model registry as serving sees it: which version an alias names, and that version's model."""

import tempfile
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST, ErrorCode

from rarecall.errors import StoreError
from rarecall.project import Project
from rarecall.standing import ALIASES, SHARE, Standing

CHAMPION = "champion"
CHALLENGER = "challenger"
FOLLOWS = "rarecall.ledger"
"""The model's tag with the hash of the ledger's entry that its aliases follow."""

_ABSENT = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(INVALID_PARAMETER_VALUE)}


def uri(project: Project) -> str:
    """Return the tracking URI: SQLite under the home unless the project names a server."""
    return project.stores.mlflow or f"sqlite:///{folder(project) / 'mlflow.db'}"


def folder(project: Project) -> Path:
    """Return the folder of the embedded MLflow store."""
    return Path(project.stores.home) / "mlflow"


def connect(project: Project) -> MlflowClient:
    """Return a client of the project's registry."""
    if project.stores.mlflow is None:
        folder(project).mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(uri(project))
    return MlflowClient(tracking_uri=uri(project))


def let_go(client: MlflowClient) -> None:
    """Close a client's connections to a database; MLflow keeps them for the whole process, also to a file that went."""
    for store in (client._tracking_client.store, client._get_registry_client().store):
        if engine := getattr(store, "engine", None):
            engine.dispose()


def exists(project: Project) -> bool:
    """Return whether there is a registry, without making one."""
    return project.stores.mlflow is not None or folder(project).exists()


def registered(client: MlflowClient, name: str) -> RegisteredModel | None:
    """Return a registered model with its aliases and tags, or None."""
    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code in _ABSENT:
            return None
        raise


def version(client: MlflowClient, name: str, number: str) -> ModelVersion | None:
    """Return a version of a model, or None."""
    try:
        return client.get_model_version(name, number)
    except MlflowException as error:
        if error.error_code in _ABSENT:
            return None
        raise


def governed(model: RegisteredModel) -> dict[str, str]:
    """Return those of a model's aliases that move through the ledger; others are their owners' own."""
    return {alias: str(number) for alias, number in model.aliases.items() if alias in ALIASES}


def follow(client: MlflowClient, model: RegisteredModel, stands: Standing, entry: str) -> None:
    """Set a model's aliases and the canary's share, and last the tag with the entry of the ledger that they follow."""
    found, wanted = governed(model), stands.aliases()
    for alias, number in wanted.items():
        if found.get(alias) != number:
            client.set_registered_model_alias(model.name, alias, number)
    for alias in sorted(found.keys() - wanted.keys()):
        client.delete_registered_model_alias(model.name, alias)
    if stands.share is not None:
        client.set_registered_model_tag(model.name, SHARE, f"{stands.share:g}")
    elif SHARE in model.tags:
        client.delete_registered_model_tag(model.name, SHARE)
    client.set_registered_model_tag(model.name, FOLLOWS, entry)


def at_alias(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """Return the version that an alias names now, or None."""
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in _ABSENT:
            return None
        raise


def aliases(client: MlflowClient, name: str, version: str) -> list[str]:
    """Return the aliases that stand on a version now.

    Raises
    ------
    StoreError
        The registry has no such version.
    """
    try:
        return sorted(client.get_model_version(name, version).aliases)
    except MlflowException as error:
        raise StoreError(
            f"MLflow has no version {version} of {name}, though it was registered: {error.message}; "
            "restore the registry, or start with a new home"
        ) from error


def load(client: MlflowClient, version: ModelVersion) -> Any:
    """Return a version's model, read with our own list of trusted types."""
    from serving import model  # skops takes seconds to import, and most who ask here only want a name

    with tempfile.TemporaryDirectory() as aside:
        source = version.source
        local = mlflow.artifacts.download_artifacts(
            artifact_uri=source, dst_path=aside, tracking_uri=client.tracking_uri
        )
        return model.load(Path(local) / model.FILE)
