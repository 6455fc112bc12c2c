"""Mend: make MLflow's aliases what the ledger says they are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rarecall.errors import StoreError, redacted
from rarecall.project import Project
from rarecall.standing import moves
from tasks.aliases import RESTORED, identity, moving, named, read, write
from tasks.ledger import ledger_url, open_project_ledger
from tasks.registry_lock import HeldError

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger("rarecall.stage")


def repair(project: Project, *, who: str) -> list[str]:
    """Set MLflow's aliases as the ledger says, and return what was set, a sentence each; nothing where all is well.

    A move that was cut off is ended. What was set past the ledger is put back, and the ledger remembers what was found.
    A version that MLflow has no more is taken out of what stands.
    """
    from serving import registry

    if not registry.exists(project):
        return []
    client = registry.connect(project)
    known = read(project, client)
    if known is None or (known.entries and not known.is_cut_off and known.standing.aliases() == known.found):
        return []
    with moving(project):
        said = mend(project, client, who=who)
    for line in said:
        logger.info("aliases.mended", extra={"said": line})
    return said


def look(project: Project, *, who: str) -> tuple[list[str], list[str]]:
    """End a move that was cut off, if nobody is moving now, and leave all else as it is: for who only wants to read.

    Returns
    -------
    mended, differing : list of str
        What was set, and where MLflow's aliases are still not as the ledger says; a sentence each.
    """
    from serving import registry

    if not registry.exists(project):
        return [], []
    client = registry.connect(project)
    known, mended = read(project, client), list[str]()
    if known and known.is_cut_off:
        try:
            with moving(project, wait=0.0):
                mended = mend(project, client, who=who)
        except HeldError:
            return [], ["another process is moving aliases now"]
        known = read(project, client)
    if known is None or not known.entries:
        return mended, []
    pairs = moves(known.standing.aliases(), known.found)
    return mended, [
        f"MLflow says {alias} is {named(pair['to'])}, the ledger {named(pair['from'])}: rarecall did not move it, "
        "and the next promote, rollback or retrain follows the ledger"
        for alias, pair in pairs.items()
    ]


def mend(project: Project, client: MlflowClient, *, who: str) -> list[str]:
    """For the holder of the lock: make MLflow follow the ledger, and begin the ledger where it knows nothing yet."""
    from serving import registry

    known = read(project, client)
    if known is None or not (known.entries or known.found):
        return []
    if not known.entries:
        why = "it stood before the ledger knew of aliases"
        entry = write(project, client, known, known.standing, action="found", who=who, why=why)
        registry.follow(client, known.model, known.standing, str(entry.hash))
        return []
    stands, last = known.standing, known.entries[-1]
    if not known.is_cut_off and stands.aliases() == known.found:
        return []
    _check_chain(project)
    said = []
    versions = {*stands.aliases().values(), *stands.behind}
    gone = {one for one in versions if registry.version(client, project.name, one) is None}
    if gone:
        why = f"MLflow has no version {' and '.join(sorted(gone))} of {project.name} any more"
        said += [f"{alias} is taken away: {why}" for alias, one in stands.aliases().items() if one in gone]
        stands = stands.without(gone)
        last = write(project, client, known, stands, action="lost", who=who, why=why)
    pairs = {alias: pair for alias, pair in moves(known.found, stands.aliases()).items() if pair["from"] not in gone}
    if pairs and not known.is_cut_off and not gone:
        payload = {"action": "restore", "model": identity(known.model), "moves": pairs, "standing": stands.as_dict()}
        why = "MLflow's aliases had been moved past the ledger"
        open_project_ledger(project).append(RESTORED, project.name, payload, who=who, why=why)
    cause = "; its move had been cut off" if known.is_cut_off else ""
    said += [
        f"{alias} is {named(pair['to'])} by entry {last.number} of the ledger, MLflow had {named(pair['from'])}{cause}"
        for alias, pair in pairs.items()
    ]
    registry.follow(client, known.model, stands, str(last.hash))
    return said


def _check_chain(project: Project) -> None:
    if faults := open_project_ledger(project).verify().faults:
        raise StoreError(
            f"the ledger {redacted(ledger_url(project))} is not what was written: {'; '.join(faults)}; so no alias is "
            "set by it: restore it from a copy"
        )
