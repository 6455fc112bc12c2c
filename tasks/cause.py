"""The cause of a retrain: the trigger that it claims, the cohort that it aims at, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitoring.watched import CROSSED
from rarecall.errors import redacted
from rarecall.project import Project
from tasks.triggers import open_project_triggers

if TYPE_CHECKING:
    from tasks.stage import Done

WHO = "retrain"
TAG = "rarecall.trigger"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a retrain runs.

    Attributes
    ----------
    project : Project
        Aimed at the cohort that was breached, where there is one and the project lets it be.
    trigger : str or None
        None where nobody's breach is the cause.
    finding : dict or None
    refused : str or None
        Why this run has nothing to do: its trigger was taken already.
    """

    project: Project
    trigger: str | None = None
    finding: dict[str, Any] | None = None
    refused: str | None = None

    def as_dict(self) -> dict[str, Any] | None:
        """Return it JSON-ready; None where there is no trigger."""
        if self.trigger is None:
            return None
        return {"trigger": self.trigger, "finding": self.finding, "target": self.project.augmentation.target}

    @property
    def nothing(self) -> dict[str, Any]:
        """Return what a run that has nothing to do returns."""
        return {"project": self.project.name, "trigger": self.trigger, "skipped": self.refused}


@contextmanager
def taking(project: Project, trigger: str | None) -> Iterator[Cause]:
    """Claim a trigger for this run while the home is held; what fails makes it due again.

    Raises
    ------
    DataError
        There is no such trigger: an event alone starts nothing.
    """
    from prefect.runtime import flow_run

    if trigger is None:
        yield Cause(project=project)
        return
    triggers = open_project_triggers(project)
    refused = triggers.claim(trigger, run=str(flow_run.id), who=WHO)
    finding = triggers.get(trigger).finding
    cause = Cause(project=_aimed(project, finding), trigger=trigger, finding=finding, refused=refused)
    if refused:
        yield cause
        return
    try:
        yield cause
    except Exception as error:
        said = redacted((str(error) or repr(error)).splitlines()[0])
        triggers.lost(trigger, who=WHO, why=f"its retrain failed: {said}")
        raise


def settle_cause(cause: Cause, registration: Done, record: dict[str, Any]) -> None:
    """Write down what came of a trigger's retrain, and tag the version that it made with it."""
    from serving import registry

    if cause.trigger is None or cause.finding is None:
        return
    version, decision = str(record["model_version"]), record["decision"]
    is_new = registration.state == "completed"
    if is_new:
        client = registry.connect(cause.project)
        tags = {TAG: cause.trigger, f"{TAG}.cause": spoken(cause.finding)}
        run = client.get_model_version(cause.project.name, version).run_id
        for name, value in tags.items():
            client.set_model_version_tag(cause.project.name, version, name, value)
            client.set_tag(run, name, value)
    outcome = {
        "run_id": record["run_id"],
        "version": version,
        "dataset_version": record["dataset_version"],
        "verdict": decision["verdict"],
        "aliases": record["aliases"],
        "target": cause.project.augmentation.target,
        "is_new": is_new,
    }
    said = (
        f"version {version}: {decision['said']}" if is_new else f"nothing new to learn from; version {version} stands"
    )
    open_project_triggers(cause.project).done(cause.trigger, outcome, who=WHO, why=said)


def spoken(finding: dict[str, Any]) -> str:
    """Return a finding in one line.

    >>> spoken({"cohort": "region", "value": "north", "recall": 0.512, "limit": 0.8, "against": "objective"})
    'recall in region north is 0.51 where the objective is 0.80'
    """
    where = f" in {finding['cohort']} {finding['value']}" if finding["value"] else ""
    got = "not known" if finding["recall"] is None else f"{finding['recall']:.2f}"
    return f"recall{where} is {got} where the {finding['against']} is {finding['limit']:.2f}"


def _aimed(project: Project, finding: dict[str, Any]) -> Project:
    """Return the project with its synthetic rows aimed at the finding's cohort, where it is one of the project's."""
    target = target_of(project, finding)
    if target is None or not project.triggers.target or project.augmentation.sampler == "none":
        return project
    aimed = project.augmentation.model_copy(update={"target": target})
    return project.model_copy(update={"augmentation": aimed})


def target_of(project: Project, finding: dict[str, Any]) -> dict[str, str] | None:
    """Return the cohort value of a finding, or of a crossing each of its values; None where it is about all rows."""
    cohort, value = finding["cohort"], finding["value"]
    watched = {one.column for one in project.cohorts}
    if cohort in watched and value:
        return {cohort: value}
    columns, values = cohort.split(CROSSED), value.split(CROSSED)
    if len(columns) > 1 and len(columns) == len(values) and watched.issuperset(columns):
        return dict(zip(columns, values, strict=True))
    return None
