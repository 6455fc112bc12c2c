"""`rarecall keys`: who may ask a server of this home, and for what."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare

app = typer.Typer(help="API keys of the server: add, list, revoke.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Whose key it is, for people.")]


@app.command("add")
def add(
    name: Name,
    project: ProjectFile = Path(),
    scope: Annotated[list[str] | None, typer.Option(help="predict, labels or admin; repeat it.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, once; only its digest is kept."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.serve import keys_of

        scopes = scope or ["predict"]
        return {"name": name, "scopes": scopes, "key": keys_of(loaded).add(name, scopes)}

    def show(found: dict[str, Any]) -> None:
        console.say(f"{escape(found['name'])} may {', '.join(found['scopes'])}; the key, which is not shown again:")
        console.say(found["key"])

    answer(work, show, as_json=as_json)


@app.command("list")
def list_keys(project: ProjectFile = Path(), home: Home = None, as_json: AsJson = False) -> None:
    """Show the keys by name, without the keys themselves."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.serve import keys_of

        return {"keys": [{"name": k.name, "scopes": list(k.scopes), "made": k.made} for k in keys_of(loaded).all()]}

    def show(found: dict[str, Any]) -> None:
        rows = [[one["name"], ", ".join(one["scopes"]), one["made"]] for one in found["keys"]]
        console.table("keys", ["name", "scopes", "made"], rows)

    answer(work, show, as_json=as_json)


@app.command("revoke")
def revoke(name: Name, project: ProjectFile = Path(), home: Home = None, as_json: AsJson = False) -> None:
    """Remove a key; a running server refuses it from the next request on."""

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.serve import keys_of

        keys_of(loaded).revoke(name)
        return {"revoked": name}

    answer(work, lambda found: console.say(f"{escape(found['revoked'])} is revoked"), as_json=as_json)
