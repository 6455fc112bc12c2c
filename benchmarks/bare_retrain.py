"""What a retrain computes, without its orchestrators: the other half of `benchmarks.overhead`.

It repeats the calls of the stages in `tasks/`, a function a stage, so that both compute the same; `benchmarks.overhead`
stops where they do not. `python -m benchmarks.bare_retrain FOLDER`, where the folder holds a project file.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from rarecall.project import Project, load


def bare(place: Path) -> dict[str, Any]:
    """Compute what a retrain computes, and return the figures of its model with the seconds of each part."""
    import warnings

    from flows.environment import configure

    warnings.simplefilter("ignore")
    project = load(place, os.environ)
    configure(os.environ, Path(project.stores.home))  # the same threads
    clock = _Clock()
    snapshot, kinds = _read(project)
    clock.lap("ingest")
    rows = _validated(project, snapshot, kinds)
    clock.lap("validate")
    verdict = _judged(project, rows, kinds)
    clock.lap("judge_labels")
    part, train, weight, eligible = _parts(project, rows, verdict)
    clock.lap("split")
    arm = _compared(project, train, weight, eligible, kinds)
    clock.lap("compare_arms")
    whole = _augmented(project, arm, train, weight, eligible, kinds, first_id=len(snapshot))
    clock.lap("augment")
    validation, holdout = rows[part == "validation"], rows[part == "holdout"]
    _inspected(project, rows, whole, validation, holdout, kinds)
    clock.lap("inspect")
    served, threshold = _trained(project, arm, whole, validation, kinds)
    clock.lap("train")
    sli = _measured(project, served, threshold, whole, holdout)
    clock.lap("evaluate")
    _explained(project, served, holdout, kinds)
    clock.lap("explain")
    _drift(project, whole, holdout, kinds)
    clock.lap("reference_report")
    return {"sli": sli, "parts": clock.laps}


class _Clock:
    """The seconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self._last = round(now - self._last, 3), now


def _read(project: Project) -> tuple[pd.DataFrame, dict[str, str]]:
    from rarecall.intake import snapshot, source

    taken, facts = snapshot.take(source.read(project.source, project.missing.markers), project)
    return taken, dict(sorted(facts["features"].items()))  # as a stage reads them of a version


