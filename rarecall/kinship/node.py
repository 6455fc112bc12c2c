"""A node of a lineage tree: what something is called and what is known of it, by counts and names alone.

It holds no value of any row: what a row says stays in the warehouse, and a tree can be shown to whoever may see how a
model came about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_NAMES = {"line", "row", "offset", "index", "seed"}
"""Facts whose numbers are names: a person copies them."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One thing in a tree.

    Attributes
    ----------
    kind, name : str
        What it is (`model`, `dataset version`, `parent`, `source`) and what it is called.
    facts : mapping
        Small JSON values by names that read as words.
    children : tuple of Node
        What it was made of; below a real row, also what was made of it.
    more : int
        Children of its last kind that are left out.

    >>> Node(kind="source", name="a.csv", facts={"rows": 3}).as_dict()
    {'kind': 'source', 'name': 'a.csv', 'facts': {'rows': 3}, 'children': [], 'more': 0}
    """

    kind: str
    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    children: tuple["Node", ...] = ()
    more: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, children and all."""
        children = [child.as_dict() for child in self.children]
        return {
            "kind": self.kind, "name": self.name, "facts": dict(self.facts), "children": children, "more": self.more
        }  # fmt: skip


def said(name: str, value: Any) -> str:
    """Write a fact's value as a person reads it.

    >>> said("rows", 21465), said("line", 21465), said("step", 0.24154919), said("released", True), said("aliases", [])
    ('21,465', '21465', '0.2415', 'yes', '-')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if name in _NAMES else f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
