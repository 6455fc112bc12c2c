"""`rarecall up` and `rarecall down`: what the loop needs on one machine, begun, watched and stopped together."""

import json
import signal
from pathlib import Path
from typing import Annotated

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, prepare


def up(
    project: ProjectFile = Path(),
    prefect_port: Annotated[int, typer.Option(min=1, max=65535, help="Of Prefect's server and its page.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(min=1, max=65535, help="Of MLflow's server and its page.")] = 5000,
    router_port: Annotated[int, typer.Option(min=1, max=65535, help="Of the server that answers.")] = 8000,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Start Prefect's server, the deployments, a worker, MLflow's server and the router, until Ctrl-C; see the logs."""
    from rarecall.project import FILE

    loaded = prepare(project, home)
    from tasks.stack import addresses, stack
    from tasks.supervisor import Supervisor

    file = (project / FILE if project.is_dir() else project).absolute()
    ports = {"prefect": prefect_port, "mlflow": mlflow_port, "router": router_port}
    children = stack(loaded, file, ports)
    at = addresses(children)

    def ready() -> None:
        if as_json:
            print(json.dumps({"project": loaded.name, "home": loaded.stores.home, **at}), flush=True)  # noqa: T201
            return
        for name, url in at.items():
            console.say(f"  {name:<8} {url}")
        console.say(f"logs: {Path(loaded.stores.home) / 'logs'}; Ctrl-C stops all")
        console.say(f"for commands of yours: export PREFECT_API_URL={at['prefect']}/api")

    say = (lambda _line: None) if as_json else console.say
    supervisor = Supervisor(children, Path(loaded.stores.home), say=say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, supervisor.stop)
    supervisor.run(ready)


def down(project: ProjectFile = Path(), home: Home = None, as_json: AsJson = False) -> None:
    """Stop what `rarecall up` started in this home, also where the one that watched it was killed."""
    loaded = prepare(project, home)
    from tasks.take_down import take_down

    stopped = take_down(Path(loaded.stores.home))
    if as_json:
        print(json.dumps({"project": loaded.name, "stopped": stopped}))  # noqa: T201 - its one object
    else:
        console.say(f"stopped: {', '.join(stopped)}" if stopped else f"nothing is up in {loaded.stores.home}")
