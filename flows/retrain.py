"""The main job: from a source table to a registered, tagged model, or to the reason why not."""

import os
from pathlib import Path
from typing import Any

from prefect import flow

from flows.alone import alone
from flows.approval import take_answers, wait
from flows.classes import each
from rarecall.project import load_each
from tasks.accept import accept
from tasks.approve import ask
from tasks.augment import augment
from tasks.cause import settle_cause, taking
from tasks.compare_arms import compare_arms
from tasks.decide import decide
from tasks.evaluate import evaluate
from tasks.explain import explain
from tasks.ingest import ingest
from tasks.inspect import inspect
from tasks.judge_labels import judge_labels
from tasks.mend import repair
from tasks.publish_dataset import publish_dataset
from tasks.publish_features import publish_features
from tasks.reference_report import reference_report
from tasks.register import register
from tasks.report import report
from tasks.retrieve import retrieve
from tasks.runs import begun
from tasks.sketch import sketch
from tasks.split import split
from tasks.train import train
from tasks.validate import validate


@flow(name="retrain", persist_result=False)
def retrain(
    project_file: str, home: str | None = None, only: str | None = None, trigger: str | None = None
) -> dict[str, Any]:
    """Run every stage that has not been run on these inputs, and return the run's record; one a rare class.

    With a trigger, an id of the trigger ledger, the run is that one's: it aims at its cohort, once.
    """
    project, *others = load_each(Path(project_file), os.environ, home=home, only=only)
    if others:
        return each([project, *others], lambda rare: retrain(project_file, home, rare))
    take_answers(project)
    with alone(project), begun(project), taking(project, trigger) as cause:
        if cause.refused:
            return cause.nothing
        project = cause.project
        repair(project, who="retrain")
        snapshot = ingest(project)
        verdict = validate(project, snapshot)
        accept(project, snapshot, verdict)
        view = publish_features(project, verdict)
        training_set = retrieve(project, snapshot, verdict, view)
        labels = judge_labels(project, snapshot, training_set)
        parts = split(project, training_set)
        arms = compare_arms(project, snapshot, training_set, labels, parts)
        dataset = augment(project, snapshot, training_set, labels, parts, arms)
        inspection = inspect(project, training_set, dataset)
        published = publish_dataset(project, dataset)
        sketched = sketch(project, dataset)
        model = train(project, arms, dataset)
        evaluation = evaluate(project, snapshot, dataset, labels, model)
        explanation = explain(project, dataset, model)
        decision = decide(project, dataset, inspection, model, evaluation)
        registration = register(project, view, dataset, model, evaluation, labels, decision, sketched)
        reference = reference_report(project, dataset)
        done = [snapshot, verdict, view, training_set, labels, parts, arms, dataset, inspection, published]
        done += [sketched, model, evaluation, explanation, decision, registration, reference]
        asked = ask(project, decision, registration)
        record = report(project, done, asked, cause)
        settle_cause(cause, registration, record)
    wait(project, asked)
    return record
