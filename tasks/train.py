"""Train the learner on the dataset version; calibrate it and choose its threshold on real validation rows."""

from typing import Any

import pandas as pd

from rarecall.project import Project
from rarecall.sections import Cohort, ThresholdPolicy
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage

_REPEATS = 100  # about a second; a gate on latency times more of them


@stage
def train(project: Project, compared: Version, dataset: Version) -> Plan:
    """Plan the fitted model with its calibrator and threshold inside, as one skops file, as the shipped arm trains."""
    from rarecall.arms.arm import Arm
    from rarecall.learners import known

    def write(draft: Draft) -> None:
        from rarecall import calibration, cohort_threshold, latency, training
        from serving import model
        from tasks import measured

        rows = pd.read_parquet(dataset.file("train.parquet"))
        unseen = pd.read_parquet(dataset.file("validation.parquet"))
        features = dataset.facts["features"]
        pipeline = training.estimator(learner, features, seed=project.seed)
        with measured.course() as course:
            weight = rows["label_weight"].to_numpy()
            training.fit(pipeline, *training.taught(learner, rows, features, weight, seed=project.seed))
        made = calibration.fit(unseen["label"], training.score(pipeline, unseen), learner.calibration)
        whole = training.calibrated(pipeline, made.classifier, unseen)
        score, calibrated = training.score(whole, unseen), made.method != "none"

        def choose(part: pd.DataFrame, scored: Any) -> tuple[Any, str]:
            return _threshold(learner.threshold, part, scored, floor, confidence, calibrated=calibrated)

        (chosen, aim), by_cohort = choose(unseen, score), None
        if cohort is None:
            served = training.with_threshold(whole, chosen.value, unseen)
        else:
            by_cohort = cohort_threshold.choose(
                unseen, score, cohort, chosen, lambda *part: choose(*part)[0], min_positives=least
            )
            served = cohort_threshold.with_thresholds(whole, cohort, by_cohort, chosen.value, unseen[list(features)])
            aim += f", by {cohort.column} where its rows can tell"
        answer = served.predict_proba if cohort is None else served.predict
        model.save(served, draft.folder / model.FILE)
        draft.measured.update(training=course, latency=latency.measure(answer, unseen, repeats=_REPEATS))
        draft.facts.update(
            learner=learner.learner,
            calibration={"method": made.method, "reason": made.reason},
            threshold=chosen.value,
            threshold_policy={"policy": learner.threshold.policy, "aim": aim, "by": by_cohort},
            validation={"recall": chosen.recall, "precision": chosen.precision, "floor_reached": chosen.reached},
        )

    learner = Arm(**compared.facts["shipped"]).training(project.training)
    floor = min(1.0, project.gates.minority_precision + project.training.precision_margin)
    confidence, least = project.gates.confidence, project.gates.min_positives
    cohort = _cohort(project, learner.threshold.by, dataset)
    recipe = {
        "training": learner.model_dump(mode="json", exclude={"explain"}),
        "threshold_by": cohort and cohort.model_dump(mode="json") | {"min_positives": least},
        "precision_floor": floor,
        "confidence": confidence,
        "seed": project.seed,
        **known.versions([learner.learner]),
    }
    return Plan(kind="models", recipe=recipe, inputs=(dataset,), write=write)


def _cohort(project: Project, by: str | None, dataset: Version) -> Cohort | None:
    """Return the cohort whose values have thresholds of their own; DataError where the model would not read it."""
    from rarecall import cohort_threshold

    if by is None:
        return None
    cohort_threshold.check(by, dataset.facts["features"])
    return next((one for one in project.cohorts if one.column == by), Cohort(column=by))


def _threshold(
    policy: ThresholdPolicy, rows: pd.DataFrame, score: Any, floor: float, confidence: float, *, calibrated: bool
) -> tuple[Any, str]:
    """Choose the threshold on rows that taught nothing, and say what it aims at."""
    from rarecall import threshold

    if policy.costs is not None:
        chosen = threshold.cheapest(rows["label"], score, policy.costs, calibrated=calibrated)
        return chosen, "the lowest cost of misses and false alarms"
    if policy.alerts_per_day is not None:
        budget, within = policy.alerts_per_day, policy.days_within
        day = rows["event_timestamp"].dt.tz_localize(None).dt.floor("D")  # it is in UTC
        chosen = threshold.within_budget(rows["label"], score, day, alerts_per_day=budget, days_within=within)
        days = f"{within:.0%} of the days" if chosen.reached else "every day of too few to promise more"
        return chosen, f"the highest recall within {budget:,} alerts a day on {days}"
    chosen = threshold.choose(rows["label"], score, precision_floor=floor, confidence=confidence)
    if chosen.reached:
        return chosen, f"the highest recall at a precision of {floor:.2f} or more, with {confidence:.0%} confidence"
    return chosen, f"the best F1, for no threshold holds a precision of {floor:.2f} with {confidence:.0%} confidence"
