"""Labels as people review them: the last run's queue handed out, and their answers taken in."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from rarecall.doubt import answers, review
from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from rarecall.warehouse import Version
from tasks import runs
from tasks.ledger import known_entries, open_project_ledger
from tasks.shelf import warehouse

ANSWERED = "labels.answered"
SUGGESTED = "labels.suggested"


def export(project: Project, file: Path) -> dict[str, Any]:
    """Write the last run's review queue for a person to fill in; return where, and how many rows it asks about."""
    queue = pd.read_parquet(last_verdict(project).file("review.parquet"))
    review.write(queue, file)
    return {"file": str(file), "rows": len(queue)}


def apply(project: Project, file: Path, *, who: str, why: str) -> dict[str, Any]:
    """Take a person's answers into the ledger, all of a file or none; what it holds already is not written again.

    Returns
    -------
    dict
        `answers` in the file, by kind; `new`, how many of them the ledger did not hold; `unasked`, how many are about
        rows that no run in this home has asked about; `entry`, the ledger's number of what was written, or None.
    """
    said, held = answers.read(file), standing(project)
    asked = set(held)
    for verdict in _verdicts(project):
        asked |= set(pd.read_parquet(verdict.file("review.parquet"), columns=["fingerprint"])["fingerprint"])
    asked |= suggested(project)
    unasked = set(said) - asked
    if said and asked and len(unasked) == len(said):
        raise DataError(
            f"{file.name}: expected answers about rows that {project.name} has asked about, got none among "
            f"{len(said)}; was it exported from another project?"
        )
    new = {row: answer for row, answer in said.items() if held.get(row) != answer}
    entry = None
    if new:
        # One entry for one file: one person's act, written whole or not at all.
        payload = answers.payload(new, project.label)
        entry = open_project_ledger(project).append(ANSWERED, project.name, payload, who=who, why=why).number
    return {"answers": answers.counted(said.values()), "new": len(new), "unasked": len(unasked), "entry": entry}


def standing(project: Project) -> dict[str, str]:
    """Return the answers that hold in the project, by the rows' fingerprints."""
    entries = known_entries(project, ANSWERED)
    return answers.standing((entry.payload for entry in entries), project.label)


def suggested(project: Project) -> set[str]:
    """Return the fingerprints of all rows that were ever suggested to be labelled."""
    return {one for entry in known_entries(project, SUGGESTED) for one in entry.payload["rows"]}


def last_verdict(project: Project) -> Version:
    """Return the verdict of the last run, also of one that refused to go on after it had judged the labels."""
    verdicts, records = _verdicts(project), runs.folders(project)
    if verdicts and not (records and _made(records[-1]) > _made(Path(verdicts[-1].path))):
        return verdicts[-1]
    key = json.loads((records[-1] / runs.RECORD).read_text()).get("label_verdict") if records else None
    for verdict in verdicts:
        if verdict.key == key:
            return verdict
    raise StoreError(
        f"{project.name} has no label verdict yet in {project.stores.home}; make one with: rarecall retrain"
    )


def _verdicts(project: Project) -> list[Version]:
    """Return the project's label verdicts, oldest first; a home may hold more than one project."""
    return [one for one in warehouse(project).versions("label_verdicts") if one.facts.get("project") == project.name]


def _made(folder: Path) -> int:
    return folder.stat().st_mtime_ns
