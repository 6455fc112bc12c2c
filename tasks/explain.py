"""Explain the candidate on the untouched holdout: what its scores rest on, and what it does to each cohort."""

import importlib.metadata

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def explain(project: Project, dataset: Version, trained: Version) -> Plan:
    """Plan the explanation: importance by permutation, with SHAP where asked for, and each cohort's confusion."""
    method = project.training.explain

    def write(draft: Draft) -> None:
        from rarecall import cohorts, explanation, training
        from rarecall.shapley import shapley
        from serving import model

        served = model.load(trained.file(model.FILE))
        holdout = pd.read_parquet(dataset.file("holdout.parquet"))
        rows, asked = holdout[list(dataset.facts["features"])], {"confidence": confidence, "random_state": project.seed}
        by_cohort = cohorts.assign(holdout, project.cohorts)
        draft.facts.update(
            importance=None if method == "none" else explanation.importance(served, rows, holdout["label"], **asked),
            shap=shapley(training.learned(served), rows, **asked) if method == "shap" else None,
            confusion=explanation.confusion(holdout["label"], served.predict(holdout), by_cohort),
        )

    confidence = project.gates.confidence
    recipe = {
        "explain": method,
        "cohorts": [cohort.model_dump(mode="json") for cohort in project.cohorts],
        "confidence": confidence,
        "seed": project.seed,
        "scikit-learn": importlib.metadata.version("scikit-learn"),
    }
    return Plan(kind="explanations", recipe=recipe, inputs=(dataset, trained), write=write)
