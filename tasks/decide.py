"""Decide: the candidate against the gates, and against the champion on the same holdout rows."""

import json

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def decide(project: Project, dataset: Version, trained: Version, evaluation: Version) -> Plan:
    """Plan the decision, made once for a candidate: who was champion then is part of the record, not of the key."""

    def write(draft: Draft) -> None:
        from rarecall import cohorts, decision, sli, training
        from serving import registry

        client = registry.connect(project)
        champion = registry.at_alias(client, project.name, registry.CHAMPION)
        comparison, beside = None, {"champion_sli": None, "champion_curve": None}
        if champion:
            holdout = pd.read_parquet(dataset.file("holdout.parquet"))
            scores = pd.read_parquet(evaluation.file("scores.parquet"))["score"]
            named = cohorts.assign(holdout, project.cohorts)
            served = registry.load(client, champion)
            theirs, limit = training.score(served, holdout), float(served.threshold)
            comparison = decision.compare(
                holdout["label"],
                scores >= trained.facts["threshold"],
                theirs >= limit,
                version=str(champion.version),
                gates=project.gates,
                cohorts=named,
            )
            beside = {
                "champion_sli": sli.measure(
                    holdout["label"],
                    theirs,
                    threshold=limit,
                    cohorts=named,
                    confidence=project.gates.confidence,
                    min_positives=project.gates.min_positives,
                    recall_floor=project.gates.minority_recall,
                    random_state=project.seed,
                ),
                "champion_curve": sli.curve(holdout["label"], theirs),
            }
        augmented = dataset.facts["sampler"] != "none"
        made = decision.decide(evaluation.facts["sli"], project.gates, champion=comparison, augmented=augmented)
        alias = None
        if made.verdict == "promote":
            alias = registry.CHALLENGER if champion else registry.CHAMPION
        (draft.folder / "decision.json").write_text(json.dumps(made.as_dict(), indent=1))
        draft.facts.update(made.as_dict(), **beside, alias=alias)

    recipe = {"gates": project.gates.model_dump(mode="json"), "model": project.name}
    return Plan(kind="decisions", recipe=recipe, inputs=(dataset, trained, evaluation), write=write)
