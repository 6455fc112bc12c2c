"""Promote, roll back, demote: a person moves an alias, with a reason that the ledger keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError, nearest
from rarecall.project import Project
from rarecall.standing import ALIASES, Standing, moves
from tasks.aliases import no_model
from tasks.approvals import Approval, approvals
from tasks.forgotten import FORGOTTEN
from tasks.ledger import open_project_ledger
from tasks.move import Moved, move
from tasks.shelf import warehouse

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from monitoring.ledger import Entry


def promote(project: Project, version: str, *, who: str, why: str, force: bool = False) -> dict[str, Any]:
    """Make a version champion; the one before becomes `previous`, and no other alias stays on the version.

    Parameters
    ----------
    project : Project
    version : str
        Its number.
    who, why : str
        For the ledger.
    force : bool
        Also where the decision on it was not to promote, or none was made; the ledger remembers that.

    Returns
    -------
    dict
        `version`, the `decision` on it, whether it was `forced`, `moves` (from and to of each alias that moved),
        `already` (it was champion), `entry` (the ledger's number, or None then), `warnings` and `mended`.

    Raises
    ------
    DataError
        There is no such version, or its decision was another and `force` is not given.
    """
    decided = decided_on(project, version)

    def change(now: Standing, _client: MlflowClient) -> Standing:
        if not (decided.is_earned or force or version == now.champion):
            raise DataError(decided.refusal())
        return now.promoted(version)

    forced = force and not decided.is_earned
    moved = move(project, change, action="promote", who=who, why=why, forced=forced)
    return _said(project, moved) | {"decision": decided.verdict, "forced": forced}


def roll_back(project: Project, *, who: str, why: str, only_from: str | None = None) -> dict[str, Any]:
    """Let the champion give way to `previous`; `previous` is then the champion before that, if there is one.

    A version from which was rolled back is never rolled back to: a second rollback goes one further into the past.

    Parameters
    ----------
    project : Project
    who, why : str
        For the ledger.
    only_from : str, optional
        The champion that is to give way. Where another serves by now, nothing is done: so two people who answer the
        same alarm roll back once.

    Returns
    -------
    dict
        As of `promote`, without what is about the decision; `version` is the one that is champion now.

    Raises
    ------
    DataError
        There is nothing to roll back to, or another version is champion than `only_from`.
    """
    from serving import registry

    def change(now: Standing, client: MlflowClient) -> Standing:
        if only_from is not None and now.champion != only_from:
            raise DataError(
                f"expected version {only_from} of {project.name} as champion, got {_named(now.champion)}: somebody was "
                "faster, and nothing was rolled back; see rarecall history"
            )
        gone = {one for one in now.behind if registry.version(client, project.name, one) is None}
        return now.without(gone).rolled_back()

    return _said(project, move(project, change, action="rollback", who=who, why=why))


def demote(project: Project, alias: str, *, who: str, why: str) -> dict[str, Any]:
    """Take an alias away from the version on which it stands; without `previous` there is nothing to roll back to.

    Returns
    -------
    dict
        As of `promote`, without what is about the decision; `alias`, and `version`, the champion now or None.
    """
    if alias not in ALIASES:
        raise DataError(f"expected an alias, got {alias!r}{nearest(alias, ALIASES)}")
    moved = move(project, lambda now, _: now.demoted(alias), action="demote", who=who, why=why)
    return _said(project, moved) | {"alias": alias}


@dataclass(frozen=True)
class Decided:
    """What was decided on a version, and what a person said where one was asked."""

    model: str
    version: str
    verdict: str | None
    asked: Approval | None

    @property
    def is_earned(self) -> bool:
        """Whether it may serve."""
        return self.verdict == "promote" or (self.asked is not None and self.asked.state == "approved")

    def refusal(self) -> str:
        """Return why it may not serve, and what leads on."""
        if self.asked is None:
            before = "read its reasons in MLflow, or "
        elif self.asked.state == "asked":
            before = f"answer it with: rarecall approve --version {self.version} --reason TEXT, or "
        elif self.asked.state == "timed out":
            before = "it timed out; "
        else:
            before = f"it was {self.asked.state} by {self.asked.who}; "
        return (
            f"the decision on version {self.version} of {self.model} was {self.verdict or 'never made'}, not promote: "
            f"{before}take it upon you with --force"
        )


def decided_on(project: Project, version: str) -> Decided:
    """Return what was decided on a version; DataError where there is none of this number."""
    tags = known_version(project, version).tags
    verdict = tags.get("rarecall.decision")
    asked = approvals(project).get(tags.get("rarecall.candidate", "")) if verdict == "needs_approval" else None
    return Decided(model=project.name, version=version, verdict=verdict, asked=asked)


def known_version(project: Project, version: str) -> ModelVersion:
    """Return a version of the project's model; DataError where there is none of this number."""
    from serving import registry

    if not registry.exists(project):
        raise no_model(project)
    client = registry.connect(project)
    found = registry.version(client, project.name, version)
    if found is None:
        numbers = [str(one.version) for one in client.search_model_versions(f"name = '{project.name}'")]
        if not numbers:
            raise no_model(project)
        there = ", ".join(sorted(numbers, key=int)[-8:])
        raise DataError(f"expected a version of {project.name}, got {version}; its newest are {there}")
    return found


def _said(project: Project, moved: Moved) -> dict[str, Any]:
    entry = moved.entry
    return {
        "project": project.name,
        "version": moved.after.champion,
        "moves": moves(moved.before.aliases(), moved.after.aliases()) if entry else {},
        "already": entry is None,
        "entry": entry.number if entry else None,
        "warnings": cautions(project, _learned_from(entry, moved.after.champion)) if entry else [],
        "mended": moved.mended,
    }


def _learned_from(entry: Entry, version: str | None) -> str | None:
    remembered = entry.payload["versions"].get(version)
    dataset: str | None = remembered and remembered["dataset_version"]
    return dataset


def cautions(project: Project, key: str | None) -> list[str]:
    """Say what a person should know of a model that learned from a dataset version before it serves."""
    if not key:
        return []
    said = []
    if warehouse(project).find("datasets", key) is None:
        said.append(f"dataset {key}, from which it learned, is not in this warehouse any more, so lineage ends there")
    marks = open_project_ledger(project).entries(FORGOTTEN, project.name)
    if any(key in entry.payload["datasets"] for entry in marks):
        said.append(
            "it learned from rows of people who were forgotten since; promote one that did not when there is one"
        )
    return said


def _named(version: str | None) -> str:
    return "none" if version is None else f"version {version}"
