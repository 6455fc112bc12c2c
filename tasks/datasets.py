"""The dataset versions of a home: listed, shown one by one, and two of them side by side."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from rarecall.datasets import composition, difference, retention
from rarecall.project import Project
from rarecall.warehouse import Version, Warehouse
from tasks.augment import PARTS
from tasks.learned import learned_from
from tasks.pins import pins
from tasks.shelf import warehouse
from tasks.versions import resolve

KIND = "datasets"


def overview(project: Project) -> dict[str, Any]:
    """Return every dataset version of the home, oldest first, JSON-ready: how large, of which models, kept by whom."""
    shelf = warehouse(project)
    versions = shelf.versions(KIND)
    return {
        "project": project.name,
        "home": project.stores.home,
        "datasets": [brief for brief, _ in _briefs(project, shelf, versions)],
    }


def show(project: Project, prefix: str) -> dict[str, Any]:
    """Return everything that is known of a dataset version, JSON-ready.

    Returns
    -------
    dict
        Beside what `overview` has of it: `digest`, `parents`, `recipe` (dotted keys), `engine`, `parameters` (of
        the sampler), `synthetic_share`, `counts` (by part, class and cohort), `schema` (columns and Arrow types),
        `lineage` (file, rows and SHA-256, or None), `files` (with SHA-256 and bytes) and `folder`.

    Raises
    ------
    DataError
        None of the versions begins so, or more than one.
    """
    shelf = warehouse(project)
    version = resolve(project, KIND, prefix)
    [(brief, recipe)] = _briefs(project, shelf, [version])
    facts = version.facts
    return brief | {
        "digest": facts.get("digest"),
        "parents": recipe.get("inputs", []),
        "recipe": difference.flattened(recipe.get("recipe", {})),
        "engine": recipe.get("engine"),
        "parameters": facts["parameters"],
        "synthetic_share": facts["synthetic_share"],
        "counts": _counts(version),
        "schema": _schema(version),
        "lineage": facts.get("lineage"),
        "files": shelf.files(version),
        "folder": version.path,
    }


def diff(project: Project, a: str, b: str) -> dict[str, Any]:
    """Return what tells two dataset versions apart, JSON-ready.

    Returns
    -------
    dict
        `a` and `b` (keys); `schema`, `counts` and `distributions` (of the training part, real and synthetic rows
        together) as `rarecall.datasets.difference` gives them; `recipe`: the lines in which the two differ, over the
        whole chain of versions behind them; `gone`: what of the two chains is no longer in the warehouse, so that its
        lines are not known.
    """
    shelf = warehouse(project)
    one, two = (resolve(project, KIND, prefix) for prefix in (a, b))
    trains = [pd.read_parquet(version.file("train.parquet")) for version in (one, two)]
    chains = [_chain(shelf, version) for version in (one, two)]
    return {
        "project": project.name,
        "a": one.key,
        "b": two.key,
        "schema": difference.schemas(_schema(one), _schema(two)),
        "counts": difference.counts(_counts(one), _counts(two)),
        "distributions": difference.distributions(*trains, (one.facts["features"], two.facts["features"])),
        "recipe": difference.recipes(chains[0][0], chains[1][0]),
        "gone": sorted({*chains[0][1], *chains[1][1]}),
    }


def _briefs(project: Project, shelf: Warehouse, versions: list[Version]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return what a listing says of each version, and its recipe."""
    pinned, found = pins(project), []
    models = learned_from(project, [version.key for version in versions])
    receipts = [(shelf.recipe(one).get("inputs", []), one.facts["name"]) for one in shelf.versions("feast_datasets")]
    for version in versions:
        pin = pinned.get(version.key)
        brief = {
            "version": version.key,
            "created": datetime.fromtimestamp(Path(version.path).stat().st_mtime, UTC).isoformat(timespec="seconds"),
            "rows": version.facts["rows"],
            "synthetic": version.facts["synthetic_rows"],
            "sampler": version.facts["sampler"],
            "models": [
                {name: one[name] for name in ("name", "version", "aliases")}
                for one in models
                if one["dataset_version"] == version.key
            ],
            "feast": sorted(name for inputs, name in receipts if f"{KIND}/{version.key}" in inputs),
            "pinned": {"who": pin.who, "why": pin.why, "entry": pin.number} if pin else None,
            "bytes": sum(file["bytes"] for file in shelf.files(version).values()),
        }
        found.append((brief, shelf.recipe(version)))
    return found


def _schema(version: Version) -> dict[str, str]:
    """Return the training part's schema; versions of 0.2 do not have it among their facts."""
    known: list[list[str]] | None = version.facts.get("schema")
    return dict(known or composition.types(pq.read_schema(version.file("train.parquet"))))


def _counts(version: Version) -> dict[str, Any]:
    """Return how many rows there are of what; of a version of 0.2 only by class."""
    known: dict[str, Any] | None = version.facts.get("counts")
    if known:
        return composition.ordered(known, PARTS)
    parts = {name: pd.read_parquet(version.file(f"{name}.parquet")) for name in PARTS}
    return {name: {"by_class": composition.by_class(rows), "by_cohort": {}} for name, rows in parts.items()}


def _chain(shelf: Warehouse, version: Version) -> tuple[dict[str, Any], list[str]]:
    """Return the recipes of everything behind a version as dotted keys that begin with a kind, and what is gone."""
    lines: dict[str, Any] = {"engine": shelf.recipe(version).get("engine")}
    gone: list[str] = []
    waiting, seen = [f"{KIND}/{version.key}"], set[str]()
    while waiting:
        name = waiting.pop(0)
        kind, _, key = name.partition("/")
        found = shelf.find(kind, key) if name not in seen else None
        if found:
            recipe = shelf.recipe(found)
            graph = {name: recipe.get("inputs", [])}
            lines |= difference.flattened(recipe.get("recipe", {}), kind)
            lines |= {f"{kind}.compared_with": one for one in retention.compared_with(name, graph)}
            waiting += retention.made_of(name, graph)
        elif name not in seen:
            gone.append(name)
        seen.add(name)
    return lines, gone
