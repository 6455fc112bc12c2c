"""The record of a run: one JSON value that says what went in, what came out and why, for people and auditors."""

from datetime import datetime
from pathlib import Path
from typing import Any

import rarecall
from rarecall.decision import SAID
from rarecall.project import Project
from rarecall.warehouse import Version


def compose(
    project: Project,
    versions: dict[str, Version],
    stages: list[dict[str, Any]],
    *,
    run_id: str,
    started: datetime,
    seconds: float,
    git: str,
    aliases: list[str],
    links: list[dict[str, str]],
    measured: dict[str, Any],
    approval: dict[str, Any] | None,
    cause: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Put the facts of a run's stages together.

    Parameters
    ----------
    project : Project
    versions : dict of str to Version
        The output of each stage by the stage's name.
    stages : list of dict
        `name`, `state` and `seconds` of each.
    run_id, started, seconds, git, aliases, links
        What only this run knows.
    measured : dict
        What a clock told of the model: `training` and `latency`, each where it was measured on this machine.
    approval : dict or None
        What a person was asked and answered, where the decision needs approval.
    cause : dict or None
        The trigger that started the run, with its finding and the target of the synthetic rows.

    Returns
    -------
    dict
        JSON-ready; `monitoring.report.render` draws it.
    """
    facts = {name: version.facts for name, version in versions.items()}
    decision, evaluation, dataset = facts["decide"], facts["evaluate"], facts["augment"]
    taken, registration = facts["ingest"], facts["register"]
    kept = ("rows", "columns", "positives", "prevalence", "first", "last", "forgotten")  # the last only where it is so
    curves = {"candidate": evaluation["curve"], "champion": decision["champion_curve"]}
    return {
        "run_id": run_id,
        "project": project.name,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "engine": rarecall.__version__,
        "git": git,
        "source": {"uri": _source(project), **{name: taken.get(name, 0) for name in kept}},
        "snapshot": versions["ingest"].key,
        "label_verdict": versions["judge_labels"].key,
        "inspection_version": versions["inspect"].key,
        "dataset_version": versions["augment"].key,
        "model_name": registration["model_name"],
        "model_version": registration["model_version"],
        "aliases": aliases,
        "decision": {name: decision[name] for name in ("verdict", "reasons", "gates", "champion", "alias")}
        | {"said": SAID[decision["verdict"]], "cause": cause and cause["trigger"]},
        "approval": approval,
        "cause": cause,
        "sli": evaluation["sli"],
        "champion_sli": decision["champion_sli"],
        "curves": curves | {"threshold": facts["train"]["threshold"], "prevalence": taken["prevalence"]},
        "calibration": facts["train"]["calibration"] | evaluation["reliability"],
        "threshold_policy": facts["train"]["threshold_policy"],
        "explanation": facts["explain"],
        "measured": measured,
        "gates": project.gates.model_dump(mode="json"),
        "validation": facts["validate"],
        "labels": facts["judge_labels"],
        "split": facts["split"],
        "arms": facts["compare_arms"],
        "augmentation": dataset | {"examples": _examples(project, dataset["examples"])},
        "inspection": facts["inspect"],
        "drift": facts["reference_report"],
        "stages": stages,
        "links": links,
    }


def _source(project: Project) -> str:
    """Name the source without the path of this machine, and never with a password."""
    if project.source.path:
        return Path(project.source.path).name
    return "what was delivered" if project.source.deliveries else "a SQL query"


def _examples(project: Project, examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave of the examples what a page may show that people copy and send: no row where none may leave."""
    if project.privacy.export:
        return examples
    return [{name: one[name] for name in ("parent_id", "neighbor_id", "step")} for one in examples]
