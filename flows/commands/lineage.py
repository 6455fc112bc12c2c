"""`rarecall lineage`: where a model, a dataset version or a row comes from, and what a real row gave rise to."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.tree import Tree

from flows import console
from flows.commands.shared import AsJson, Home, ProjectFile, answer, prepare

SHOWN = 3
"""Synthetic rows that people see of a model or a dataset version; programs get all."""


def lineage(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL|DATASET|ROW]",
            help="champion, 3 or payments/3; a dataset version; row:12345. By default the last run's model.",
        ),
    ] = None,
    project: ProjectFile = Path(),
    dataset: Annotated[
        str | None, typer.Option(help="Of a row: the dataset version it is in; by default the last run's.")
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option("--rows", min=0, help="How many synthetic rows to name; 3 for people, all with --json."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Print the tree from a model, a dataset version or a row down to the source file and the place in it."""
    if target and project == Path() and _is_project(Path(target)):
        target, project = None, Path(target)
    most = rows if rows is not None else None if as_json else SHOWN

    def work() -> dict[str, Any]:
        loaded = prepare(project, home)
        from tasks.lineage import lineage as read

        return read(loaded, target, dataset=dataset, most=most).as_dict()

    answer(work, lambda found: console.people.print(_drawn(found), soft_wrap=True), as_json=as_json)


def _is_project(path: Path) -> bool:
    from rarecall.project import FILE

    return (path / FILE).is_file() or (path.suffix in {".yaml", ".yml"} and path.is_file())


def _drawn(node: dict[str, Any]) -> Tree:
    tree = Tree(_line(node), guide_style="dim")
    for child in node["children"]:
        tree.add(_drawn(child))
    if node["more"]:
        tree.add(f"[dim]… and {node['more']:,} more[/]")
    return tree


def _line(node: dict[str, Any]) -> str:
    from rich.markup import escape

    from rarecall.kinship.node import said

    known = [(name, said(name, value)) for name, value in node["facts"].items() if value is not None]
    facts = [f"[dim]{escape(name)}[/] {escape(value)}" for name, value in known]
    return "  ".join([f"{escape(node['kind'])} [bold]{escape(node['name'])}[/]", *facts])
