"""Lineage: what a model version, a dataset version or a row was made of, and what was made of a real row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from rarecall.tables.table import DELIVERIES
from rarecall.warehouse import Version
from tasks.append import all_rows
from tasks.forget import withheld
from tasks.forgotten import forgotten
from tasks.learned import learned_from
from tasks.shelf import warehouse
from tasks.target import DATASET, MODEL, last_run, published, recognised
from tasks.versions import resolve

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from rarecall.kinship.ancestry import Ancestry
    from rarecall.kinship.node import Node
    from rarecall.kinship.origin import Origin

_ROLES = {"train": "learned from it", "validation": "its threshold was chosen on it", "holdout": "it was judged on it"}


def lineage(project: Project, target: str | None, *, dataset: str | None = None, most: int | None = None) -> Node:
    """Return the tree of what a person named.

    Parameters
    ----------
    project : Project
    target : str, optional
        A model (`champion`, `3`, `payments/3`, `payments@champion`), a dataset version or the beginning of one, or a
        row (`row:12345`); each also with `model:`, `dataset:` or `row:` before it. By default the model of the last
        run.
    dataset : str, optional
        Of a row: the dataset version whose rows are meant, by default the last run's.
    most : int, optional
        Synthetic rows to name, at most; by default all.

    Raises
    ------
    DataError
        Nothing is called so, or more than one thing.
    StoreError
        No run has ended yet, or what is asked for is not in this warehouse any more.
    """
    kind, name = recognised(project, target, dataset)
    if kind == MODEL:
        return of_model(project, name, most=most)
    if kind == DATASET:
        return of_dataset(project, resolve(project, "datasets", name), most=most)
    version = resolve(project, "datasets", dataset or last_run(project)["dataset_version"])
    return of_row(project, version, int(name), most=most)


def of_run(project: Project, version: str) -> dict[str, Any]:
    """Return the tree of the model that a run registered, JSON-ready, by counts and keys alone: for its page.

    Nothing is read or made again for it that the run has just read or made.
    """
    return of_model(project, version, most=0, prove=False).as_dict()


def of_model(project: Project, version: str, *, most: int | None = None, prove: bool = True) -> Node:
    """Return the tree of a registered version of the project's model."""
    from rarecall.kinship.node import Node
    from serving import registry

    client = registry.connect(project)
    found = client.get_model_version(project.name, version)
    key = found.tags["rarecall.dataset_version"]
    dataset = warehouse(project).find("datasets", key)
    below = of_dataset(project, dataset, most=most, prove=prove) if dataset else _gone("dataset version", key)
    facts = {"aliases": sorted(found.aliases), **_said(found)}
    return Node(kind=MODEL, name=f"{found.name}/{found.version}", facts=facts, children=(below,))


def of_dataset(project: Project, dataset: Version, *, most: int | None = None, prove: bool = True) -> Node:
    """Return the tree of a dataset version; `prove` makes its synthetic rows again and reads the source."""
    tree = _ancestry(project, read=prove).of_dataset(dataset, most=most, prove=prove)
    kept_in = len(withheld(project, dataset.key))
    return replace(tree, facts={**tree.facts, "descend from forgotten rows": kept_in}) if kept_in else tree


def of_row(project: Project, dataset: Version, row: int, *, most: int | None = None) -> Node:
    """Return the tree of a row of a dataset version, synthetic or real.

    Raises
    ------
    DataError
        It has no such row.
    """
    from rarecall.kinship.parentage import synthetic_rows

    ancestry = _ancestry(project)
    taken, snapshot = ancestry.inputs(dataset)["snapshots"]
    made = synthetic_rows(dataset)
    if row in made:
        [tree] = ancestry.of_synthetic(dataset, [row])
        below = ancestry.snapshot(snapshot) if snapshot else _gone("snapshot", taken)
        kept_in = {"descends from forgotten rows": True} if row in withheld(project, dataset.key) else {}
        facts = {"dataset version": dataset.key, **tree.facts, **kept_in}
        return replace(tree, facts=facts, children=(*tree.children, below))
    if snapshot is None:
        raise StoreError(f"snapshot {taken} of dataset version {dataset.key} is not in this warehouse any more")
    if not 0 <= row < snapshot.facts["rows"]:
        synthetic = f" or a synthetic one from {made.min()} to {made.max()}" if len(made) else ""
        raise DataError(
            f"expected a row of dataset version {dataset.key}: a real one from 0 to {snapshot.facts['rows'] - 1}"
            f"{synthetic}, got row:{row}; name another version with --dataset"
        )
    tree = ancestry.of_real(snapshot, row)
    facts = {**tree.facts, **_judged(ancestry, dataset, row)}
    return replace(tree, facts=facts, children=(*tree.children, *_gave_rise(project, ancestry, snapshot, row, most)))


