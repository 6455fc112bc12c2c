"""What can be said before any server starts and any folder is made."""

from rarecall import source
from rarecall.project import Project


def preflight(project: Project) -> None:
    """Raise DataError when the source's files are not there."""
    source.exists(project.source)
