"""Retrieve the training set from Feast: each labelled row with its features as they were at its moment."""

import pandas as pd

from rarecall.errors import StoreError
from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def retrieve(project: Project, verdict: Version, view: Version) -> Plan:
    """Plan the point-in-time training set: as many rows out as went in, in the order of their ids.

    Rows whose label may still change are left for a later run.
    """
    facts = view.facts

    def write(draft: Draft) -> None:
        from rarecall.split import mature
        from tasks.feature_store import open_store

        spine = [*dict.fromkeys(["row_id", *facts["keys"]]), "event_timestamp", "label"]
        accepted = pd.read_parquet(verdict.file("accepted.parquet"), columns=spine)
        labelled = accepted[mature(accepted, pd.Timedelta(project.label.delay))]
        rows = (
            open_store(project)
            .get_historical_features(
                entity_df=labelled, features=[f"{facts['view']}:{name}" for name in facts["features"]]
            )
            .to_df()
        )
        if len(rows) != len(labelled) or not rows["row_id"].is_unique:
            raise StoreError(f"Feast returned {len(rows)} training rows for {len(labelled)} labelled ones")
        rows = rows.sort_values("row_id", ignore_index=True)[[*spine, *facts["features"]]]
        rows.to_parquet(draft.folder / "rows.parquet", index=False)
        draft.facts.update(rows=len(rows), immature=len(accepted) - len(rows), features=facts["features"])

    # The receipt's key holds where the registry stands; the rows depend only on the verdict.
    recipe = {"view": facts["view"], "delay": project.label.delay.total_seconds()}
    return Plan(kind="training_sets", recipe=recipe, inputs=(verdict,), write=write)
