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
        # By the labels as they were delivered: an answer must not move a row into a part that it was not in, or a
        # champion would be compared on rows that it had learned from.
        answers = pd.read_parquet(training_set.file("answers.parquet")).set_index("row_id")
        given = rows["row_id"].map(answers["given"]).fillna(rows["label"]).astype(rows["label"].dtype)
        part = parts.assign(rows.assign(label=given), project.split, timed=timed, seed=project.seed)
        rows[["row_id"]].assign(part=part).to_parquet(draft.folder / "parts.parquet", index=False)
        draft.facts.update(parts.summary(rows, part, timed=timed), immature=training_set.facts["immature"])

    recipe = {
        "split": project.split.model_dump(mode="json"),
        "timed": project.timestamp is not None,
        "seed": project.seed,
    }
    return Plan(kind="splits", recipe=recipe, inputs=(training_set,), write=write)
