"""Split the training set: what teaches, what chooses the threshold, what nothing learns from."""

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def split(project: Project, training_set: Version) -> Plan:
    """Plan the part of every row; all of them are real."""

    def write(draft: Draft) -> None:
        from rarecall import split as parts

        rows = pd.read_parquet(training_set.file("rows.parquet"), columns=["row_id", "event_timestamp", "label"])
        timed = project.timestamp is not None
        part = parts.assign(rows, project.split, timed=timed, seed=project.seed)
        rows[["row_id"]].assign(part=part).to_parquet(draft.folder / "parts.parquet", index=False)
        draft.facts.update(parts.summary(rows, part, timed=timed), immature=training_set.facts["immature"])

    recipe = {
        "split": project.split.model_dump(mode="json"),
        "timed": project.timestamp is not None,
        "seed": project.seed,
    }
    return Plan(kind="splits", recipe=recipe, inputs=(training_set,), write=write)
