"""Check a snapshot against its expectations; rows that fail go to quarantine with their reasons."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from rarecall.errors import DataError
from rarecall.intake import snapshot
from rarecall.intake.quarantine import BETWEEN
from rarecall.project import Project
from rarecall.tables import scan
from rarecall.warehouse import Draft, Version
from tasks.accept import reference_of
from tasks.ingest import exempt
from tasks.stage import Plan, stage

PROFILE = "profile.json"
"""What the snapshots after this one are compared with."""

DATA_DOCS = "data_docs.html"


@stage
def validate(project: Project, taken: Version) -> Plan:
    """Plan the verdict on a snapshot: accepted and quarantined rows, together as many as were read.

    It is compared with the last accepted snapshot before it, whose verdict is an input.
    """
    before = reference_of(project, taken)
    stale = _is_stale(project, taken)

    def write(draft: Draft) -> None:
        from expectations.check import check
        from expectations.docs import page
        from expectations.reference import Reference, refer

        rows, kinds = scan.opened(taken.file("rows.parquet")), taken.facts["features"]
        reference = Reference.from_dict(json.loads(before.file(PROFILE).read_text())) if before else None
        verdict = check(rows, project, kinds, reference=reference, stale=stale, exempt=exempt(taken))
        docs = page(verdict, project.name, taken.key)
        if refusal := verdict.refusal():
            refused = Path(project.stores.home) / "refused" / f"{taken.key}.html"
            refused.parent.mkdir(parents=True, exist_ok=True)
            refused.write_text(docs)
            raise DataError(f"{refusal}; all that was asked is in {refused}")
        accepted, quarantined = rows[verdict.accepted], rows[~verdict.accepted]
        _keep(draft.folder, accepted, quarantined, verdict.reasons, project, taken)
        profile = refer(accepted, project, kinds)
        (draft.folder / PROFILE).write_text(json.dumps(profile.as_dict(), sort_keys=True, allow_nan=False))
        (draft.folder / DATA_DOCS).write_text(docs)
        draft.facts.update(
            expectations=verdict.expectations,
            findings=[finding.as_dict() for finding in verdict.findings],
            read=len(rows),
            accepted=len(accepted),
            quarantined=len(quarantined),
            released=int(accepted["row_id"].isin(list(exempt(taken))).sum()),
        )

    asked = {"entity", "timestamp", "label", "cohorts", "expectations"}
    recipe = project.model_dump(mode="json", include=asked, exclude={"label": {"table", "as_of"}})
    recipe |= {"name": project.name, "features": project.features.model_dump(mode="json"), "stale": stale}
    return Plan(kind="verdicts", recipe=recipe, inputs=(taken, before) if before else (taken,), write=write)


def _keep(
    folder: Path,
    accepted: Any,
    quarantined: Any,
    reasons: Mapping[int, tuple[str, ...]],
    project: Project,
    taken: Version,
) -> None:
    """Write both parts of a snapshot: what may be learned from, and what is held back with its reasons."""

    def learnable(block: pd.DataFrame) -> pd.DataFrame:
        return snapshot.learnable(block, taken.facts["features"], project, held_as)

    def reasoned(block: pd.DataFrame) -> pd.DataFrame:
        why = [BETWEEN.join(reasons[row]) for row in block["row_id"].tolist()]
        told = pd.Series(why, index=block.index, dtype=object)
        return block.assign(failed_expectations=told, snapshot_key=taken.key)

    held_as = snapshot.key_types(accepted, project)
    for name, rows, made in (("accepted", accepted, learnable), ("quarantine", quarantined, reasoned)):
        file = folder / f"{name}.parquet"
        if isinstance(rows, pd.DataFrame):
            made(rows).to_parquet(file, index=False)
            continue
        with scan.Writer(file, scan.types(taken.file("rows.parquet")) if name == "quarantine" else None) as writer:
            for block in rows.blocks():
                writer.write(made(block))


def _is_stale(project: Project, taken: Version) -> bool:
    """Tell whether the newest row is too old by now: the one thing that a clock decides, so it is in the recipe."""
    most, last = project.expectations.freshness, taken.facts["last"]
    now = project.label.as_of or datetime.now(UTC)  # what was known on a day is judged as on that day
    return bool(most and last) and now - datetime.fromisoformat(last) > most
