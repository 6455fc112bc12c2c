"""Judge the training set's labels; suspects never seed a synthetic row."""

import importlib.metadata

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def judge_labels(project: Project, taken: Version, training_set: Version) -> Plan:
    """Plan a verdict on every labelled row: its score, what to do with it, its weight as a parent."""

    def write(draft: Draft) -> None:
        from rarecall import labels

        rows = pd.read_parquet(training_set.file("rows.parquet"))
        y = rows["label"].to_numpy()
        judged = labels.judge(
            rows, y, kinds=taken.facts["features"], cv=project.labels.folds, random_state=project.seed
        )
        judged.insert(0, "row_id", rows["row_id"])
        judged.to_parquet(draft.folder / "labels.parquet", index=False)
        draft.facts.update(labels.summary(judged, y, confidence=project.gates.confidence))

    recipe = {
        "labels": project.labels.model_dump(mode="json"),
        "seed": project.seed,
        "confidence": project.gates.confidence,
        "cleanlab": importlib.metadata.version("cleanlab"),
    }
    return Plan(kind="label_verdicts", recipe=recipe, inputs=(taken, training_set), write=write)
