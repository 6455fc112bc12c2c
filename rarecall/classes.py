"""Several rare classes in one project file: one class against the rest, a detector each.

Each has a model, a threshold, gates and a champion of its own, for each rare class has evidence of its own: a class
that is seen too seldom waits, and keeps no other from serving.
"""

import re
from collections.abc import Iterator
from typing import Any

from rarecall.errors import ProjectError, brief, nearest

VARIABLE = "RARECALL_CLASS"
"""The environment's name for the class that a command is about."""


def apart(values: dict[str, Any], only: str | None = None) -> list[dict[str, Any]]:
    """Return a project file's values once for each of its rare classes, each under a name of its own.

    Parameters
    ----------
    values : dict
        As YAML gives them; `label.positive` may be a list.
    only : str, optional
        The one class that is wanted.

    Raises
    ------
    ProjectError
        The list is empty, names a class twice, or has no such class.

    >>> each = apart({"name": "digits", "label": {"column": "digit", "positive": [8, 9]}})
    >>> [(one["name"], one["label"]["positive"]) for one in each]
    [('digits-8', 8), ('digits-9', 9)]
    """
    label = values.get("label")
    positive = label.get("positive") if isinstance(label, dict) else None
    if not isinstance(positive, list) or not isinstance(label, dict):
        if only is not None and not _same(positive, only):
            raise ProjectError([f"label.positive: the project looks for {positive} alone, got the class {brief(only)}"])
        return [values]
    named = list(_named(values.get("name"), positive))
    stores = values.get("stores")
    log = stores.get("predictions") if isinstance(stores, dict) else None
    if isinstance(log, str) and "{name}" not in log:
        raise ProjectError(
            ["stores.predictions: expected {name} in the URL, for each rare class has a prediction log of its own"]
        )
    if only is not None:
        known = [str(one) for one in positive]
        named = [pair for pair in named if _same(pair[1], only)]
        if not named:
            raise ProjectError([f"label.positive: has no class {brief(only)}{nearest(only, known)}"])
    return [values | {"name": name, "label": label | {"positive": one}} for name, one in named]


def _named(name: Any, positive: list[Any]) -> Iterator[tuple[Any, Any]]:
    if not positive:
        raise ProjectError(["label.positive: expected a value or a list of them, got an empty list; name a rare class"])
    seen: dict[str, Any] = {}
    for one in positive:
        ending = re.sub(r"[^a-z0-9_-]+", "_", str(one).lower())
        if ending in seen:
            raise ProjectError(
                [f"label.positive: {one!r} and {seen[ending]!r} would both be called {ending}; name each class once"]
            )
        seen[ending] = one
        yield (f"{name}-{ending}" if isinstance(name, str) else name), one


def _same(positive: Any, said: str) -> bool:
    return str(positive).lower() == said.lower()
