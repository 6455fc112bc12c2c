"""`rarecall deploy`: everything that a Prefect server is to run for a project, registered once or again."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer
from rarecall.errors import RarecallError


def deploy(
    project: ProjectFile = Path(),
    pool: Annotated[str, typer.Option(help="The work pool whose workers run it; made where there is none.")] = "local",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Register the scheduled retrain, monitor and canary, and the automation that a breach starts, on a server."""

    def work() -> dict[str, Any]:
        from flows.environment import configure
        from rarecall.project import FILE, load_each

        projects = load_each(project, os.environ, home=home)
        if not os.environ.get("PREFECT_API_URL"):
            raise RarecallError(
                "PREFECT_API_URL is not set: expected the address of a Prefect server, such as "
                "http://127.0.0.1:4200/api (prefect server start); without one, use: rarecall monitor --every 10m"
            )
        configure(os.environ, Path(projects[0].stores.home))
        from flows.canary import canary
        from flows.monitor import monitor
        from flows.retrain import retrain
        from tasks.deployments import register

        file = (project / FILE if project.is_dir() else project).absolute()
        named = str(Path(home).expanduser().absolute()) if home else None
        flows = {"retrain": retrain, "monitor": monitor, "canary": canary}
        return {
            "server": os.environ["PREFECT_API_URL"],
            "pool": pool,
            "deployments": register(projects, flows, file=str(file), home=named, pool=pool),
        }

    answer(work, _show, as_json=as_json)


def _show(found: dict[str, Any]) -> None:
    rows = [[one["deployment"], one["cron"], ", ".join(one["automations"]) or None] for one in found["deployments"]]
    console.table(f"deployments of work pool {found['pool']}", ["deployment", "cron", "automations"], rows)
    console.say(f"next: prefect worker start --pool {found['pool']}")