def _gave_rise(project: Project, ancestry: Ancestry, snapshot: Version, row: int, most: int | None) -> list[Node]:
    """Return the dataset versions that hold a row, whatever its number there, with what was made of it in each."""
    from rarecall.kinship import progeny
    from rarecall.kinship.ancestry import spread
    from rarecall.kinship.node import Node

    found = []
    for dataset in published(project):
        other = ancestry.inputs(dataset)["snapshots"][1]
        for same in progeny.same_rows(snapshot, row, other, project) if other else []:
            part, made = progeny.part_of(dataset, same), progeny.made_with(dataset, same)
            facts: dict[str, Any] = {"as": f"row:{same}", "part": part or "left out"}
            facts |= ancestry.real_rows(dataset, [same])[same]
            facts |= {f"{role} of": len(rows) for role, rows in made.items() if rows}
            children = sorted(one for rows in made.values() for one in rows)
            shown = spread(children, most)
            models = [
                Node(
                    kind=MODEL,
                    name=f"{one['name']}/{one['version']}",
                    facts={"aliases": one["aliases"], _ROLES[part]: True},
                )
                for one in (learned_from(project, [dataset.key]) if part else [])
            ]
            rows = ancestry.of_synthetic(dataset, shown)
            found.append(
                Node(
                    kind="dataset version",
                    name=dataset.key,
                    facts=facts,
                    children=(*models, *rows),
                    more=len(children) - len(shown),
                )
            )
    return found


def _judged(ancestry: Ancestry, dataset: Version, row: int) -> dict[str, Any]:
    """Return what the expectations made of a real row, by the verdict that the dataset version rests on."""
    from rarecall.kinship.ancestry import judgement

    rows = ancestry.inputs(dataset)["training_sets"][1]
    verdict = ancestry.inputs(rows)["verdicts"][1] if rows else None
    return judgement(verdict, row) if verdict else {}


def _said(found: ModelVersion) -> dict[str, Any]:
    """Return what a model's tags say of how it was made."""
    registered = datetime.fromtimestamp(found.creation_timestamp / 1000, UTC).isoformat(timespec="seconds")
    names = ("decision", "learner", "seed", "engine", "git")
    tags = {name: found.tags[f"rarecall.{name}"] for name in names if f"rarecall.{name}" in found.tags}
    features = {
        name.removeprefix("rarecall.").replace("_", " "): value
        for name, value in sorted(found.tags.items())
        if name.startswith("rarecall.feature")
    }
    return {"registered": registered, **tags, **features}


def _ancestry(project: Project, *, read: bool = True) -> Ancestry:
    from rarecall.kinship.ancestry import Ancestry

    return Ancestry(shelf=warehouse(project), origin=_origin(project, read=read))


def _origin(project: Project, *, read: bool) -> Callable[[Version], Origin]:
    from rarecall.intake import source
    from rarecall.kinship.origin import InDeliveries, InFiles

    shelf, gone = warehouse(project), forgotten(project)

    def left(snapshot: Version) -> Sequence[int] | None:
        recipe = shelf.recipe(snapshot)["recipe"]
        if recipe.get("forgotten") != gone.digest():
            return None  # others have been forgotten since, so that what was left out then cannot be told
        head = shelf.find(DELIVERIES, recipe["content"]) if DELIVERIES in snapshot.facts else None
        rows = all_rows(project, head) if head else source.read(project.source, project.missing.markers)
        kept: list[int] = gone.left(rows.reset_index(drop=True)).index.tolist()
        return kept

    files = InFiles(shelf=shelf, left=left, source=project.source, read=read)
    table = InDeliveries(shelf=shelf, left=left, kind=DELIVERIES)
    return lambda snapshot: table if DELIVERIES in snapshot.facts else files


def _gone(kind: str, key: str) -> Node:
    from rarecall.kinship.node import Node

    return Node(kind=kind, name=key, facts={"in this warehouse": False})
