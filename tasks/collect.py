"""Collect what nothing needs: list the versions that may go with the reason why, and remove them when told to."""

import os
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rarecall.datasets import retention
from rarecall.errors import StoreError
from rarecall.project import Project
from rarecall.warehouse import Warehouse
from tasks.aliases import moving
from tasks.forgotten import FORGOTTEN
from tasks.ledger import open_project_ledger
from tasks.needs import needs
from tasks.registered import Registration, registered, unregister
from tasks.shelf import warehouse

COLLECTED = "versions.collected"

_UNNEEDED = "no alias, pin, ledger entry or last run needs it"
_SPARED = "it descends from nobody who was forgotten; without --forgotten it goes"
_FORGOTTEN = "descends from forgotten rows, and no alias or pin needs it"


def collect(project: Project, *, remove: bool, forgotten_only: bool = False, who: str, why: str) -> dict[str, Any]:
    """List what may go and, when told to, remove it: out of Feast first, then by one rename each.

    Only for the holder of the home's lock where something is to be removed.

    Parameters
    ----------
    project : Project
        Of whose home everything is looked at, other projects' versions too.
    remove : bool
        Without it nothing is changed.
    forgotten_only : bool
        Leave what does not descend from people that `rarecall forget` named.
    who, why : str
        For the ledger.

    Returns
    -------
    dict
        `going`: `kind`, `version`, `bytes` and `because` of each; `kept`: the same of everything else, `because` being
        a list; `freed`, the bytes that come free, counting a file that several versions share once; `registrations`,
        the names that leave Feast; `forgotten`: `people`, and of the versions that descend from them `going` and `kept`
        with the reasons; `removed`, whether it was done, and `entry`, the ledger's number.

    Raises
    ------
    StoreError
        Something cannot be asked what it needs, or a version cannot be removed.
    """
    with moving(project) if remove else nullcontext():  # nobody gives an alias to what is just going
        return _collect(project, remove=remove, forgotten_only=forgotten_only, who=who, why=why)


def _collect(project: Project, *, remove: bool, forgotten_only: bool, who: str, why: str) -> dict[str, Any]:
    shelf = warehouse(project)
    graph = {
        f"{version.kind}/{version.key}": shelf.recipe(version).get("inputs", [])
        for kind in shelf.kinds()
        for version in shelf.versions(kind)
    }
    listed = registered(project)
    found = needs(project, shelf, graph, listed)
    held = retention.needed(found.strong, graph)
    chains = {name: found.strong[name] + found.chains[name] for name in [*found.strong, *found.chains]}
    wanted = retention.needed(chains, graph, alone=found.alone)
    marks = [entry.payload for entry in open_project_ledger(project).entries(FORGOTTEN)]
    marked = {name for one in marks for name in (*one["holdings"], *(f"datasets/{key}" for key in one["datasets"]))}
    tainted = retention.tainted(marked, graph)
    going = [
        name
        for name in reversed(retention.made_first(graph))
        if (name in tainted and name not in held) or (name not in wanted and not forgotten_only)
    ]
    stays = {name: held[name] if name in tainted & held.keys() else wanted.get(name, [_SPARED]) for name in graph}
    leaving = [one for one in listed if one.is_dataset and _leaves(one, shelf, going, graph)]
    entry = None
    if remove and (going or leaving):
        payload = {
            "versions": sorted(going),
            "registrations": sorted(one.name for one in leaving),
            "forgotten_only": forgotten_only,
        }
        # Into the ledger first: a version that is gone without a word would be worse than a word without its deed.
        entry = open_project_ledger(project).append(COLLECTED, project.name, payload, who=who, why=why).number
    freed = _freed(shelf, going)
    report = {
        "project": project.name,
        "home": project.stores.home,
        "going": [
            _line(shelf, name) | {"because": _FORGOTTEN if name in tainted else _UNNEEDED} for name in sorted(going)
        ],
        "kept": [_line(shelf, name) | {"because": stays[name]} for name in sorted(graph.keys() - {*going})],
        "freed": freed,
        "registrations": sorted(one.name for one in leaving),
        "forgotten": {
            "people": len({one["pseudonym"] for one in marks}),
            "going": sorted(tainted & {*going}),
            "kept": {name: stays[name] for name in sorted(tainted - {*going})},
        },
        "removed": entry is not None,
        "entry": entry,
    }
    if remove:
        _remove(project, shelf, going, leaving)
    return report


def _leaves(one: Registration, shelf: Warehouse, going: list[str], graph: retention.Graph) -> bool:
    """Tell whether a saved dataset's files go, or are gone already."""
    version = one.version(shelf)
    return version is not None and (version in going or (version not in graph and one.is_gone))


def _remove(project: Project, shelf: Warehouse, going: list[str], leaving: list[Registration]) -> None:
    """Remove versions, what was made of others before these; a registration right before the files that it names."""
    for one in leaving:
        if one.version(shelf) not in going:
            unregister(project, one)
    for name in going:
        for one in leaving:
            if one.version(shelf) == name:
                unregister(project, one)
        kind, _, key = name.partition("/")
        if version := shelf.find(kind, key):
            shelf.remove(version)


def _line(shelf: Warehouse, name: str) -> dict[str, Any]:
    kind, _, key = name.partition("/")
    return {"kind": kind, "version": key, "bytes": sum(place.st_size for place in _files(shelf, name))}


def _freed(shelf: Warehouse, going: list[str]) -> int:
    """Return the bytes of the files to which no other version has a link."""
    places = [place for name in going for place in _files(shelf, name)]
    links = Counter((place.st_dev, place.st_ino) for place in places)
    sizes = {(place.st_dev, place.st_ino): place for place in places}
    return sum(place.st_size for file, place in sizes.items() if links[file] >= place.st_nlink)


def _files(shelf: Warehouse, name: str) -> list[os.stat_result]:
    try:
        return [file.stat() for file in Path(shelf.root / name).rglob("*") if file.is_file()]
    except FileNotFoundError as error:
        raise StoreError(f"{error.filename} went away meanwhile; is another process removing it? run again") from error
