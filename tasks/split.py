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
        part = pd.Series("train", index=rows.index, dtype=object)
        due = ~_early(rows, answers)
        part[due] = parts.assign(rows.assign(label=given)[due], project.split, timed=timed, seed=project.seed)
        rows[["row_id"]].assign(part=part).to_parquet(draft.folder / "parts.parquet", index=False)
        draft.facts.update(parts.summary(rows, part, timed=timed), immature=training_set.facts["immature"])

    # A row that was chosen to be asked about is no sample of what the model will meet, so it may teach and never judge.
    recipe = {
        "split": project.split.model_dump(mode="json"),
        "timed": project.timestamp is not None,
        "seed": project.seed,
    }
    return Plan(kind="splits", recipe=recipe, inputs=(training_set,), write=write)


def _early(rows: pd.DataFrame, answers: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows have a label only because a person was asked before it was due."""
    if "early" not in answers:  # a training set of before there were any
        return pd.Series(False, index=rows.index)
    return rows["row_id"].isin(answers.index[answers["early"]])
