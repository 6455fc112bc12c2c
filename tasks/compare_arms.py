"""Compare the arms: what the training rows say of class weights and synthetic rows, before any is shipped."""

from typing import Literal

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


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
        from tasks.teaching import teaching

        configured = Arm(
            strategy=weighing if fallback else "threshold" if sampler.sampler == "none" else "adasyn",
            learner=project.training.learner,
            parameters=project.training.parameters,
            k=sampler.k,
            synthetic_share=sampler.synthetic_share,
        )
        if fallback or not ablation.compare:
            why = fallback or "trained as configured: ablation.compare is false"
            draft.facts.update(trials.untried(configured, why))
            return
        rows = pd.read_parquet(training_set.file("rows.parquet"))
        train = teaching(project, rows, pd.read_parquet(parts.file("parts.parquet"))["part"], judged)
        bench = Bench(
            rows=train.rows,
            kinds=taken.facts["features"],
            weight=train.weight,
            eligible=train.eligible,
            training=project.training,
            augmentation=sampler,
            rules=rules,
            most_rows=ablation.rows,
        )
        facts = trials.compare(
            bench,
            arms(project.training, sampler, ablation, project.gates),
            ablation=ablation,
            gates=project.gates,
            precision_floor=floor,
            moments=train.rows["event_timestamp"] if project.timestamp else None,
            groups=train.groups,
            seed=project.seed,
        )
        if ablation.ship == "configured":
            said = "trained as configured (ablation.ship), whatever the comparison says"
            facts |= trials.named(configured) | {"reasons": [said, *facts["reasons"]]}
        draft.facts.update(facts)

    sampler = project.augmentation
    weighing: Literal["threshold", "class_weights"] = (
        "threshold" if known.KNOWN[project.training.learner].balances else "class_weights"
    )
    recipe = {
        "ablation": ablation.model_dump(mode="json"),
        "training": project.training.model_dump(mode="json", include={"learner", "parameters"}),
        "augmentation": sampler.model_dump(mode="json"),
        "gates": project.gates.model_dump(
            mode="json", include={"confidence", "min_positives", "synthetic_share_min", "synthetic_share_max"}
        ),
        "precision_floor": floor,
        "fallback": fallback,
        "max_dropped": project.labels.max_dropped,
        "rules": rules,
        "seed": project.seed,
        **known.versions([project.training.learner, *ablation.learners]),
    }
    return Plan(kind="ablations", recipe=recipe, inputs=(taken, training_set, judged, parts), write=write)