def _validated(project: Project, taken: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """Return the labelled rows of those that are accepted, old enough to be trusted."""
    from expectations.check import check
    from expectations.docs import page
    from expectations.reference import refer
    from rarecall.intake import snapshot
    from rarecall.split import mature

    verdict = check(taken, project, kinds)
    page(verdict, project.name, "bare")
    accepted = taken[verdict.accepted]
    refer(accepted, project, kinds)
    learnable = snapshot.learnable(accepted, kinds, project)
    old = mature(learnable, pd.Timedelta(project.label.delay)) & learnable["label"].notna()
    wanted = dict.fromkeys(["row_id", "event_timestamp", "label", *project.entity, *kinds])
    return learnable.loc[old, list(wanted)].astype({"label": "int8"}).reset_index(drop=True)


def _judged(project: Project, rows: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    from rarecall import cohorts, labels
    from rarecall.doubt import answers, review

    X, y, segments = rows[list(kinds)], rows["label"].to_numpy(), cohorts.assign(rows, project.cohorts)
    judged = labels.judge(
        X,
        y,
        positive=1,
        k=project.labels.k,
        cv=project.labels.folds,
        random_state=project.seed,
        kinds=kinds,
        max_dropped=project.labels.max_dropped,
    )
    at = review.asked(judged)
    review.queue(
        rows,
        judged,
        at,
        names=answers.names(rows.iloc[at], project, kinds),
        neighbors=labels.disagreeing(X, y, at, k=project.labels.k, kinds=kinds),
        cohorts=segments,
        timed=True,
    )
    labels.summary(judged, y, confidence=project.gates.confidence, cohorts=segments)
    return judged


def _parts(project: Project, rows: pd.DataFrame, verdict: pd.DataFrame) -> tuple[Any, pd.DataFrame, Any, Any]:
    from rarecall import split
    from rarecall.doubt import screening

    part = split.assign(rows, project.split, timed=True, seed=project.seed)
    inside = (part == "train").to_numpy()
    screened = screening.screen(
        verdict[inside], rows["label"].to_numpy()[inside], max_dropped=project.labels.max_dropped
    )
    teaches = (screened["action"] != "drop").to_numpy()
    train = rows[inside][teaches].reset_index(drop=True)
    return part, train, screened["weight"].to_numpy()[teaches], (screened["action"] == "keep").to_numpy()[teaches]


def _compared(project: Project, train: pd.DataFrame, weight: Any, eligible: Any, kinds: dict[str, str]) -> Any:
    from rarecall.arms import ablation
    from rarecall.arms.arm import Arm, arms
    from rarecall.arms.trial import Bench

    drawn = project.augmentation
    ablation.compare(
        Bench(
            rows=train.drop(columns=project.entity),
            kinds=kinds,
            weight=weight,
            eligible=eligible,
            training=project.training,
            augmentation=drawn,
            rules={},
            most_rows=project.ablation.rows,
        ),
        arms(project.training, drawn, project.ablation, project.gates),
        ablation=project.ablation,
        gates=project.gates,
        precision_floor=_floor(project),
        moments=train["event_timestamp"],
        groups=train.groupby(project.entity, dropna=False).ngroup().to_numpy(),
        seed=project.seed,
    )
    return Arm(strategy="adasyn", learner=project.training.learner, k=drawn.k, synthetic_share=drawn.synthetic_share)


def _augmented(
    project: Project, arm: Any, train: pd.DataFrame, weight: Any, eligible: Any, kinds: dict[str, str], *, first_id: int
) -> pd.DataFrame:
    from rarecall import augmentation

    real = train.drop(columns=project.entity)
    drawn = arm.augmentation(project.augmentation)
    made = augmentation.augment(real, kinds, eligible, drawn, first_id=first_id, seed=project.seed, rules={})
    return augmentation.together(real.assign(label_weight=weight), made.rows.assign(label_weight=1.0))


def _inspected(
    project: Project,
    rows: pd.DataFrame,
    whole: pd.DataFrame,
    validation: pd.DataFrame,
    holdout: pd.DataFrame,
    kinds: dict[str, str],
) -> None:
    from expectations.dataset import check_dataset
    from rarecall import fidelity
    from rarecall.privacy import attack
    from tasks.inspect import ATTACKED

    check_dataset(whole, validation, holdout, rows, project, kinds)
    like = project.fidelity
    fidelity.measure(
        whole,
        holdout,
        kinds,
        rows=like.rows,
        folds=like.folds,
        confidence=project.gates.confidence,
        random_state=project.seed,
    )
    made = whole["is_synthetic"]
    attack(
        whole.loc[~made & (whole["label"] == 1), list(kinds)],
        whole.loc[made, list(kinds)],
        random_state=project.seed,
        kinds=kinds,
        max_rows=ATTACKED,
        time_limit=project.privacy.time_limit,
    )


def _trained(
    project: Project, arm: Any, whole: pd.DataFrame, validation: pd.DataFrame, kinds: dict[str, str]
) -> tuple[Any, float]:
    from rarecall import calibration, latency, threshold, training

    learner = arm.training(project.training)
    pipeline = training.estimator(learner, kinds, seed=project.seed)
    training.fit(pipeline, whole[list(kinds)], whole["label"].to_numpy(), whole["label_weight"].to_numpy())
    made = calibration.fit(validation["label"], training.score(pipeline, validation), learner.calibration)
    model = training.calibrated(pipeline, made.classifier, validation)
    chosen = threshold.choose(
        validation["label"],
        training.score(model, validation),
        precision_floor=_floor(project),
        confidence=project.gates.confidence,
    )
    served = training.with_threshold(model, chosen.value, validation)
    latency.measure(served.predict_proba, validation, repeats=100)
    return served, chosen.value


def _measured(
    project: Project, served: Any, threshold: float, whole: pd.DataFrame, holdout: pd.DataFrame
) -> dict[str, Any]:
    from rarecall import cohorts, reliability, sli, training

    real, score = whole[~whole["is_synthetic"]], training.score(served, holdout)
    measured = sli.measure(
        holdout["label"],
        score,
        threshold=threshold,
        cohorts=cohorts.assign(holdout, project.cohorts),
        train=(real["label"], training.score(served, real)),
        confidence=project.gates.confidence,
        min_positives=project.gates.min_positives,
        recall_floor=project.gates.minority_recall,
        precision_floor=project.gates.minority_precision,
        random_state=project.seed,
    )
    for one in (score, training.score(training.uncalibrated(served), holdout)):
        reliability.measure(holdout["label"], one, confidence=project.gates.confidence, random_state=project.seed)
    return measured


def _explained(project: Project, served: Any, holdout: pd.DataFrame, kinds: dict[str, str]) -> None:
    from rarecall import cohorts, explanation

    asked = {"confidence": project.gates.confidence, "random_state": project.seed}
    explanation.importance(served, holdout[list(kinds)], holdout["label"], **asked)
    explanation.confusion(holdout["label"], served.predict(holdout), cohorts.assign(holdout, project.cohorts))


def _drift(project: Project, whole: pd.DataFrame, holdout: pd.DataFrame, kinds: dict[str, str]) -> None:
    from monitoring import reference

    page = Path(project.stores.home) / "drift.html"
    watched = project.monitoring
    reference.write(whole[~whole["is_synthetic"]], holdout, kinds, page, rows=watched.report_rows, seed=project.seed)


def _floor(project: Project) -> float:
    return min(1.0, project.gates.minority_precision + project.training.precision_margin)


if __name__ == "__main__":
    print(json.dumps(bare(Path(sys.argv[1]))))
