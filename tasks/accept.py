"""Write down that a snapshot was accepted, and find the one with which the next is compared."""

from pathlib import Path

from prefect.artifacts import create_link_artifact
from prefect.context import FlowRunContext

from rarecall.project import Project
from rarecall.warehouse import Version
from tasks.ledger import open_project_ledger
from tasks.shelf import warehouse
from tasks.stage import Done

ACCEPTED = "snapshot.accepted"


def accept(project: Project, taken: Done, verdict: Done) -> None:
    """Append the acceptance to the ledger, once for a snapshot and its verdict, and link the verdict's Data Docs."""
    ledger = open_project_ledger(project)
    payload = {"snapshot": taken.version.key, "verdict": verdict.version.key}
    if all(entry.payload != payload for entry in ledger.entries(ACCEPTED, project.name)):
        ledger.append(ACCEPTED, project.name, payload, who="retrain", why="no critical expectation failed")
    if FlowRunContext.get():
        create_link_artifact(
            key="data-docs", link=(Path(verdict.version.path) / "data_docs.html").as_uri(), link_text="Data Docs"
        )


def reference_of(project: Project, taken: Version) -> Version | None:
    """Return the verdict on the newest snapshot that was accepted before this one was for the first time.

    So a snapshot that is judged again is compared with the same one, and its verdict is found again.
    """
    before: list[str] = []
    for entry in open_project_ledger(project).entries(ACCEPTED, project.name):
        if entry.payload["snapshot"] == taken.key:
            break
        before.append(entry.payload["verdict"])
    found = (warehouse(project).find("verdicts", key) for key in reversed(before))
    return next((verdict for verdict in found if verdict and verdict.file("profile.json").exists()), None)
