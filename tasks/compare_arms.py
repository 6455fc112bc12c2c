"""Compare the arms: what the training rows say of class weights and synthetic rows, before any is shipped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rarecall import transformations
from rarecall.project import Project
from rarecall.sections import Augmentation
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tasks.teaching import Teaching


@stage
def compare_arms(project: Project, taken: Version, training_set: Version, judged: Version, parts: Version) -> Plan:
    """Plan the ablation. Validation and holdout rows have no part in it."""
    from rarecall.doubt import screening
    from rarecall.learners import known

    ablation = project.ablation
    rules = project.expectations.rules_over(taken.facts["features"])
    fallback = screening.fallback(judged.facts, project.labels, project.gates)
    floor = min(1.0, project.gates.minority_precision + project.training.precision_margin)

    def write(draft: Draft) -> None:
        from rarecall.arms import ablation as trials
        from rarecall.arms.arm import Arm, arms
        from rarecall.arms.trial import Bench
        from tasks.cluster import fits
        from tasks.teaching import teaching

        configured = Arm(
            strategy=weighing if fallback else asked_for,
            learner=project.training.learner,
            parameters=project.training.parameters,
            k=sampler.k,
            synthetic_share=sampler.synthetic_share,
            target=sampler.target,
        )
        if fallback or not (ablation.compare or configured.target):
            why = fallback or "trained as configured: ablation.compare is false"
            draft.facts.update(trials.untried(configured, why))
            return
        rows = pd.read_parquet(training_set.file("rows.parquet"))
        train = teaching(project, rows, pd.read_parquet(parts.file("parts.parquet"))["part"], judged)
        inside = _inside(project, train) if configured.target else None
        if inside is not None and (few := _too_few(train, inside, sampler)):
            # What cannot be drawn is neither tried nor shipped; the retrain goes on without it.
            configured, inside, drawn = replace(configured, target=None), None, _untargeted(sampler)
        else:
            few, drawn = None, sampler
        if not ablation.compare:
            why = "trained as configured: ablation.compare is false"
            draft.facts.update(trials.untried(configured, f"{why}; {few}" if few else why))
            return
        bench = Bench(
            rows=train.rows,
            kinds=taken.facts["features"],
            weight=train.weight,
            eligible=train.eligible,
            training=project.training,
            augmentation=drawn,
            rules=rules,
            inside=inside,
            most_rows=ablation.rows,
        )
        with fits(project.stores.compute) as where:
            facts = trials.compare(
                bench,
                arms(project.training, drawn, ablation, project.gates),
                ablation=ablation,
                gates=project.gates,
                precision_floor=floor,
                moments=train.rows["event_timestamp"] if project.timestamp else None,
                groups=train.groups,
                seed=project.seed,
                fits=where,
            )
        if ablation.ship == "configured":
            said = "trained as configured (ablation.ship), whatever the comparison says"
            facts |= trials.named(configured) | {"reasons": [said, *facts["reasons"]]}
        draft.facts.update(facts | {"reasons": [*facts["reasons"], few]} if few else facts)

    sampler = project.augmentation
    weighing = "threshold" if known.KNOWN[project.training.learner].balances else "class_weights"
    without_rows = "threshold" if project.training.under == "none" else project.training.under
    asked_for = without_rows if sampler.sampler == "none" else sampler.sampler
    recipe = {
        **({"cohorts": [cohort.model_dump(mode="json") for cohort in project.cohorts]} if sampler.target else {}),
        "ablation": ablation.model_dump(mode="json"),
        "training": project.training.model_dump(
            mode="json", include={"learner", "parameters", "under", "under_parameters"}
        ),
        "augmentation": sampler.model_dump(mode="json"),
        "gates": project.gates.model_dump(
            mode="json", include={"confidence", "min_positives", "synthetic_share_min", "synthetic_share_max"}
        ),
        "precision_floor": floor,
        "fallback": fallback,
        "max_dropped": project.labels.max_dropped,
        "rules": rules,
        "seed": project.seed,
        **known.versions(_learners(project)),
        **transformations.recipe(sampler),
    }
    return Plan(kind="ablations", recipe=recipe, inputs=(taken, training_set, judged, parts), write=write)


def _learners(project: Project) -> list[str]:
    """Return every learner that is tried, those among the strategies too."""
    from rarecall.learners.known import KNOWN

    ablation = project.ablation
    return [project.training.learner, *ablation.learners, *(name for name in ablation.strategies if name in KNOWN)]


def _inside(project: Project, train: Teaching) -> NDArray[np.bool_]:
    from rarecall import cohorts

    return cohorts.within(cohorts.assign(train.rows, project.cohorts), project.augmentation.target or {})


def _too_few(train: Teaching, inside: NDArray[np.bool_], sampler: Augmentation) -> str | None:
    """Return why nothing can be drawn of the target, or None where it can."""
    from rarecall.cohorts import spoken

    usable = int((inside & train.eligible & (train.rows["label"] == 1).to_numpy()).sum())
    if usable > sampler.k:
        return None
    return (
        f"no synthetic rows for {spoken(sampler.target or {})} alone: {sampler.k} neighbours need more trusted "
        f"positive training rows there than {usable}"
    )


def _untargeted(sampler: Augmentation) -> Augmentation:
    return sampler.model_copy(update={"target": None})
