"""Approve, reject: ask a person about a candidate that holds every gate, and do what they answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rarecall.errors import DataError
from rarecall.project import Project
from rarecall.standing import Standing, moves
from tasks.aliases import moving, read
from tasks.approvals import ANSWERED, ASKED, Approval, approvals
from tasks.ledger import open_project_ledger
from tasks.move import Moved, move
from tasks.promote import cautions, known_version

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tasks.stage import Done

TAG = "rarecall.approval"
_LONGEST = 1000  # letters of a reason in a tag; the ledger has all of it


def ask(project: Project, decision: Done, registration: Done) -> Approval | None:
    """Ask about a registered candidate, once; None where its decision needs no approval.

    An approval that was cut off before its alias had moved is ended.
    """
    decided, version = decision.version, str(registration.version.facts["model_version"])
    if decided.facts["verdict"] != "needs_approval":
        return None
    with moving(project):
        known = approvals(project).get(decided.key) or _ask(project, decided.key, version)
    known = next((one for one in settle(project) if one.decided == known.decided), known)
    if known.state == "approved":
        _follow(project, known)
    return known


def answer(project: Project, version: str, *, approve: bool, who: str, why: str) -> dict[str, Any]:
    """Approve or reject the candidate that a person was asked about.

    Parameters
    ----------
    project : Project
    version : str
        Its number.
    approve : bool
        Whether it may serve: it is then champion where there is none, else challenger. If not, no alias moves.
    who, why : str
        For the ledger.

    Returns
    -------
    dict
        `version`, the `answer`, `moves` (from and to of each alias that moved), `already` (it had been answered so),
        `entry` (the ledger's number of the answer), `run` (the suspended flow run that waits for it, or None),
        `warnings` and `mended`.

    Raises
    ------
    DataError
        There is no such version, its decision asked nobody, it was answered otherwise, or the time is over.
    """
    tags = known_version(project, version).tags
    verdict, key = tags.get("rarecall.decision"), tags.get("rarecall.candidate")
    settle(project)
    with moving(project):
        known = approvals(project).get(str(key))
        if known is None and verdict == "needs_approval":
            known = _ask(project, str(key), version)  # the run that was to ask was killed
        if known is None:
            raise DataError(_not_asked(project, version, verdict))
        wanted = "approved" if approve else "rejected"
        already = known.state == wanted
        if not already:
            if known.state != "asked":
                raise DataError(_too_late(project, known))
            known = _write(project, known, wanted, who=who, why=why)
    moved = _follow(project, known) if approve else None
    return {
        "project": project.name,
        "version": version,
        "answer": known.state,
        "moves": moves(moved.before.aliases(), moved.after.aliases()) if moved and moved.entry else {},
        "already": already,
        "entry": known.entry,
        "run": known.run,
        "warnings": cautions(project, tags.get("rarecall.dataset_version")) if approve else [],
        "mended": moved.mended if moved else [],
    }


def settle(project: Project) -> list[Approval]:
    """Write down as rejected what nobody answered in time, and return it."""
    if not _overdue(project):
        return []
    with moving(project):
        return [
            _write(project, one, "timed out", who="rarecall", why=f"nobody answered by {one.until:%Y-%m-%dT%H:%M:%SZ}")
            for one in _overdue(project)
        ]


def _overdue(project: Project) -> list[Approval]:
    return [one for one in approvals(project).values() if one.state == "timed out" and one.answered is None]


def _ask(project: Project, decided: str, version: str) -> Approval:
    from prefect.runtime import deployment, flow_run  # seconds, which who only reads need not wait for

    seconds = project.gates.approval_timeout.total_seconds()
    # Only a deployment's run can be suspended, for nothing would start another one again; a flow's flow cannot.
    run = str(flow_run.id) if deployment.id and not flow_run.parent_flow_run_id else None
    payload = {"decided": decided, "version": version, "seconds": seconds, "run": run}
    why = "it holds every gate, and gates.approval is required"
    open_project_ledger(project).append(ASKED, project.name, payload, who="retrain", why=why)
    return approvals(project)[decided]


def _write(project: Project, known: Approval, state: str, *, who: str, why: str) -> Approval:
    """Append the answer, and tag the version with it."""
    from serving import registry

    payload = {"decided": known.decided, "version": known.version, "answer": state}
    open_project_ledger(project).append(ANSWERED, project.name, payload, who=who, why=why)
    client = registry.connect(project)
    if registry.version(client, project.name, known.version):
        for tag, value in ((TAG, state), (f"{TAG}.who", who), (f"{TAG}.why", why[:_LONGEST])):
            client.set_model_version_tag(project.name, known.version, tag, value)
    return approvals(project)[known.decided]


def _follow(project: Project, known: Approval) -> Moved:
    """Let an approved candidate stand where a promoted one does, once."""

    def change(now: Standing, client: MlflowClient) -> Standing:
        aliases = read(project, client)
        done = aliases is not None and any(one.payload.get("decided") == known.decided for one in aliases.entries)
        return now if done else now.challenged(known.version)

    return move(project, change, action="approve", who=str(known.who), why=str(known.why), decided=known.decided)


def _not_asked(project: Project, version: str, verdict: str | None) -> str:
    if verdict == "promote":
        return (
            f"the decision on version {version} of {project.name} was promote, so it waits for nobody; take it back "
            "with: rarecall demote ALIAS --reason TEXT, or make it champion with: rarecall promote"
        )
    return (
        f"the decision on version {version} of {project.name} was {verdict or 'never made'}, so nobody is asked about "
        "it: read its reasons in MLflow, or take it upon you with: rarecall promote --force"
    )


def _too_late(project: Project, known: Approval) -> str:
    what = f"version {known.version} of {project.name}"
    if known.state == "timed out":
        return (
            f"{what} waited for an answer from {_at(known.asked)} to {_at(known.until)} and is rejected: retrain on "
            f"newer rows, or take it upon you with: rarecall promote --version {known.version} --force --reason TEXT; "
            "gates.approval_timeout says how long a candidate waits"
        )
    said = f"{what} was {known.state} by {known.who} at {_at(known.answered or known.asked)} ({known.why})"
    if known.state == "approved":
        return f"{said}; take it back with: rarecall demote ALIAS --reason TEXT, or rarecall rollback"
    return f"{said}; take it upon you with: rarecall promote --version {known.version} --force --reason TEXT"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%MZ}"
