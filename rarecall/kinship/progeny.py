"""Progeny: what a dataset version holds of one real row, and which synthetic rows were made with its help."""

from collections.abc import Mapping

import pandas as pd
import pyarrow.parquet as pq

from rarecall.intake import fingerprint
from rarecall.kinship.ancestry import PARTS
from rarecall.kinship.parentage import synthetic_rows
from rarecall.lineage import descendants, partners
from rarecall.project import Project
from rarecall.warehouse import Version


def part_of(dataset: Version, row: int) -> str | None:
    """Return the part of a dataset version in which a real row stands; None where it was left out."""
    for part in PARTS:
        marks = ["row_id", "is_synthetic"] if part == "train" else ["row_id"]
        found = pd.read_parquet(dataset.file(f"{part}.parquet"), columns=marks, filters=[("row_id", "==", row)])
        if len(found) and not ("is_synthetic" in found and found["is_synthetic"].all()):
            return part
    return None


def made_with(dataset: Version, row: int) -> Mapping[str, list[int]]:
    """Return the synthetic rows of which a real row is `parent`, `neighbour` or no more than `voter`.

    Of rows with a crowd (`rarecall.resampling.crowd`) a row of it that is not the parent counts as a voter.
    """
    file = dataset.file("lineage.parquet")
    found: dict[str, list[int]] = {"parent": [], "neighbour": [], "voter": []}
    if not file.exists():
        return found
    whole, made = pq.read_table(file), synthetic_rows(dataset)
    lineage, place = descendants(whole, [row]), pd.Index(whole["index"].to_numpy())
    for index, parent, towards in zip(
        place.get_indexer(lineage["index"].to_numpy()), lineage["parent_id"].to_pylist(), partners(lineage), strict=True
    ):
        role = "parent" if parent == row else "neighbour" if row in towards else "voter"
        found[role].append(int(made[index]))
    return found


def same_rows(snapshot: Version, row: int, other: Version, project: Project) -> list[int]:
    """Return the rows of another snapshot that are the same delivery of a row: same entity and moment, else features.

    Parameters
    ----------
    snapshot : Version
    row : int
        By its `row_id` in that snapshot.
    other : Version
    project : Project

    Returns
    -------
    list of int
        Their `row_id`; empty where the other snapshot lacks one of the columns by which a row is known.
    """
    if other.key == snapshot.key:
        return [row]
    keys = fingerprint.key_columns(project, snapshot.facts["features"])
    # The moment in place of the column that says it, so that it does not matter how the source writes it.
    keys = ["event_timestamp" if name == project.timestamp else name for name in keys]
    if not set(keys) <= set(pq.read_schema(other.file("rows.parquet")).names):
        return []
    rows = pd.read_parquet(other.file("rows.parquet"), columns=["row_id", *keys])
    own = pd.read_parquet(snapshot.file("rows.parquet"), columns=keys, filters=[("row_id", "==", row)])
    hit = fingerprint.of_rows(rows, keys) == fingerprint.of_rows(own, keys)[0]
    return [int(one) for one in rows.loc[hit, "row_id"]]
