"""The project's warehouse; who only reads it need not wait for Prefect to be imported."""

from pathlib import Path

from rarecall.project import Project
from rarecall.warehouse import Warehouse


def warehouse(project: Project) -> Warehouse:
    """Return it, under the project's home."""
    return Warehouse(Path(project.stores.home) / "warehouse")


def generators(project: Project) -> Path:
    """Return the folder of trained generators, under the project's home; they can be made again of their rows."""
    return Path(project.stores.home) / "generators"
