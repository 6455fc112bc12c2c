"""A target: the model, dataset version or row that a person names in a word."""

from __future__ import annotations

import json
import re
from typing import Any

from rarecall.errors import DataError, StoreError, nearest
from rarecall.project import Project
from rarecall.warehouse import Version
from tasks import runs
from tasks.shelf import warehouse

MODEL, DATASET, ROW = "model", "dataset", "row"
_KINDS = (MODEL, DATASET, ROW)
_FEWEST = 4  # letters of a key without dataset: before them; a shorter one would be any number


def recognised(project: Project, target: str | None, dataset: str | None) -> tuple[str, str]:
    """Return which of the three a person named, and its name among these."""
    if target is None:
        return (DATASET, dataset) if dataset else (MODEL, str(last_run(project)["model_version"]))
    kind, colon, name = target.partition(":")
    if colon and kind in _KINDS:
        return kind, _checked(project, kind, name)
    models = _models(project)
    plain = target.removeprefix("models:/").removeprefix(f"{project.name}/").removeprefix(f"{project.name}@")
    if plain in models:
        return MODEL, models[plain]
    key = target.removeprefix(f"{project.name}_")
    keys = [version.key for version in published(project)]
    begins = [one for one in keys if len(key) >= _FEWEST and one.startswith(key)]
    if begins and target.isdecimal():
        raise DataError(
            f"{target!r} may be a row or the beginning of dataset version {begins[0]}; "
            f"say row:{target} or dataset:{target}"
        )
    if begins:
        return DATASET, key
    if target.isdecimal():
        return ROW, _checked(project, ROW, target)
    raise DataError(
        f"expected a model of {project.name}, a dataset version or a row, such as champion, 3 or row:12345, got "
        f"{target!r}{nearest(target, [*models, *keys])}"
    )


def _checked(project: Project, kind: str, name: str) -> str:
    """Return the name that was said with its kind before it."""
    if kind == ROW:
        if not re.fullmatch(r"\d{1,18}", name):
            raise DataError(f"expected the row_id of a row, such as row:12345, got {f'row:{name}'!r}")
        return name
    if kind == DATASET:
        return name
    models = _models(project)
    plain = name.removeprefix(f"{project.name}/").removeprefix(f"{project.name}@")
    if plain not in models:
        there = nearest(plain, list(models)) or "; it has none yet"
        raise DataError(f"expected a model version or an alias of {project.name}, got {name!r}{there}")
    return models[plain]


def _models(project: Project) -> dict[str, str]:
    """Return the versions of the project's model by what they may be called: the number, and the aliases."""
    from serving import registry

    if not (registry.folder(project).exists() or project.stores.mlflow):
        return {}
    client = registry.connect(project)
    found = client.search_model_versions(f"name = '{project.name}'", order_by=["version_number DESC"])
    numbers = {str(one.version): str(one.version) for one in found}
    if not found:
        return {}
    aliases = client.get_registered_model(project.name).aliases
    return {**{name: str(version) for name, version in aliases.items()}, **numbers}


def published(project: Project) -> list[Version]:
    """Return the dataset versions that this project published, oldest first; a home may hold two projects' ones."""
    shelf = warehouse(project)
    names = (one.facts["name"].rpartition("_") for one in shelf.versions("feast_datasets"))
    ours = {key for name, _, key in names if name == project.name}
    return [version for version in shelf.versions("datasets") if version.key in ours]


def last_run(project: Project) -> dict[str, Any]:
    """Return the record of the last run that came to its end; StoreError where none has."""
    ended = runs.folders(project)
    if not ended:
        raise StoreError(f"{project.name} has no run yet in {project.stores.home}; make one with: rarecall retrain")
    record: dict[str, Any] = json.loads((ended[-1] / runs.RECORD).read_text())
    return record
