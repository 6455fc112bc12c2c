"""Descent: what in a warehouse holds the rows of one entity, and which synthetic rows were made with their help."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from rarecall.intake.pseudonym import is_entity
from rarecall.lineage import descendants
from rarecall.tables.table import DELIVERIES, Table
from rarecall.warehouse import MANIFEST, Version, Warehouse

HOLDERS = (
    ("snapshots", "rows.parquet"),
    ("verdicts", "accepted.parquet"),
    ("verdicts", "quarantine.parquet"),
    ("training_sets", "rows.parquet"),
)
"""The files that name the entity of each row, by its columns."""

PARTS = ("train", "validation", "holdout")


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A version that holds rows of the entity under its own columns; `rows` counts them."""

    kind: str
    key: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Descendant:
    """A dataset version that descends from the entity's rows.

    Attributes
    ----------
    version : str
    train, validation, holdout : int
        Real rows of the entity in each part.
    synthetic : tuple of int
        The `row_id` of each synthetic row of which one of them is parent, neighbour or voter.
    """

    version: str
    train: int
    validation: int
    holdout: int
    synthetic: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Descent:
    """What descends from an entity's rows.

    Attributes
    ----------
    holdings : tuple of Holding
        By kind, oldest first.
    datasets : tuple of Descendant
        Oldest first.
    candidates : mapping of str to str
        The warehouse's models that were trained on one of the datasets, each with its dataset version.
    verdicts : tuple of str
        Label verdicts on training sets that hold the rows: their review queues may show some of them.
    untraceable : tuple of str
        Dataset versions whose snapshot and training set are gone, so that nobody can say whose rows they hold.
    """

    holdings: tuple[Holding, ...]
    datasets: tuple[Descendant, ...]
    candidates: Mapping[str, str]
    verdicts: tuple[str, ...]
    untraceable: tuple[str, ...]


def trace(shelf: Warehouse, entity: Mapping[str, str]) -> Descent:
    """Find what descends from an entity's rows, over all versions of a warehouse.

    Parameters
    ----------
    shelf : Warehouse
    entity : mapping of str to str
        Its columns and their values, as `rarecall.intake.pseudonym.texts` writes them.

    Returns
    -------
    Descent
        Without anything in it when no row is the entity's.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as root:
    ...     shelf = Warehouse(Path(root))
    ...     with shelf.write("snapshots", "k1", recipe={"inputs": []}) as draft:
    ...         pd.DataFrame({"row_id": [0, 1], "id": ["ann", "bob"]}).to_parquet(draft.folder / "rows.parquet")
    ...     trace(shelf, {"id": "ann"}).holdings
    (Holding(kind='snapshots', key='k1', rows=1),)
    """
    held: dict[str, set[int]] = defaultdict(set)
    for kind, file in HOLDERS:
        for version in shelf.versions(kind):
            held[f"{kind}/{version.key}"].update(_rows(version, file, entity))
    held.update(_delivered(shelf, entity))
    datasets, untraceable = [], []
    for version in shelf.versions("datasets"):
        inputs = made_of(version)
        ids = set[int]().union(*(held.get(one, ()) for one in inputs))
        found = _in_dataset(version, np.array(sorted(ids), dtype=np.int64))
        if found.train or found.validation or found.holdout or found.synthetic:
            datasets.append(found)
        elif not any(one in held for one in inputs):
            untraceable.append(version.key)
    holding = {name: len(ids) for name, ids in held.items() if ids}
    hit = {f"datasets/{one.version}" for one in datasets}
    return Descent(
        holdings=tuple(
            Holding(kind=name.partition("/")[0], key=name.partition("/")[2], rows=rows)
            for name, rows in holding.items()
        ),
        datasets=tuple(datasets),
        candidates={
            model: name.partition("/")[2] for model, inputs in _all(shelf, "models") for name in inputs if name in hit
        },
        verdicts=tuple(key for key, inputs in _all(shelf, "label_verdicts") if holding.keys() & set(inputs)),
        untraceable=tuple(untraceable),
    )


def made_of(version: Version) -> list[str]:
    """Return the inputs of a version, each as `kind/key`."""
    recipe = json.loads(version.file(MANIFEST).read_text())["recipe"]
    return list(recipe.get("inputs", []))


def _all(shelf: Warehouse, kind: str) -> Iterator[tuple[str, list[str]]]:
    return ((version.key, made_of(version)) for version in shelf.versions(kind))


def _rows(version: Version, file: str, entity: Mapping[str, str]) -> list[int]:
    """Return the `row_id` of the entity's rows; a table without its columns is about something else."""
    path = version.file(file)
    if not path.exists() or not {*entity, "row_id"} <= set(pq.read_schema(path).names):
        return []
    rows = pd.read_parquet(path, columns=["row_id", *entity])
    return [int(row) for row in rows.loc[is_entity(rows, entity), "row_id"]]


def _delivered(shelf: Warehouse, entity: Mapping[str, str]) -> dict[str, set[int]]:
    """Return the offsets of the entity's rows in what was appended; its newest version holds all the others' rows."""
    table = Table(shelf, DELIVERIES)
    head = table.head()
    if head is None or not set(entity) <= set(head.facts["columns"]):
        return {}
    ids: set[int] = set()
    for one in table.partitions(head):
        hit = is_entity(pd.read_parquet(head.file(one.name), columns=list(entity)), entity)
        ids.update(int(place) + one.start for place in np.flatnonzero(hit))
    return {f"{DELIVERIES}/{head.key}": ids}


def _in_dataset(version: Version, ids: Any) -> Descendant:
    parts = {name: pd.read_parquet(version.file(f"{name}.parquet"), columns=["row_id"]) for name in PARTS}
    made = pd.read_parquet(version.file("train.parquet"), columns=["is_synthetic"])["is_synthetic"].to_numpy()
    real = {"train": parts["train"][~made], "validation": parts["validation"], "holdout": parts["holdout"]}
    synthetic: tuple[int, ...] = ()
    if len(ids) and version.file("lineage.parquet").exists():
        lineage = pq.read_table(version.file("lineage.parquet"))
        # By place: rows that broke a rule were left out, and their indexes with them.
        children = pd.Index(lineage["index"].to_numpy()).get_indexer(descendants(lineage, ids)["index"].to_numpy())
        synthetic = tuple(sorted(parts["train"].loc[made, "row_id"].to_numpy()[children].tolist()))
    counts = {name: int(rows["row_id"].isin(ids).sum()) for name, rows in real.items()}
    return Descendant(version=version.key, synthetic=synthetic, **counts)
