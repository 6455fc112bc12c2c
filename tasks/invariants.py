"""Hold a home against what the architecture promises: every file, row, alias and answer, read anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rarecall.checkup import Check, faulty, well
from rarecall.datasets import soundness
from rarecall.project import Project
from tasks.doctor import tried
from tasks.shelf import warehouse
from tasks.verify import DamagedError, verify

if TYPE_CHECKING:
    from tasks.aliases import Aliases

_RESTORE = "restore the home from a copy: docs/runbooks/restore.md"


def examine(project: Project) -> list[Check]:
    """Return what was looked at, in the order of the architecture's invariants."""
    looks = {
        "files": _files,
        "synthetic rows": _synthetic,
        "online rows": _online,
        "aliases": _aliases,
        "models": _models,
        "answers": _answers,
    }
    return [tried(name, lambda look=look: look(project), _RESTORE) for name, look in looks.items()]  # type: ignore[misc]


def _files(project: Project) -> Check:
    """Nothing is overwritten: every file is what its manifest says."""
    try:
        found = verify(project)
    except DamagedError as error:
        return faulty("files", str(error).splitlines(), "", "do what stands beside each: rarecall datasets verify")
    return well("files", f"{found['files']} files of {found['versions']} versions are what was written")


def _synthetic(project: Project) -> Check:
    """Synthetic rows only teach, and each can be made again of its parents."""
    versions = warehouse(project).versions("datasets")
    wrong = [f"dataset {one.key}: {said}" for one in versions for said in soundness.faults(one)]
    made = sum(one.facts["synthetic_rows"] for one in versions)
    said = f"{made:,} in {len(versions)} dataset versions, all made again bit for bit; none beyond the training part"
    return faulty("synthetic rows", wrong, said, "train on no such version; remove its folder and run again")


def _online(project: Project) -> Check:
    """No feature view reads a synthetic row: what is served by entity comes from real deliveries alone."""
    import pyarrow.parquet as pq

    from tasks.registered import registered

    views = [one for one in registered(project) if not one.is_dataset and not one.is_gone]
    wrong = []
    for one in views:
        files = [file for file in _parquet(Path(one.path)) if "is_synthetic" in pq.read_schema(file).names]
        wrong += [f"view {one.name} reads {file}, which marks synthetic rows" for file in files]
    return faulty("online rows", wrong, f"{len(views)} feature views read real rows alone", "publish the view again")


def _parquet(path: Path) -> Iterator[Path]:
    yield from ([path] if path.is_file() else sorted(path.rglob("*.parquet")))


def _aliases(project: Project) -> Check:
    """Aliases move through the ledger: MLflow's are the ledger's last word."""
    known = _known(project)
    if known is None or not known.entries:
        return well("aliases", "none has moved yet")
    says, has = known.standing.aliases(), known.found
    wrong = [
        f"{alias}: the ledger says {says.get(alias, 'none')}, MLflow {has.get(alias, 'none')}"
        for alias in sorted({*says, *has})
        if says.get(alias) != has.get(alias)
    ]
    wrong += ["the last move was cut off"] if known.is_cut_off and not wrong else []
    return faulty("aliases", wrong, f"MLflow follows the ledger's {len(known.entries)} moves", "run: rarecall status")


def _models(project: Project) -> Check:
    """Every registered version names a dataset that is there, or one that was let go on the record."""
    from serving import registry

    if not registry.exists(project):
        return well("models", "none yet")
    client = registry.connect(project)
    shelf = warehouse(project)
    there = set(shelf.keys("datasets"))
    found = client.search_model_versions(f"name = '{project.name}'")
    known = _known(project)
    serving = set(known.standing.aliases().values()) if known else set()
    wrong = []
    for one in found:
        key = one.tags.get("rarecall.dataset_version")
        if key is None:
            wrong.append(f"version {one.version} does not say what it learned from")
        elif str(one.version) in serving and key not in there:
            wrong.append(f"version {one.version} serves, and dataset {key} that it learned from is gone")
    return faulty("models", wrong, f"{len(found)} versions say what they learned from", _RESTORE)


def _answers(project: Project) -> Check:
    """Every answer is by a version that there is or was, and every truth about an answer."""
    from monitoring.prediction_faults import count, faults
    from monitoring.predictions import url
    from serving import registry

    address = url(project)
    if address.startswith("sqlite:///") and not Path(address.removeprefix("sqlite:///")).exists():
        return well("answers", "none yet")
    many = count(address)
    if many is None:
        return well("answers", "none yet")
    known = _known(project)
    versions = {int(one) for entry in (known.entries if known else ()) for one in entry.payload["versions"]}
    if registry.exists(project):
        found = registry.connect(project).search_model_versions(f"name = '{project.name}'")
        versions |= {int(one.version) for one in found}
    said = f"{many:,}, each by a version that there is, and each truth about one of them"
    return faulty("answers", faults(address, versions), said, _RESTORE)


def _known(project: Project) -> Aliases | None:
    from serving import registry
    from tasks.aliases import read

    return read(project, registry.connect(project)) if registry.exists(project) else None
