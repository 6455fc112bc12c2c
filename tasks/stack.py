"""The stack of a project on one machine: which processes the loop needs, and where they answer."""

import sys
from pathlib import Path

from rarecall.project import Project
from tasks.supervisor import Child

_LOOPBACK = "127.0.0.1"
POOL = "local"


def stack(project: Project, file: Path, ports: dict[str, int]) -> list[Child]:
    """Return the children in the order in which they begin.

    Parameters
    ----------
    project : Project
    file : Path
        The project file.
    ports : dict of str to int
        `prefect`, `mlflow`, `router`.

    Returns
    -------
    list of Child
        MLflow's server is left out where the project names one of its own.
    """
    rarecall, here = str(Path(sys.executable).with_name("rarecall")), ["--home", str(project.stores.home)]
    api = {"PREFECT_API_URL": f"http://{_LOOPBACK}:{ports['prefect']}/api"}
    command = [sys.executable, "-m"]
    children = [
        Child(
            name="prefect",
            command=[*command, "prefect", "server", "start", "--host", _LOOPBACK, "--port", str(ports["prefect"])],
            port=ports["prefect"],
            health=f"{api['PREFECT_API_URL']}/health",
            environ=api,
        ),
        Child(
            name="deployments",
            command=[rarecall, "deploy", str(file), "--pool", POOL, *here],
            environ=api,
            once=True,
        ),
        Child(
            name="worker",
            command=[*command, "prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", "rarecall"],
            environ=api,
        ),
    ]
    if not (project.stores.mlflow or "").startswith("http"):
        children.append(_mlflow(project, ports["mlflow"]))
    children.append(
        Child(
            name="router",
            command=[rarecall, "serve", str(file), "--port", str(ports["router"]), *here],
            port=ports["router"],
            health=f"http://{_LOOPBACK}:{ports['router']}/healthz",
            environ=api,
        )
    )
    return children


def addresses(children: list[Child]) -> dict[str, str]:
    """Return where a person looks at each, by its name."""
    return {one.name: f"http://{_LOOPBACK}:{one.port}" for one in children if one.port is not None}


def _mlflow(project: Project, port: int) -> Child:
    from serving import registry

    if project.stores.mlflow is None:
        registry.folder(project).mkdir(parents=True, exist_ok=True)
    # No argument, which everybody on the machine can read: it may hold a password.
    environ = {"MLFLOW_BACKEND_STORE_URI": registry.uri(project)}
    return Child(
        name="mlflow",
        command=[sys.executable, "-m", "mlflow", "server", "--host", _LOOPBACK, "--port", str(port), "--workers", "1"],
        port=port,
        health=f"http://{_LOOPBACK}:{port}/health",
        environ=environ,
    )
