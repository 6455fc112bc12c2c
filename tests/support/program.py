"""What a container's command line and environment say, held against the programs that read them."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, get_args

import click
import typer
from pydantic import BaseModel

OURS = {"RARECALL_HOME": "what --home says", "RARECALL_CLASS": "which of several rare classes"}


@dataclass(frozen=True)
class Container:
    """One of a compose file or of a pod: what it runs, with which words, variables and ports."""

    where: str
    image: str
    words: list[str]
    variables: list[str]
    ports: list[int] = field(default_factory=list)


def faults(container: Container) -> list[str]:
    """Return a sentence for each word that its program would refuse and each variable that nobody reads."""
    said = [_command(container.words)] if container.words else []
    said += [_variable(name) for name in container.variables]
    said += [_port(container.words, container.ports)]
    return [f"{container.where}: {one}" for one in said if one]


def _command(words: list[str]) -> str | None:
    program, *rest = words
    match program:
        case "rarecall":
            from flows.cli import app

            return _refused(typer.main.get_command(app), rest)
        case "mlflow":
            known = {*_words_of_mlflow(r'"(--[a-z-]+)"'), *_words_of_mlflow(r"^def (\w+)\(")}
            unknown = [one for one in rest if (one.startswith("--") or one == rest[0]) and one not in known]
            return f"mlflow refuses {unknown}" if unknown else None
        case "prefect":
            from cyclopts import CycloptsError
            from prefect.cli._app import _app

            try:
                _app.parse_args([one for one in rest if one != "--no-prompt"], exit_on_error=False, print_error=False)
            except CycloptsError as error:
                return f"prefect refuses {rest}: {error}"
        case _ if not program.startswith(("-", "redis-server")):
            return f"no program {program!r} is known"
    return None


def _refused(command: Any, words: list[str]) -> str | None:
    """Return why click refuses the words, as far as it reads them without running anything."""
    parent = None
    while isinstance(command, click.Group) or hasattr(command, "commands"):
        name, *words = words
        if name not in command.commands:
            return f"no command {name!r} of {command.name}"
        parent, command = click.Context(command, parent=parent), command.commands[name]
    try:
        command.make_context(command.name, list(words), parent=parent)
    except Exception as error:  # noqa: BLE001 - typer and click raise their own kinds
        return f"{command.name} refuses {words}: {error}"
    return None


def _variable(name: str) -> str | None:
    if name.startswith("RARECALL__"):
        from rarecall.project import Project

        model: Any = Project
        for key in name.removeprefix("RARECALL__").lower().split("__"):
            found = getattr(model, "model_fields", {}).get(key)
            if found is None:
                return f"{name} is no key of the project file"
            kinds = [found.annotation, *get_args(found.annotation)]
            model = next((one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)), None)
        return None
    if name.startswith("RARECALL_"):
        return None if name in OURS else f"{name} is read by nobody"
    if name.startswith("PREFECT_") and not name.startswith("PREFECT_INTEGRATIONS_"):
        return None if name in _of_prefect() else f"{name} is no setting of Prefect"
    if name.startswith("MLFLOW_"):
        return None if name in _of_mlflow() else f"{name} is no variable of MLflow"
    return None


@cache
def _of_prefect() -> frozenset[str]:
    from prefect.settings import Settings
    from prefect.settings.legacy import _get_valid_setting_names

    return frozenset(_get_valid_setting_names(Settings))


@cache
def _of_mlflow() -> frozenset[str]:
    import mlflow.environment_variables

    return frozenset(vars(mlflow.environment_variables)) | _words_of_mlflow(r'envvar="(\w+)"')


@cache
def _words_of_mlflow(pattern: str) -> frozenset[str]:
    """Return what is found in the source of MLflow's command line, whose import takes a quarter of a minute."""
    import mlflow

    folder = Path(mlflow.__file__).parent
    text = "\n".join((folder / name).read_text() for name in ("cli/__init__.py", "utils/cli_args.py"))
    return frozenset(re.findall(pattern, text, re.MULTILINE))


def _port(words: list[str], ports: list[int]) -> str | None:
    if "--port" not in words:
        return None
    said = int(words[words.index("--port") + 1])
    return None if not ports or set(ports) == {said} else f"it listens on {said}, and is asked on {ports}"


@cache
def routes() -> frozenset[str]:
    """Return the paths that the router answers to a GET."""
    from rarecall.project import Project
    from serving.app import create_app
    from tasks.serve import server_of

    given = {"name": "cards", "source": {"path": "rows.csv"}, "label": {"column": "label", "positive": 1}}
    app = create_app(server_of(Project.model_validate(given)))
    return frozenset(route.path for route in app._app.routes)
