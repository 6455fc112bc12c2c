"""Keep Evidently's page of how the holdout differs from the training rows, as this model's reference."""

import importlib.metadata

import pandas as pd

from rarecall.project import Project
from rarecall.warehouse import Draft, Version
from tasks.stage import Plan, stage

PAGE = "drift.html"


@stage
def reference_report(project: Project, dataset: Version) -> Plan:
    """Plan the drift page over real rows."""

    def write(draft: Draft) -> None:
        from monitoring import reference

        train = pd.read_parquet(dataset.file("train.parquet"))
        holdout = pd.read_parquet(dataset.file("holdout.parquet"))
        draft.facts.update(
            reference.write(
                train[~train["is_synthetic"]],
                holdout,
                dataset.facts["features"],
                draft.folder / PAGE,
                rows=project.monitoring.report_rows,
                seed=project.seed,
            )
        )

    recipe = {
        "rows": project.monitoring.report_rows,
        "seed": project.seed,
        "evidently": importlib.metadata.version("evidently"),
    }
    return Plan(kind="references", recipe=recipe, inputs=(dataset,), write=write)
