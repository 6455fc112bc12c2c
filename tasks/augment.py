"""Augment the training part and put the dataset version together: real rows, synthetic rows, lineage."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from rarecall import digest, transformations
from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.shelf import generators
from tasks.stage import Plan, stage

PARTS = ("train", "validation", "holdout")
LINEAGE = "lineage.parquet"


@stage
def augment(
    project: Project, taken: Version, training_set: Version, judged: Version, parts: Version, compared: Version
) -> Plan:
    """Plan the dataset version. Its key is the dataset version; validation and holdout hold real rows only.

    Synthetic rows are made only where the comparison of the arms shipped them; of that comparison the version keeps
    what was asked for, so that another learner alone makes no other rows. What the label verdict drops leaves the
    training part alone: validation and holdout keep every row.
    """
    from rarecall.arms.arm import Arm
    from rarecall.doubt import screening

    fallback = screening.fallback(judged.facts, project.labels, project.gates)
    asked_for = Arm(**compared.facts["shipped"]).augmentation(project.augmentation)
    rules = project.expectations.rules_over(taken.facts["features"])

    def write(draft: Draft) -> None:
        from rarecall import augmentation, cohorts
        from tasks.teaching import teaching

        rows = pd.read_parquet(training_set.file("rows.parquet"))
        part = pd.read_parquet(parts.file("parts.parquet"))["part"]
        train = teaching(project, rows, part, judged)
        rows = rows.drop(columns=project.entity)
        made = augmentation.augment(
            train.rows,
            taken.facts["features"],
            train.eligible,
            asked_for,
            first_id=taken.facts["rows"],
            seed=project.seed,
            rules=rules,
            inside=cohorts.within(cohorts.assign(train.rows, project.cohorts), asked_for.target)
            if asked_for.target
            else None,
            cache=str(generators(project)),
        )
        real = train.rows.assign(label_weight=train.weight)
        whole = augmentation.together(real, made.rows.assign(label_weight=1.0))
        whole.to_parquet(draft.folder / "train.parquet", index=False)
        for name in PARTS[1:]:
            rows[part == name].to_parquet(draft.folder / f"{name}.parquet", index=False)
        if made.lineage is not None:
            pq.write_table(made.lineage, draft.folder / LINEAGE)
        draft.facts.update(
            made.facts,
            rows=len(whole),
            dropped=train.dropped,
            down_weighted=int((train.weight < 1).sum()),
            fallback=fallback,
            features=taken.facts["features"],
            seed=project.seed,
            **_made_of(project, draft.folder, whole, rows[part != "train"].assign(part=part)),
        )

    recipe = {
        "augmentation": asked_for.model_dump(mode="json"),
        "fallback": fallback,
        "max_dropped": project.labels.max_dropped,
        "seed": project.seed,
        "rules": rules,
        "cohorts": [cohort.model_dump(mode="json") for cohort in project.cohorts],
        **transformations.recipe(asked_for),
    }
    return Plan(kind="datasets", recipe=recipe, inputs=(taken, training_set, judged, parts), write=write)


def _made_of(project: Project, folder: Path, train: pd.DataFrame, kept: pd.DataFrame) -> dict[str, Any]:
    """Return what the version is made of: its digest, counts and schema, and the lineage file by its digest."""
    from rarecall import cohorts
    from rarecall.datasets import composition

    parts = {"train": train} | {name: kept[kept["part"] == name] for name in PARTS[1:]}
    lineage = folder / LINEAGE
    written = {file.name: digest.of_file(file) for file in sorted(folder.glob("*.parquet"))}
    return {
        "digest": digest.of_value(written),
        "counts": {
            name: {
                "by_class": composition.by_class(rows),
                "by_cohort": composition.by_cohort(rows, cohorts.assign(rows, project.cohorts)),
            }
            for name, rows in parts.items()
        },
        "schema": composition.types(pq.read_schema(folder / "train.parquet")),
        "lineage": {"file": LINEAGE, "sha256": written[LINEAGE], "rows": pq.read_metadata(lineage).num_rows}
        if lineage.exists()
        else None,
    }
