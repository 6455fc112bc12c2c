"""Augment the training part and put the dataset version together: real rows, synthetic rows, lineage."""

import pandas as pd
import pyarrow.parquet as pq

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def augment(project: Project, taken: Version, training_set: Version, judged: Version, parts: Version) -> Plan:
    """Plan the dataset version. Its key is the dataset version; validation and holdout hold real rows only."""

    def write(draft: Draft) -> None:
        from rarecall import augmentation

        rows = pd.read_parquet(training_set.file("rows.parquet")).drop(columns=project.entity)
        part = pd.read_parquet(parts.file("parts.parquet"))["part"]
        weight = pd.read_parquet(judged.file("labels.parquet"))["weight"]
        train = rows[part == "train"].reset_index(drop=True)
        made = augmentation.augment(
            train,
            taken.facts["features"],
            weight[part == "train"].to_numpy() > 0,
            project.augmentation,
            first_id=taken.facts["rows"],
            seed=project.seed,
        )
        augmentation.together(train, made.rows).to_parquet(draft.folder / "train.parquet", index=False)
        for name in ("validation", "holdout"):
            rows[part == name].to_parquet(draft.folder / f"{name}.parquet", index=False)
        if made.lineage is not None:
            pq.write_table(made.lineage, draft.folder / "lineage.parquet")
        draft.facts.update(
            made.facts, rows=len(train) + len(made.rows), features=taken.facts["features"], seed=project.seed
        )

    recipe = {"augmentation": project.augmentation.model_dump(mode="json"), "seed": project.seed}
    return Plan(kind="datasets", recipe=recipe, inputs=(taken, training_set, judged, parts), write=write)
