"""What can be said before any server starts and any folder is made."""

from rarecall.intake import source
from rarecall.project import Project


def preflight(project: Project) -> None:
    """Raise DataError when the source's files are not there, nothing was delivered, or an extra is not installed."""
    source.exists(project.source)
    if project.source.deliveries:
        from tasks.append import delivered  # a second, which only this source needs

        delivered(project)
    if project.training.explain == "shap":
        from rarecall.shapley import installed

        installed()
    if project.label.table:
        from tasks.late_labels import head

        head(project)
