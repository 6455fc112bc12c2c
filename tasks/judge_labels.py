"""Judge the training set's labels, and put the doubted ones into a queue for a person."""

import importlib.metadata

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def judge_labels(project: Project, taken: Version, training_set: Version) -> Plan:
    """Plan a verdict on every labelled row (its score, what to do with it, its weight) and the review queue."""

    def write(draft: Draft) -> None:
        from rarecall import cohorts, labels
        from rarecall.doubt import answers, review

        rows, features = pd.read_parquet(training_set.file("rows.parquet")), taken.facts["features"]
        X, y, segments = rows[list(features)], rows["label"].to_numpy(), cohorts.assign(rows, project.cohorts)
        judged = labels.judge(
            X,
            y,
            positive=1,
            k=project.labels.k,
            cv=project.labels.folds,
            random_state=project.seed,
            kinds=features,
            max_dropped=project.labels.max_dropped,
        )
        answered = pd.read_parquet(training_set.file("answers.parquet"))
        answer = rows["row_id"].map(answered.set_index("row_id")["answer"])
        verdict = answers.settled(judged, answer)
        verdict.insert(0, "row_id", rows["row_id"])
        verdict.to_parquet(draft.folder / "labels.parquet", index=False)

        at = review.asked(verdict)
        review.queue(
            rows,
            verdict,
            at,
            names=answers.names(rows.iloc[at], project, features),
            neighbors=labels.disagreeing(X, y, at, k=project.labels.k, kinds=features),
            cohorts=segments,
            timed=project.timestamp is not None,
        ).to_parquet(draft.folder / "review.parquet", index=False)
        draft.facts.update(
            labels.summary(verdict, y, confidence=project.gates.confidence, cohorts=segments),
            project=project.name,
            actions={name: int((verdict["action"] == name).sum()) for name in ("keep", "weight", "review", "drop")},
            asked=len(at),
            answers=training_set.facts["answers"],
        )

    # An answer changes the training set, so its digest is in that input's key.
    recipe = {
        "labels": project.labels.model_dump(mode="json", exclude={"on_noise"}),
        "cohorts": [cohort.model_dump(mode="json") for cohort in project.cohorts],
        "named_by": [*project.entity, project.timestamp],
        "seed": project.seed,
        "confidence": project.gates.confidence,
        "cleanlab": importlib.metadata.version("cleanlab"),
    }
    return Plan(kind="label_verdicts", recipe=recipe, inputs=(taken, training_set), write=write)
