"""`rarecall serve`: the models that the aliases name, over HTTP."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, prepare


def serve(
    project: ProjectFile = Path(),
    host: Annotated[str, typer.Option(help="The address; others than loopback ones ask for keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port.")] = 8000,
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Ask for API keys on a loopback address too, as behind a proxy.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Serve the champion, and a canary beside it, until Ctrl-C; aliases are followed as they move."""
    loaded = prepare(project, home)
    from tasks.serve import serve as run

    def begun() -> None:
        at = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if as_json:
            print(json.dumps({"project": loaded.name, "url": at}), flush=True)  # noqa: T201 - its one object
        else:
            console.say(f"{at} serves {loaded.name}; its page is /, its metrics are /metrics")

    run(loaded, host, port, with_keys=with_keys, begun=begun)
