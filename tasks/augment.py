"""Augment the training part and put the dataset version together: real rows, synthetic rows, lineage."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from rarecall import digest, transformations
from rarecall.project import Project
from rarecall.sections import Augmentation
from rarecall.tables import scan
from rarecall.warehouse import Draft, Version
from tasks.shelf import generators
from tasks.stage import Plan, stage

PARTS = ("train", "validation", "holdout")
LINEAGE = "lineage.parquet"
IN_BLOCKS = ("adasyn", "none")
"""Samplers that take a large table block by block; any other holds it in memory."""


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
        large = scan.is_large(training_set.facts["rows"]) and asked_for.sampler in IN_BLOCKS
        made = (_in_blocks if large else _at_once)(
            draft.folder, project, taken, training_set, judged, parts, asked_for, rules
        )
        if made.synthetic.lineage is not None:
            pq.write_table(made.synthetic.lineage, draft.folder / LINEAGE)
        draft.facts.update(
            made.synthetic.facts,
            rows=len(made.parts["train"]),
            dropped=made.dropped,
            down_weighted=made.down_weighted,
            fallback=fallback,
            features=taken.facts["features"],
            seed=project.seed,
            **_made_of(project, draft.folder, made.parts),
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


@dataclass(frozen=True, kw_only=True)
class _Made:
    parts: dict[str, Any]
    synthetic: Any
    dropped: int
    down_weighted: int


def _at_once(
    folder: Path,
    project: Project,
    taken: Version,
    training_set: Version,
    judged: Version,
    parts: Version,
    asked_for: Augmentation,
    rules: dict[str, str],
) -> _Made:
    """Write the three parts of a table that memory holds."""
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
    whole.to_parquet(folder / "train.parquet", index=False)
    for name in PARTS[1:]:
        rows[part == name].to_parquet(folder / f"{name}.parquet", index=False)
    return _Made(
        parts={"train": whole} | {name: rows[part == name] for name in PARTS[1:]},
        synthetic=made,
        dropped=train.dropped,
        down_weighted=int((train.weight < 1).sum()),
    )


def _in_blocks(
    folder: Path,
    project: Project,
    taken: Version,
    training_set: Version,
    judged: Version,
    parts: Version,
    asked_for: Augmentation,
    rules: dict[str, str],
) -> _Made:
    """Write the same of a table that memory does not hold; neighbours are then exact, wherever they are looked for."""
    from rarecall import augmentation, augmentation_parquet, cohorts
    from rarecall.compute import Compute
    from tasks.cluster import fits
    from tasks.teaching import screened

    rows, part = scan.Scan(training_set.file("rows.parquet")), pd.read_parquet(parts.file("parts.parquet"))["part"]
    inside = (part == "train").to_numpy()
    verdict = screened(project, rows["label"].to_numpy(), inside, judged)
    teaches = (verdict["action"] != "drop").to_numpy()
    real = rows[inside][teaches]
    weight, eligible = verdict["weight"].to_numpy()[teaches], (verdict["action"] == "keep").to_numpy()[teaches]
    among = len(real)
    if asked_for.target:
        named = cohorts.assign(real[[cohort.column for cohort in project.cohorts]], project.cohorts)
        of = cohorts.within(named, asked_for.target)
        among, eligible = int(of.sum()), eligible & of
    for name in PARTS[1:]:
        with scan.Writer(folder / f"{name}.parquet") as writer:
            for block in rows[(part == name).to_numpy()].blocks():
                writer.write(block.drop(columns=project.entity))
    columns = [name for name in [*rows.columns, "label_weight"] if name not in project.entity]
    with TemporaryDirectory(dir=folder) as aside, fits(project.stores.compute):
        file = Path(aside) / "teaching.parquet"
        with scan.Writer(file) as writer:
            for block in real.blocks():
                at = slice(block.index.start, block.index.stop)
                writer.write(block.assign(label_weight=weight[at], **{augmentation_parquet.ELIGIBLE: eligible[at]}))
        made = augmentation_parquet.augment(
            file,
            taken.facts["features"],
            asked_for,
            among=among,
            first_id=taken.facts["rows"],
            seed=project.seed,
            rules=rules,
            on_dask=not Compute.of(project.stores.compute).is_local,
        )
        with scan.Writer(folder / "train.parquet") as writer:
            for block in scan.Scan(file).blocks():
                writer.write(augmentation.marked(block.assign(is_synthetic=False), columns))
            writer.write(augmentation.marked(made.rows.assign(label_weight=1.0), columns))
    return _Made(
        parts={name: scan.Scan(folder / f"{name}.parquet") for name in PARTS},
        synthetic=made,
        dropped=int((~teaches).sum()),
        down_weighted=int((weight < 1).sum()),
    )


def _made_of(project: Project, folder: Path, parts: dict[str, Any]) -> dict[str, Any]:
    """Return what the version is made of: its digest, counts and schema, and the lineage file by its digest."""
    from rarecall import cohorts
    from rarecall.datasets import composition

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
