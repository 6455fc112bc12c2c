"""Sketch the rows that teach, so that later rows can be compared with them when they are gone."""

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage


@stage
def sketch(project: Project, dataset: Version) -> Plan:
    """Plan the sketch of the real training rows: all, the rare class, each cohort value."""

    def write(draft: Draft) -> None:
        from rarecall import drift
        from rarecall.drift.sketch import FILE

        features = dataset.facts["features"]
        train = pd.read_parquet(dataset.file("train.parquet"))
        real = train[~train["is_synthetic"]]
        holdout = pd.read_parquet(dataset.file("holdout.parquet"), columns=["event_timestamp"])
        # Without time every row has the same moment, which says nothing.
        moments = [*real["event_timestamp"].agg(["min", "max"]), holdout["event_timestamp"].max()]
        names = ("first", "last", "last_judged")
        about = {name: one.isoformat() for name, one in zip(names, moments, strict=True)} if project.timestamp else {}
        positive = real["label"].to_numpy() == 1
        made = drift.take(real, features, positive=positive, cohorts=project.cohorts, about=about)
        drift.save(made, draft.folder / FILE)
        draft.facts.update(rows=made.rows, columns=len(made.columns), groups=len(made.groups), **about)

    cohorts = [cohort.model_dump(mode="json") for cohort in project.cohorts]
    return Plan(kind="sketches", recipe={"cohorts": cohorts}, inputs=(dataset,), write=write)
