"""What needs the versions of a home: aliases, pins, the ledger, the last runs, Feast, and what is being made."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rarecall.datasets import retention
from rarecall.errors import StoreError, redacted
from rarecall.project import Project
from rarecall.warehouse import Warehouse
from tasks import runs
from tasks.accept import ACCEPTED
from tasks.aliases import MOVED
from tasks.approvals import approvals
from tasks.export import EXPORTED
from tasks.ledger import open_project_ledger
from tasks.pins import pins
from tasks.quarantine import RELEASED
from tasks.registered import Registration

if TYPE_CHECKING:
    from monitoring.ledger import Entry

Reasons = defaultdict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Versions that something needs, as `kind/key`, each with its reasons.

    Attributes
    ----------
    strong : mapping of str to list of str
        Needed with everything behind them, though they may hold rows of forgotten people: an alias serves from them, a
        person pinned them, or they are of a kind that no run makes again.
    chains : mapping of str to list of str
        Needed with everything behind them, unless they hold such rows.
    alone : mapping of str to list of str
        Needed by themselves, unless they hold such rows.
    """

    strong: Reasons = field(default_factory=lambda: defaultdict(list))
    chains: Reasons = field(default_factory=lambda: defaultdict(list))
    alone: Reasons = field(default_factory=lambda: defaultdict(list))


def needs(project: Project, shelf: Warehouse, graph: retention.Graph, registered: list[Registration]) -> Needs:
    """Return what needs the versions of a graph.

    A home may hold several projects, so everything is asked for all of them.

    Raises
    ------
    StoreError
        The model registry does not answer, or has lost its models: what it needs is then not known.
    """
    found = Needs()
    for name in graph:
        if retention.kind_of(name) not in retention.MADE:
            found.strong[name].append(f"no run makes {retention.kind_of(name)} again")
    for name, reason in _aliased(project, shelf):
        found.strong[name].append(reason)
    for key, entry in pins(project).items():
        found.strong[f"datasets/{key}"].append(f"pinned: {entry.why}")
    newest = _of_runs(project, shelf, graph, found)
    _of_ledger(project, shelf, found)
    for name in graph:
        kind, _, key = name.partition("/")
        if (shelf.root / kind / key).stat().st_mtime_ns > newest:
            found.chains[name].append("no run has ended since it was made")
    queues = {one.facts.get("project"): one.key for one in shelf.versions("label_verdicts")}
    for owner, key in queues.items():
        found.alone[f"label_verdicts/{key}"].append(f"review queue of {owner}")
    for one in registered:
        if not one.is_dataset and (name := one.version(shelf)):
            found.alone[name].append(f"Feast's view {one.name} reads it")
    return found


def _aliased(project: Project, shelf: Warehouse) -> Iterator[tuple[str, str]]:
    """Yield what the models behind each alias of the registry were made of."""
    from serving import registry  # MLflow takes seconds to import, and a home may have no model

    made = shelf.keys("registrations")
    if not (registry.folder(project).exists() or project.stores.mlflow):
        if made:
            raise StoreError(_lost(registry.uri(project), len(made)))
        return
    from mlflow.exceptions import MlflowException

    try:
        client = registry.connect(project)
        models = _models(client)
        if made and not models:
            raise StoreError(_lost(registry.uri(project), len(made)))
        for model in models:
            for alias, number in sorted(model.aliases.items()):
                tags = client.get_model_version(model.name, str(number)).tags
                for kind, tag in (("decisions", "rarecall.candidate"), ("datasets", "rarecall.dataset_version")):
                    if tag in tags:
                        yield f"{kind}/{tags[tag]}", f"{alias} of {model.name} is version {number}"
    except MlflowException as error:
        said = str(error).splitlines()[0]
        raise StoreError(
            f"the model registry does not say which versions its aliases need: {said}; nothing was removed: mend that "
            "and run again"
        ) from error


def _models(client: Any) -> list[Any]:
    """Return every registered model, page by page."""
    found, token = [], None
    while True:
        page = client.search_registered_models(page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _lost(uri: str, registrations: int) -> str:
    return (
        f"{redacted(uri)} holds no model, though {registrations} were registered from this home, so nobody can say "
        "which versions an alias needs; restore it, or point stores.mlflow to where it is; nothing was removed"
    )


def _of_runs(project: Project, shelf: Warehouse, graph: retention.Graph, found: Needs) -> int:
    """Add what the last run of each project made and what it was compared with; return when the newest ended."""
    newest = -1
    folder = Path(project.stores.home) / "runs"
    for name in sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []:
        records = runs.folders(project.model_copy(update={"name": name}))
        if not records:
            continue
        newest = max(newest, records[-1].stat().st_mtime_ns)
        record = json.loads((records[-1] / runs.RECORD).read_text())
        roots = [f"datasets/{record['dataset_version']}"] + [
            f"registrations/{one.key}"
            for one in shelf.versions("registrations")
            if (one.facts["model_name"], one.facts["model_version"]) == (record["model_name"], record["model_version"])
        ]
        for root in roots:
            found.chains[root].append(f"last run of {name}")
        for one in retention.behind(roots, graph):
            for other in retention.compared_with(one, graph):
                # Without it the next run of the same rows would be judged again, and all be made anew.
                found.alone[other].append(f"the last run of {name} was compared with it")
    return newest


def _of_ledger(project: Project, shelf: Warehouse, found: Needs) -> None:
    ledger = open_project_ledger(project)
    for entry in ledger.entries(RELEASED):
        reason = f"rows of its quarantine were released (entry {entry.number}) and come back where not delivered"
        found.alone[f"verdicts/{entry.payload['verdict']}"].append(reason)
    for entry in ledger.entries(EXPORTED):
        reason = f"synthetic rows of it were exported (entry {entry.number})"
        found.chains[f"datasets/{entry.payload['dataset_version']}"].append(reason)
    for one in approvals(project, of_all=True).values():
        if one.state == "asked":
            found.chains[f"decisions/{one.decided}"].append(f"version {one.version} waits for an answer")
    for name, reason in _once_aliased(ledger.entries(MOVED)).items():
        found.chains[name].append(reason)
    references: dict[str, str] = {}
    for entry in ledger.entries(ACCEPTED):
        if (shelf.root / "verdicts" / entry.payload["verdict"]).is_dir():
            references[entry.subject] = entry.payload["verdict"]
    for subject, verdict in references.items():
        found.alone[f"verdicts/{verdict}"].append(f"the next delivery of {subject} is compared with it")


def _once_aliased(moved: Iterable["Entry"]) -> dict[str, str]:
    """Return what the versions were made of on which an alias ever stood: an auditor may ask what served then."""
    found: dict[str, str] = {}
    for entry in moved:
        for number, known in entry.payload["versions"].items():
            for kind, key in (("decisions", known["candidate"]), ("datasets", known["dataset_version"])):
                if key:
                    reason = f"an alias stood on version {number} of {entry.subject} (entry {entry.number})"
                    found.setdefault(f"{kind}/{key}", reason)
    return found
