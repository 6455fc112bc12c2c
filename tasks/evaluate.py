"""Evaluate the model on the untouched holdout: figures with intervals, overall and by cohort."""

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage

_GATES = {"confidence", "min_positives", "minority_recall", "minority_precision"}


@stage
def evaluate(project: Project, taken: Version, dataset: Version, judged: Version, trained: Version) -> Plan:
    """Plan the service level indicators of the candidate."""

    def write(draft: Draft) -> None:
        from rarecall import cohort_threshold, cohorts, reliability, sli, training
        from serving import model

        served = model.load(trained.file(model.FILE))
        train = pd.read_parquet(dataset.file("train.parquet"))
        real, holdout = train[~train["is_synthetic"]], pd.read_parquet(dataset.file("holdout.parquet"))
        score, cuts = training.score(served, holdout), cohort_threshold.cuts(served, holdout)
        measured = sli.measure(
            holdout["label"],
            score,
            threshold=cuts,
            cohorts=cohorts.assign(holdout, project.cohorts),
            train=(real["label"], training.score(served, real), cohort_threshold.cuts(served, real)),
            confidence=project.gates.confidence,
            min_positives=project.gates.min_positives,
            recall_floor=project.gates.minority_recall,
            precision_floor=project.gates.minority_precision,
            random_state=project.seed,
        )
        noise, distance = judged.facts, dataset.facts["neighbor_distance"]
        target = dataset.facts.get("target")
        measured |= {
            "label_noise_rate": noise["noise_rate"],
            # Where rows were made for one cohort value, how many of its rows they are is what is judged.
            "synthetic_ratio": (target or dataset.facts)["synthetic_share"],
            **({"synthetic_of": cohorts.spoken(target["of"])} if target else {}),
            "neighbor_distance_median": distance["median"] if distance else None,
        }
        measured["intervals"]["label_noise_rate"] = [noise["low"], noise["high"]]
        holdout[["row_id", "label"]].assign(score=score, flagged=score >= cuts).to_parquet(
            draft.folder / "scores.parquet", index=False
        )
        before = training.uncalibrated(served)
        scores = {"before": training.score(before, holdout) if before else None, "after": score}
        asked = {"confidence": project.gates.confidence, "random_state": project.seed}
        draft.facts.update(
            sli=measured,
            curve=sli.curve(holdout["label"], score),
            reliability={
                when: None if got is None else reliability.measure(holdout["label"], got, **asked)
                for when, got in scores.items()
            },
            snapshot=taken.key,
        )

    recipe = {
        "cohorts": [cohort.model_dump(mode="json") for cohort in project.cohorts],
        "gates": project.gates.model_dump(mode="json", include=_GATES),
        "seed": project.seed,
    }
    return Plan(kind="evaluations", recipe=recipe, inputs=(taken, dataset, judged, trained), write=write)
