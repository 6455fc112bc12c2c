"""Forget a person: list what descends from their rows, mark it in the ledger, and keep their rows out from now on."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError
from rarecall.project import Project
from tasks.forgotten import FORGOTTEN, key_name, secret_of, written
from tasks.learned import learned_from
from tasks.ledger import open_project_ledger
from tasks.shelf import generators, warehouse

if TYPE_CHECKING:
    from rarecall.kinship.descent import Descent


def forget(project: Project, said: Sequence[str], *, who: str, why: str, dry_run: bool = False) -> dict[str, Any]:
    """Mark everything that descends from an entity's rows as forgotten; nothing is written twice.

    Parameters
    ----------
    project : Project
    said : sequence of str
        The entity's id, or `column=value` for each of the project's entity columns.
    who, why : str
    dry_run : bool
        Only list.

    Returns
    -------
    dict
        JSON-ready, without the id: `holdings` (versions that hold the entity's rows under its id, and how many),
        `datasets` (real rows of the entity in each part, and the `synthetic_rows` made with their help), `models` (each
        MLflow version trained on one of them, with its aliases), `candidates` (the warehouse's models), `answers` (of
        the prediction log about the entity by its name, which have its pseudonym from now on),
        `label_verdicts`, `untraceable`, `already` (whether the ledger knew the entity) and `entry` (the ledger's
        number, or None).

    Raises
    ------
    DataError
        The project names no entity, the id is not one, or nothing in the home is about it.
    """
    from monitoring import predictions, pseudonyms
    from rarecall.intake import pseudonym
    from rarecall.kinship import descent

    entity = named(project, said)
    log, names = predictions.url(project), pseudonyms.names_of(project.entity, entity)
    answers = pseudonyms.count(log, names)
    found = descent.trace(warehouse(project), entity)
    listed = _listed(project, found)
    before = written(project)
    secret = secret_of(project) if before or ((found.holdings or answers) and not dry_run) else None
    name = pseudonym.of_entity(entity, secret) if secret else None
    known = [entry.payload for entry in before if entry.payload["pseudonym"] == name]
    if not found.holdings and not known and not answers:
        raise DataError(
            f"no version in {project.stores.home} holds a row of this {' and '.join(project.entity)}; check the id, or "
            "give the --home in which its rows were learned from; nothing was written"
        )
    marks = {
        "datasets": {one.version: list(one.synthetic) for one in found.datasets},
        "models": [f"{model['name']}/{model['version']}" for model in listed["models"]],
        "holdings": {f"{one.kind}/{one.key}": one.rows for one in found.holdings},
    }
    entry = None
    if secret and not dry_run and (answers or not _covered(marks, known)):
        payload = {"columns": sorted(entity), "pseudonym": name, "key": key_name(secret), "answers": answers, **marks}
        entry = open_project_ledger(project).append(FORGOTTEN, project.name, payload, who=who, why=why).number
    if not dry_run:  # a generator knows what taught it, and is made again where it is wanted
        shutil.rmtree(generators(project), ignore_errors=True)
    if name and answers and not dry_run:  # once the ledger knows of it: a command that is cut off is run again
        pseudonyms.replace(log, names, name)
    return {
        "project": project.name,
        "dry_run": dry_run,
        "already": bool(known),
        "entry": entry,
        "answers": answers,
        **listed,
    }


def named(project: Project, said: Sequence[str]) -> dict[str, str]:
    """Return the entity that a person named, by its columns.

    Raises
    ------
    DataError
        The project has no entity, or not each of its columns got one value.
    """
    columns = project.entity
    if not columns:
        raise DataError(
            f"entity: expected a column that says whom a row is about, got none in the project {project.name!r}, so "
            "nobody's rows can be found; name the column in the project file"
        )
    if len(columns) == 1 and len(said) == 1:
        return {columns[0]: said[0].removeprefix(f"{columns[0]}=")}
    given = [one.partition("=") for one in said]
    if sorted(name for name, _, _ in given) != sorted(columns) or not all(equals for _, equals, _ in given):
        wanted = " ".join(f"--entity {name}=VALUE" for name in columns)
        # What was given is not repeated: it may be the id of a person.
        raise DataError(f"expected {wanted}, got {len(said)} values that do not name each of these columns once")
    return {name: value for name, _, value in given}


def withheld(project: Project, dataset: str) -> set[int]:
    """Return the synthetic rows of a dataset version that descend from a forgotten entity, by `row_id`."""
    return {row for entry in written(project) for row in entry.payload["datasets"].get(dataset, [])}


def _listed(project: Project, found: Descent) -> dict[str, Any]:
    return {
        "holdings": [{"kind": one.kind, "version": one.key, "rows": one.rows} for one in found.holdings],
        "datasets": [
            {
                "version": one.version,
                "train": one.train,
                "validation": one.validation,
                "holdout": one.holdout,
                "synthetic": len(one.synthetic),
                "synthetic_rows": list(one.synthetic),
            }
            for one in found.datasets
        ],
        "models": learned_from(project, [one.version for one in found.datasets]),
        "candidates": [{"version": key, "dataset_version": dataset} for key, dataset in found.candidates.items()],
        "label_verdicts": list(found.verdicts),
        "untraceable": list(found.untraceable),
    }


def _covered(marks: dict[str, Any], known: list[dict[str, Any]]) -> bool:
    """Tell whether the ledger holds every mark already."""
    return bool(known) and all(
        any(set(marks[part]) <= set(entry[part]) for entry in known) for part in ("datasets", "models", "holdings")
    )
