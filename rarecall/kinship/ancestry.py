"""Ancestry: the tree from a dataset version or a row down to a place in the source."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from rarecall.errors import DataError
from rarecall.kinship import parentage
from rarecall.kinship.node import Node
from rarecall.kinship.origin import Origin, Place
from rarecall.kinship.parentage import Parentage
from rarecall.warehouse import Version, Warehouse

RELEASED = "released.parquet"
PARTS = ("train", "validation", "holdout")
AGAIN = "made again bit for bit"


@dataclass(frozen=True)
class Ancestry:
    """The versions of a warehouse, and the source that they came from.

    Parameters
    ----------
    shelf : Warehouse
    origin : callable
        Takes a snapshot and returns what its rows came from.
    """

    shelf: Warehouse
    origin: Callable[[Version], Origin]

    def of_dataset(self, dataset: Version, *, most: int | None = None, prove: bool = True) -> Node:
        """Return a dataset version with all that it was made of.

        Parameters
        ----------
        dataset : Version
        most : int, optional
            Of its synthetic rows at most so many; by default all.
        prove : bool
            Make every synthetic row again and count those that are the same bit for bit.
        """
        facts, made = dataset.facts, dataset.facts["synthetic_rows"]
        known = {
            "rows": facts["rows"],
            "real": facts["rows"] - made,
            "synthetic": made,
            "sampler": facts["sampler"],
            "dropped for their label": facts["dropped"],
        }
        inputs = self.inputs(dataset)
        children = [self._synthetic(dataset, most, prove)] if made else []
        children += [self._split(inputs["splits"]), self._labels(inputs["label_verdicts"])]
        children += [self._training_set(inputs["training_sets"])]
        return Node(kind="dataset version", name=dataset.key, facts=known, children=tuple(children))

    def of_synthetic(self, dataset: Version, rows: Sequence[int]) -> list[Node]:
        """Return synthetic rows of a dataset version with their parents, neighbours and voters.

        Each real row says how its label was judged and where in the source it stands.
        """
        traced = parentage.trace(dataset, rows)
        real = self.real_rows(dataset, sorted({one for found in traced for one in found.real}))
        return [_synthetic_row(found, real) for found in traced]

    def of_real(self, snapshot: Version, row: int) -> Node:
        """Return a row of a snapshot, with the snapshot and the place in the source that it came from.

        A row that a person released from an earlier quarantine leads to the snapshot that it came in.

        Raises
        ------
        DataError
            The snapshot has no such row.
        """
        if not 0 <= row < snapshot.facts["rows"]:
            raise DataError(
                f"expected a row from 0 to {snapshot.facts['rows'] - 1} of snapshot {snapshot.key}, got {row}"
            )
        children = [self.snapshot(snapshot)]
        if release := _released(snapshot).get(row):
            key, quarantined = release
            before = self.shelf.find("snapshots", key)
            came = (
                replace(self.of_real(before, quarantined), kind="quarantined row") if before else _gone("snapshot", key)
            )
            children += [came]
        [facts] = self._places(snapshot, [row]).values()
        return Node(kind="real", name=f"row:{row}", facts=facts, children=tuple(children))

    def real_rows(self, dataset: Version, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return what is known of real rows in a dataset version: how their label was judged, and their place."""
        inputs = self.inputs(dataset)
        snapshot, judged = inputs["snapshots"][1], inputs["label_verdicts"][1]
        known: dict[int, dict[str, Any]] = {row: {} for row in rows}
        if judged:
            for row, score, action in _filtered(judged, "labels.parquet", ["score", "action"], rows):
                known[row] |= {"label": action, "score": round(score, 4)}
        if snapshot:
            for row, place in self._places(snapshot, rows).items():
                known[row] |= place
        return known

    def snapshot(self, snapshot: Version) -> Node:
        """Return a snapshot and the source that it was taken of."""
        facts = snapshot.facts
        known = {name: facts[name] for name in ("rows", "positives", "first", "last", "forgotten") if facts.get(name)}
        sources = tuple(
            Node(kind="source", name=name, facts=told) for name, told in self.origin(snapshot).sources(snapshot)
        )
        return Node(kind="snapshot", name=snapshot.key, facts=known, children=sources)

    def inputs(self, version: Version) -> dict[str, tuple[str, Version | None]]:
        """Return what a version was made of, by kind: the key, and the version where it is still there.

        Of several of a kind the first counts: it is what the version is about, the others what it was compared with.
        """
        found: dict[str, tuple[str, Version | None]] = {}
        for name in self.shelf.recipe(version).get("inputs", []):
            kind, _, key = name.partition("/")
            found.setdefault(kind, (key, self.shelf.find(kind, key)))
        return found

    def _places(self, snapshot: Version, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return where rows stand in the source, or which quarantine they were released from."""
        released = _released(snapshot)
        own = [row for row in rows if row not in released]
        places = dict(zip(own, self.origin(snapshot).places(snapshot, own), strict=True))
        return {
            row: _place(places[row], row)
            if row in places
            else {"released from": "row:{1} of snapshot {0}".format(*released[row])}
            for row in rows
        }

    def _synthetic(self, dataset: Version, most: int | None, prove: bool) -> Node:
        rows, counts = parentage.synthetic_rows(dataset).tolist(), parentage.count(dataset)
        shown = spread(rows, most)
        facts = {
            "parents": counts.parents,
            "neighbours": counts.neighbors,
            "real rows with a part": counts.real,
        }
        if prove:
            again = [one.is_rebuilt for one in parentage.trace(dataset, rows)]
            facts |= {} if None in again else {AGAIN: sum(map(bool, again))}
        children = tuple(self.of_synthetic(dataset, shown))
        return Node(
            kind="synthetic rows", name=f"{len(rows):,}", facts=facts, children=children, more=len(rows) - len(shown)
        )

    def _split(self, found: tuple[str, Version | None]) -> Node:
        key, split = found
        if split is None:
            return _gone("split", key)
        facts = {"by": split.facts["by"], **{part: split.facts[part]["rows"] for part in PARTS}}
        return Node(kind="split", name=key, facts=facts)

    def _labels(self, found: tuple[str, Version | None]) -> Node:
        key, judged = found
        if judged is None:
            return _gone("label verdict", key)
        facts = {"noise rate": round(judged.facts["noise_rate"], 4), **judged.facts["actions"]}
        return Node(kind="label verdict", name=key, facts=facts)

    def _training_set(self, found: tuple[str, Version | None]) -> Node:
        key, rows = found
        if rows is None:
            return _gone("training set", key)
        facts = {"rows": rows.facts["rows"], "labels not known yet": rows.facts["immature"]}
        if corrected := rows.facts.get("corrected"):
            facts["labels corrected since the one before"] = corrected
        inputs = self.inputs(rows)
        views = [Node(kind="feature view", name=self.shelf.recipe(rows)["recipe"]["view"])]
        return Node(kind="training set", name=key, facts=facts, children=(*views, self._verdict(inputs["verdicts"])))

    def _verdict(self, found: tuple[str, Version | None]) -> Node:
        key, verdict = found
        if verdict is None:
            return _gone("verdict", key)
        facts = {name: verdict.facts[name] for name in ("accepted", "quarantined", "released")}
        taken, snapshot = self.inputs(verdict)["snapshots"]
        below = self.snapshot(snapshot) if snapshot else _gone("snapshot", taken)
        return Node(kind="verdict", name=key, facts=facts, children=(below,))


def spread(rows: Sequence[int], most: int | None) -> list[int]:
    """Return at most so many of the rows, spread over all of them: neighbours in the order have one parent.

    >>> spread(range(10), 3), spread(range(2), 3), spread(range(2), None)
    ([0, 3, 6], [0, 1], [0, 1])
    """
    if most is None or len(rows) <= most:
        return list(rows)
    return list(rows[:: max(1, len(rows) // most)][:most]) if most else []


def judgement(verdict: Version, row: int) -> dict[str, Any]:
    """Return what the expectations made of a snapshot's row."""
    for _, failed in _filtered(verdict, "quarantine.parquet", ["failed_expectations"], [row]):
        return {"verdict": "quarantined", "failed": failed}
    return {"verdict": "accepted"}


def _synthetic_row(found: Parentage, real: Mapping[int, Mapping[str, Any]]) -> Node:
    def node(kind: str, row: int, **facts: Any) -> Node:
        return Node(kind=kind, name=f"row:{row}", facts=facts | dict(real[row]))

    shares = found.neighbors if len(found.neighbors) > 1 else {}
    towards = [
        node("neighbour", row, **({"share": round(shares[row], 4)} if shares else {})) for row in found.neighbors
    ]
    voters = [node("voter", row) for row in found.voters]
    parents = [] if found.parent is None else [node("parent", found.parent)]
    again = {} if found.is_rebuilt is None else {AGAIN: found.is_rebuilt}
    facts = {**({} if found.step is None else {"step": found.step}), **found.facts, **again}
    children = (*parents, *towards, *voters, *_crowd(found))
    return Node(kind="synthetic", name=f"row:{found.row}", facts=facts, children=children)


def _crowd(found: Parentage) -> list[Node]:
    if found.crowd is None:
        return []
    part = {"mean": "their mean is the other end of its line", "taught": "they taught its generator"}
    return [Node(kind="crowd", name=f"{len(found.crowd.ids):,} rows", facts={"part": part[found.crowd.role]})]


def _place(place: Place | None, row: int) -> dict[str, Any]:
    if place is None:
        return {"offset": row}
    return {"file": place.file} | ({"row": place.row} if place.line is None else {"line": place.line})


def _released(snapshot: Version) -> dict[int, tuple[str, int]]:
    """Return from which snapshot and row each released row came that was not delivered again with this one."""
    if not (file := snapshot.file(RELEASED)).exists():
        return {}
    outcomes = pd.read_parquet(file)
    back = outcomes[outcomes["outcome"] == "returned"]
    came = zip(back["snapshot_key"], back["quarantined_as"].astype(int), strict=True)
    return dict(zip(back["row_id"].astype(int), came, strict=True))


def _filtered(version: Version, file: str, columns: Sequence[str], rows: Sequence[int]) -> list[tuple[Any, ...]]:
    path = version.file(file)
    if not path.exists():
        return []
    names = ["row_id", *columns]
    found = pd.read_parquet(path, columns=names, filters=[("row_id", "in", list(rows))])[names]
    return [tuple(row) for row in zip(*(found[name].tolist() for name in names), strict=True)]


def _gone(kind: str, key: str) -> Node:
    return Node(kind=kind, name=key, facts={"in this warehouse": False})
