"""What can be said before any server starts and any folder is made."""

from rarecall.intake import source
from rarecall.project import Project
from rarecall.sections import Ablation, Training


def preflight(project: Project) -> None:
    """Raise DataError when the source, a delivery or an extra that the project needs is not there."""
    source.exists(project.source)
    asked = {project.training.learner, *project.ablation.learners, project.ablation.scarce or project.training.learner}
    if others := asked - {Training().learner, Ablation().scarce}:
        from rarecall.learners import known  # scikit-learn is a second, which the defaults need not wait for

        known.versions(sorted(others))
    if project.source.deliveries:
        from tasks.append import delivered  # a second, which only this source needs

        delivered(project)
    if project.stores.compute != "local":
        from tasks.cluster import installed

        installed(project.stores.compute)
    if project.training.explain == "shap":
        from rarecall.shapley import installed

        installed()
    if project.label.table:
        from tasks.late_labels import head

        head(project)
