"""Several rare classes: a run for each, and what came of them beside one another."""

from collections.abc import Callable, Sequence
from typing import Any

from rarecall.errors import RarecallError
from rarecall.project import Project


def each(projects: Sequence[Project], run: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Run for one class after another; a class that is refused keeps no other from its run.

    Returns
    -------
    dict
        `classes` {class: record}, in the project's order.

    Raises
    ------
    RarecallError
        At the end, of the kind of the first refusal: which classes were refused, and why.
    """
    done: dict[str, dict[str, Any]] = {}
    refused: dict[str, RarecallError] = {}
    for rare in (str(project.label.positive) for project in projects):
        try:
            done[rare] = run(rare)
        except RarecallError as error:
            refused[rare] = error
    if refused:
        first = next(iter(refused.values()))
        said = "; ".join(f"class {rare}: {error}" for rare, error in refused.items())
        first.args = (f"{said}; done: {', '.join(done) or 'none'}",)
        raise first
    return {"classes": done}
