"""Get a public table of the examples."""

from pathlib import Path
from typing import Any


def fetch(name: str, folder: Path) -> dict[str, Any]:
    """Return where the table is now."""
    from rarecall import catalog

    return {"name": name, "file": str(catalog.fetch(name, folder).absolute())}
