"""Aliases: which model version serves, moved through the ledger, which MLflow then follows.

A move is one entry, `aliases.moved`, that holds every alias's from and to. It is durable before the first alias is set
in MLflow, and after the last one the model's tag `rarecall.ledger` names it. So a tag that is behind the ledger means a
move that was cut off, which whoever comes next ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError, StoreError, redacted
from rarecall.project import Project
from rarecall.standing import Standing, moves
from tasks.ledger import ledger_url, open_project_ledger
from tasks.registry_lock import WAIT, registry_lock

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

    from monitoring.ledger import Entry

MOVED = "aliases.moved"
RESTORED = "aliases.restored"

_KEY = 0x61_6C69_6173_6573  # of the advisory lock: "aliases" in ASCII
_REMEMBERED = ("rarecall.dataset_version", "rarecall.snapshot", "rarecall.decision", "rarecall.candidate")


@dataclass(frozen=True, kw_only=True)
class Aliases:
    """What the ledger and MLflow say of one registered model.

    Attributes
    ----------
    model : RegisteredModel
    entries : tuple of Entry
        Its moves, oldest first. A model of the same name in another registry has others.
    standing : Standing
        By the ledger's last word; by MLflow where the ledger has none.
    found : dict
        MLflow's aliases, of those that the ledger moves.
    is_cut_off : bool
        MLflow does not follow the last entry yet.
    """

    model: RegisteredModel
    entries: tuple[Entry, ...]
    standing: Standing
    found: dict[str, str]
    is_cut_off: bool


@contextmanager
def moving(project: Project, *, wait: float = WAIT) -> Iterator[None]:
    """Let nobody else move aliases until the block ends."""
    with registry_lock(ledger_url(project), wait=wait, held="the aliases that follow the ledger", key=_KEY):
        yield


def read(project: Project, client: MlflowClient) -> Aliases | None:
    """Return what the ledger and MLflow say of the project's model, or None where MLflow has none.

    Raises
    ------
    StoreError
        MLflow's aliases follow an entry that this ledger does not have.
    """
    from serving import registry

    model = registry.registered(client, project.name)
    if model is None:
        return None
    entries = tuple(
        entry
        for entry in open_project_ledger(project).entries(MOVED, project.name)
        if entry.payload["model"] == identity(model)
    )
    found, follows = registry.governed(model), model.tags.get(registry.FOLLOWS)
    if follows is not None and follows not in {entry.hash for entry in entries}:
        raise StoreError(
            f"the aliases of {project.name} follow an entry ({follows[:12]}…) that {redacted(ledger_url(project))} "
            "does not have: it is another ledger or an old copy; point stores.ledger to the right one, or, if "
            f"that is lost, take the tag {registry.FOLLOWS} from the model in MLflow, and run again"
        )
    stands = Standing.from_dict(entries[-1].payload["standing"]) if entries else Standing.of(found)
    is_cut_off = bool(entries) and follows != entries[-1].hash
    return Aliases(model=model, entries=entries, standing=stands, found=found, is_cut_off=is_cut_off)


def write(
    project: Project,
    client: MlflowClient,
    known: Aliases,
    after: Standing,
    *,
    action: str,
    who: str,
    why: str,
    **noted: Any,
) -> Entry:
    """Append a move to the ledger, for the holder of the lock; MLflow has to follow it next."""
    before = known.standing.aliases() if known.entries else {}
    on = after.aliases()
    payload = {
        "action": action,
        "model": identity(known.model),
        "moves": moves(before, on),
        "standing": after.as_dict(),
        # What an auditor asks later, when MLflow may have the version no more.
        "versions": {
            version: _remembered(client, project.name, version) for version in sorted({*on.values()}, key=int)
        },
        **noted,
    }
    return open_project_ledger(project).append(MOVED, project.name, payload, who=who, why=why)


def _remembered(client: MlflowClient, name: str, version: str) -> dict[str, str | None]:
    tags = client.get_model_version(name, version).tags
    return {tag.removeprefix("rarecall."): tags.get(tag) for tag in _REMEMBERED}


def identity(model: RegisteredModel) -> dict[str, Any]:
    """Return what tells a model from one of the same name in another registry, or made after it was deleted."""
    return {"name": model.name, "created": model.creation_timestamp}


def no_model(project: Project) -> DataError:
    """Return the refusal of whoever asks for a model before there is one."""
    return DataError(f"{project.name} has no model yet; make one with: rarecall retrain")


def named(version: str | None) -> str:
    """Return a version as a sentence names it."""
    return "no version" if version is None else f"version {version}"
