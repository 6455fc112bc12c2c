"""Deployments: what a Prefect server runs for a project and when, and what starts the retrain that a breach asks for.

Applied again they are the same ones: a deployment is known by its name, its schedules are those of the project file,
and its automations are its own, removed and made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.deployments.runner import EntrypointType
from prefect.events import DeploymentEventTrigger
from prefect.events.schemas.automations import Posture
from prefect.exceptions import ObjectAlreadyExists, PrefectHTTPStatusError
from prefect.schedules import Cron

from rarecall.errors import StoreError, redacted
from rarecall.project import Project
from tasks.announce import BREACH, LOOKED

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

_ONCE = timedelta(seconds=60)


def register(
    projects: Sequence[Project], flows: dict[str, Flow[..., Any]], *, file: str, home: str | None, pool: str
) -> list[dict[str, Any]]:
    """Register the deployments of a project on the server of PREFECT_API_URL, with their schedules and automations.

    Parameters
    ----------
    projects : sequence of Project
        One for each rare class.
    flows : dict of str to Flow
        `retrain`, `monitor` and `canary`; a worker imports them by the names of their modules.
    file, home
        Paths on the worker's machine.
    pool : str
        The work pool; one of processes is made where there is none.

    Returns
    -------
    list of dict
        `deployment`, `id`, `cron` (or None), `automations` (their names).

    Raises
    ------
    StoreError
        The server cannot be reached, or refuses.
    """
    try:
        with get_client(sync_client=True) as client:
            _make_pool(client, pool)
        given = {"project_file": file, "home": home}
        return [
            _deploy(project, name, flow, given | {"only": only}, pool)
            for project in projects
            for only in [str(project.label.positive) if len(projects) > 1 else None]
            for name, flow in flows.items()
        ]
    except (httpx.HTTPError, PrefectHTTPStatusError, RuntimeError) as error:
        said = redacted(str(error).strip().split("\n")[0])
        raise StoreError(
            f"the Prefect server of PREFECT_API_URL could not be used: {said}; start one with: prefect server start"
        ) from error


def _deploy(project: Project, name: str, flow: Flow[..., Any], given: dict[str, Any], pool: str) -> dict[str, Any]:
    cron = getattr(project.schedule, name)
    triggers = _triggers(project, name, given)
    deployment = flow.to_deployment(
        name=project.name,
        parameters=given,
        # An empty list takes away the schedule that an earlier project file had.
        schedules=[Cron(cron, timezone=project.schedule.timezone)] if cron else [],
        triggers=triggers,
        concurrency_limit=1,
        tags=["rarecall", f"rarecall.model:{project.name}"],
        description=_SAYS[name],
        work_pool_name=pool,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    made = deployment.apply(work_pool_name=pool)
    return {
        "deployment": f"{name}/{project.name}",
        "id": str(made),
        "cron": cron,
        "automations": [str(trigger.name) for trigger in triggers],
    }


def _triggers(project: Project, name: str, given: dict[str, Any]) -> list[DeploymentEventTrigger]:
    if name == "retrain" and project.triggers.retrain:
        return [
            DeploymentEventTrigger(
                name=f"rarecall: a breach retrains {project.name}",
                description="The trigger ledger has decided already; the retrain claims its trigger, so twice is once.",
                expect={BREACH},
                match={"prefect.resource.id": "rarecall.trigger.*", "rarecall.model": project.name},
                for_each={"prefect.resource.id"},
                threshold=1,
                within=_ONCE,
                parameters=given | {"trigger": "{{ event.payload.trigger }}"},
            )
        ]
    if name == "monitor" and project.schedule.monitor:
        return [
            DeploymentEventTrigger(
                name=f"rarecall: nobody looks at {project.name}",
                description="The monitor has not been heard of: look now, which raises rarecall.monitor.failed too.",
                posture=Posture.Proactive,
                after={LOOKED},
                expect={LOOKED},
                match={"prefect.resource.id": f"rarecall.monitor.{project.name}"},
                for_each={"prefect.resource.id"},
                threshold=1,
                within=project.triggers.monitor_late,
                parameters=given,
            )
        ]
    return []


def _make_pool(client: SyncPrefectClient, pool: str) -> None:
    try:
        client.create_work_pool(WorkPoolCreate(name=pool, type="process"))
    except ObjectAlreadyExists:
        return


_SAYS = {
    "retrain": "From the table to a registered, tagged model, or to the reason why not.",
    "monitor": "Every cohort's recall as labels arrive; a breach that can be believed starts one retrain.",
    "canary": "The canary's verdict on what the prediction log knows by now.",
}
