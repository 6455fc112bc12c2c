"""Writers of a Feast registry: what a run publishes and registers, in this process or in several at once."""

import multiprocessing
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from feature_repo import definitions
from rarecall.project import Project
from tasks.feature_store import applying
from tasks.publish_features import publish
from tasks.registry_lock import registry_lock

MOMENT = pd.Timestamp("2026-01-01", tz="UTC")
ROUNDS = 2
SCHEMAS = (["amount"], ["amount", "age"], ["age"])


def project_in(folder: Path, **stores: Any) -> Project:
    """Return a project about clients, with its home in a folder."""
    values = {"name": "card-pay", "source": {"path": "a.csv"}, "entity": "client", "label": {"column": "y"}}
    values["label"]["positive"] = 1
    return Project.model_validate(values | {"stores": {"home": str(folder / "home"), **stores}})


def accepted(folder: Path, name: str, **columns: list) -> Path:
    """Write a verdict's accepted rows of two clients with these features."""
    file = folder / f"{name}.parquet"
    rows = {"row_id": [0, 1], "event_timestamp": [MOMENT] * 2, "label": np.array([0, 1], dtype="int8")}
    pd.DataFrame(rows | {"client": [1, 2]} | columns).to_parquet(file, index=False)
    return file


def serve(project: Project, facts: dict[str, Any], name: str) -> None:
    """Apply a service that reads all of a published view, as a registration does."""
    with applying(project) as store:
        view = store.get_feature_view(facts["view"])
        store.apply([definitions.feature_service(name, view, facts["features"], {})])


def published(project: Project, file: Path) -> dict[str, Any]:
    """Publish accepted rows as a run does, and return the facts of its receipt."""
    with applying(project) as store:
        return publish(store, project, file, {"verdict": file.stem})


def write_some(project: Project, folder: Path, writer: int) -> None:
    """Publish schemas in turn and apply a service for each, as one of several processes."""
    for at in range(ROUNDS):
        columns = SCHEMAS[(writer + at) % len(SCHEMAS)]
        file = accepted(folder, f"{writer}-{at}", **{name: [float(writer), float(at)] for name in columns})
        serve(project, published(project, file), f"by_{writer}_{at}")


def hold(url: str, told: Any) -> None:
    """Hold a registry until this process is killed."""
    with registry_lock(url):
        told.send("held")
        time.sleep(600)


def spawned(target: Any, *arguments: Any) -> Any:
    """Start a process that has imported what this one has, and shares nothing else with it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["feast", "tasks.publish_features", "feature_repo.definitions"])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process
