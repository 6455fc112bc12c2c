"""Read the source and keep it as an immutable snapshot, with what a person released of earlier quarantines."""

from collections.abc import Iterator

import pandas as pd

from rarecall import digest
from rarecall.intake import quarantine, snapshot, source, stream
from rarecall.project import Project
from rarecall.strategies.known import neighbors
from rarecall.tables import late_labels
from rarecall.tables.scan import is_large
from rarecall.warehouse import Draft, Version
from tasks.append import all_rows, delivered
from tasks.forgotten import Forgotten, forgotten
from tasks.late_labels import known
from tasks.quarantine import releases, sources
from tasks.stage import Plan, stage

RELEASED = "released.parquet"


@stage
def ingest(project: Project) -> Plan:
    """Plan the snapshot: every source row with its offset, its moment and settled types; released rows behind them."""
    rows = source.read(project.source, project.missing.markers) if project.source.query else None
    head = delivered(project) if project.source.deliveries else None
    released, gone, labels = releases(project), forgotten(project), known(project)

    def write(draft: Draft) -> None:
        # Rows to find again, and labels to put beside them, are looked for in the whole table.
        if not (head or released or project.label.table) and is_large(source.counted(project.source) or 0):
            _stream(project, gone, draft)
            return
        draft.facts.update({"deliveries": head.facts["number"]} if head else {})
        frame = rows if rows is not None else _read(project, head)
        kept = gone.left(frame)
        taken, facts = snapshot.take(late_labels.put(kept, labels.labels, project) if labels else kept, project)
        if released:
            held = {verdict: gone.left(rows) for verdict, rows in sources(project, released).items()}
            returned, outcomes = quarantine.readmit(taken, released, held, project, facts["features"])
            if labels and len(returned):  # in quarantine they had the label of that day
                returned = late_labels.put(returned, labels.labels, project)
            taken, facts = snapshot.extend(taken, facts, returned, project)
            outcomes.to_parquet(draft.folder / RELEASED, index=False)
            facts["released"] = outcomes["outcome"].value_counts().sort_index().to_dict()
        if labels:
            facts["labels"] = {"version": labels.version, **late_labels.counted(taken, project)}
        if gone:  # never in the snapshot, so neither accepted nor quarantined nor read by the verdict
            facts["forgotten"] = len(frame) - len(kept)
        taken.to_parquet(draft.folder / "rows.parquet", index=False)
        draft.facts.update(facts)

    # The path is no part of the recipe: the same rows under another name are the same snapshot.
    recipe = {
        "content": head.key if head else source.identity(project.source, rows),
        "format": project.source.format,
        **project.model_dump(
            mode="json",
            include={"entity", "timestamp", "label", "features", "missing", "cohorts"},
            exclude={"label": {"table", "as_of"}},
        ),
        "k": project.augmentation.k if neighbors(project.augmentation.sampler) else None,
    }
    if released:  # who released them, when and why, is for the ledger only
        recipe["released"] = digest.of_value([one.as_dict() for one in released])
    if labels:  # what they say; by which revisions it became known is no part of it, so that a day can be read again
        recipe["labels"] = labels.content
    if gone:
        recipe["forgotten"] = gone.digest()
    return Plan(kind="snapshots", recipe=recipe, inputs=(head,) if head else (), write=write)


def _read(project: Project, head: Version | None) -> pd.DataFrame:
    return all_rows(project, head) if head else source.read(project.source, project.missing.markers)


def _stream(project: Project, gone: Forgotten, draft: Draft) -> None:
    read, here = source.counted(project.source) or 0, project.source

    def blocks() -> Iterator[pd.DataFrame]:
        return (gone.left(block) for block in source.blocks(here, project.missing.markers))

    draft.facts.update(stream.take(blocks, source.types(here), project, draft.folder / "rows.parquet"))
    if gone:
        draft.facts["forgotten"] = read - draft.facts["rows"]


def exempt(taken: Version) -> dict[int, frozenset[str]]:
    """Return from which expectations each released row of a snapshot is exempt, by its `row_id`."""
    if not (file := taken.file(RELEASED)).exists():
        return {}
    return quarantine.exemptions(pd.read_parquet(file))
