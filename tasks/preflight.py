"""What can be said before any server starts and any folder is made."""

from rarecall.intake import source
from rarecall.project import Project
from rarecall.sections import Ablation, Training


def preflight(project: Project) -> None:
    """Raise DataError when a file of the source or a learner is not there, or no rows or labels were delivered."""
    source.exists(project.source)
    asked = {project.training.learner, *project.ablation.learners, project.ablation.scarce or project.training.learner}
    if others := asked - {Training().learner, Ablation().scarce}:
        from rarecall.learners import known  # scikit-learn is a second, which the defaults need not wait for

        known.versions(sorted(others))
    if project.source.deliveries:
        from tasks.append import delivered  # a second, which only this source needs

        delivered(project)
    if project.label.table:
        from tasks.late_labels import head

        head(project)
