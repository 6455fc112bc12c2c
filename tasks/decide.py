"""Decide: the candidate against the gates, and against the champion on the same holdout rows."""

import json
from typing import Any

import pandas as pd

from rarecall.errors import DataError
from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def decide(project: Project, dataset: Version, inspection: Version, trained: Version, evaluation: Version) -> Plan:
    """Plan the decision, made once for a candidate: who was champion then is part of the record, not of the key."""

    def write(draft: Draft) -> None:
        from rarecall import decision
        from serving import registry

        client = registry.connect(project)
        champion = registry.at_alias(client, project.name, registry.CHAMPION)
        beside: dict[str, Any] = {"comparison": None, "champion_sli": None, "champion_curve": None}
        if champion:
            holdout = pd.read_parquet(dataset.file("holdout.parquet"))
            flagged = pd.read_parquet(evaluation.file("scores.parquet"))["flagged"]
            beside = _beside(project, holdout, flagged, registry.load(client, champion), str(champion.version))
        augmented = dataset.facts["sampler"] != "none"
        limited = project.gates.latency_ms_max is not None
        made = decision.decide(
            evaluation.facts["sli"],
            project.gates,
            champion=beside.pop("comparison"),
            augmented=augmented,
            synthetic=inspection.facts["figures"],
            latency=_latency(dataset, trained, project.gates.confidence) if limited else None,
            notes=[dataset.facts["fallback"]] if dataset.facts["fallback"] else [],
        )
        alias = None
        if made.verdict == "promote":
            alias = registry.CHALLENGER if champion else registry.CHAMPION
        (draft.folder / "decision.json").write_text(json.dumps(made.as_dict(), indent=1))
        draft.facts.update(made.as_dict(), **beside, alias=alias)

    # How long a person may take is no part of what was decided.
    gates = project.gates.model_dump(mode="json", exclude={"approval_timeout"})
    recipe = {"gates": gates, "model": project.name}
    return Plan(kind="decisions", recipe=recipe, inputs=(dataset, inspection, trained, evaluation), write=write)


def _latency(dataset: Version, trained: Version, confidence: float) -> dict[str, Any]:
    """Time the served model; only where a gate reads it, for then the decision's bytes depend on the machine."""
    from rarecall import latency
    from serving import model

    holdout = pd.read_parquet(dataset.file("holdout.parquet"))
    served = model.load(trained.file(model.FILE))
    answer = served.predict if trained.facts["threshold_policy"]["by"] else served.predict_proba
    return latency.measure(answer, holdout, confidence=confidence)


def _beside(
    project: Project, holdout: pd.DataFrame, flagged: "pd.Series[bool]", champion: Any, version: str
) -> dict[str, Any]:
    """Score the champion on the candidate's holdout, and put the two side by side."""
    from rarecall import cohort_threshold, cohorts, comparison, sli, training

    if gone := [name for name in champion.feature_names_in_ if name not in holdout]:
        raise DataError(
            f"champion version {version} reads {', '.join(gone)}, which the features no longer hold, so the two cannot "
            "be compared; bring the columns back, promote a version that reads none of them, or run: "
            "rarecall demote champion --reason TEXT"
        )
    named, gates = cohorts.assign(holdout, project.cohorts), project.gates
    score, threshold = training.score(champion, holdout), cohort_threshold.cuts(champion, holdout)
    measured = sli.measure(
        holdout["label"],
        score,
        threshold=threshold,
        cohorts=named,
        confidence=gates.confidence,
        min_positives=gates.min_positives,
        recall_floor=gates.minority_recall,
        precision_floor=gates.minority_precision,
        random_state=project.seed,
    )
    compared = comparison.compare(
        holdout["label"], flagged, score >= threshold, version=version, gates=gates, cohorts=named
    )
    return {"comparison": compared, "champion_sli": measured, "champion_curve": sli.curve(holdout["label"], score)}
