"""Read the source and keep it as an immutable snapshot."""

from rarecall import snapshot, source
from rarecall.project import Project
from rarecall.warehouse import Draft
from tasks.stage import Plan, stage


@stage
def ingest(project: Project) -> Plan:
    """Plan the snapshot: every source row with its offset, its moment and settled types."""
    rows = source.read(project.source, project.missing.markers) if project.source.query else None

    def write(draft: Draft) -> None:
        frame = source.read(project.source, project.missing.markers) if rows is None else rows
        taken, facts = snapshot.take(frame, project)
        taken.to_parquet(draft.folder / "rows.parquet", index=False)
        draft.facts.update(facts)

    # The path is no part of the recipe: the same rows under another name are the same snapshot.
    recipe = {
        "content": source.identity(project.source, rows),
        "format": project.source.format,
        **project.model_dump(mode="json", include={"entity", "timestamp", "label", "features", "missing", "cohorts"}),
        "k": project.augmentation.k if project.augmentation.sampler != "none" else None,
    }
    return Plan(kind="snapshots", recipe=recipe, inputs=(), write=write)
