"""Check a snapshot against its expectations; rows that fail go to quarantine with their reasons."""

import pandas as pd

from rarecall import snapshot
from rarecall.errors import DataError
from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def validate(project: Project, taken: Version) -> Plan:
    """Plan the verdict on a snapshot: accepted and quarantined rows, together as many as were read."""

    def write(draft: Draft) -> None:
        from expectations.check import check

        rows = pd.read_parquet(taken.file("rows.parquet"))
        verdict = check(rows, project, taken.facts["features"])
        if refusal := verdict.refusal():
            raise DataError(refusal)
        accepted, quarantined = rows[verdict.accepted], rows[~verdict.accepted]
        snapshot.learnable(accepted, taken.facts["features"], project).to_parquet(
            draft.folder / "accepted.parquet", index=False
        )
        quarantined.assign(
            failed_expectations=quarantined["row_id"].map(lambda row: "; ".join(verdict.reasons[row])),
            snapshot_key=taken.key,
        ).to_parquet(draft.folder / "quarantine.parquet", index=False)
        draft.facts.update(
            expectations=verdict.expectations,
            findings=[finding.as_dict() for finding in verdict.findings],
            read=len(rows),
            accepted=len(accepted),
            quarantined=len(quarantined),
        )

    recipe = project.model_dump(mode="json", include={"entity", "timestamp", "label", "cohorts"})
    return Plan(kind="verdicts", recipe=recipe, inputs=(taken,), write=write)
