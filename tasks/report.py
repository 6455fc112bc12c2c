"""Write the run's record and page, and link them from the Prefect UI."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_link_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from rarecall.project import Project
from tasks import measured, runs
from tasks.approvals import Approval
from tasks.cause import Cause
from tasks.commit import commit
from tasks.lineage import of_run
from tasks.reference_report import PAGE
from tasks.stage import Done
from tasks.validate import DATA_DOCS


@task(name="report", cache_policy=NO_CACHE, persist_result=False)
def report(project: Project, stages: list[Done], approval: Approval | None, cause: Cause) -> dict[str, Any]:
    """Return the record of the run that ends here."""
    from monitoring import record
    from monitoring.report import render
    from serving import registry

    versions = {done.name: done.version for done in stages}
    registration = versions["register"].facts
    drift = versions["reference_report"].file(PAGE)
    data_docs = versions["validate"].file(DATA_DOCS)
    # Of this pass: a run that was suspended for an answer was scheduled days before.
    begun = FlowRunContext.get().start_time  # type: ignore[union-attr]  # a task of a flow
    composed = record.compose(
        project,
        versions,
        [done.summary() for done in stages],
        run_id=str(flow_run.id),
        started=begun.astimezone(UTC),
        seconds=(datetime.now(UTC) - begun).total_seconds(),
        git=commit(Path.cwd()),
        aliases=registry.aliases(registry.connect(project), registration["model_name"], registration["model_version"]),
        links=[
            {"text": "drift of the holdout from the training rows (Evidently)", "href": drift.as_uri()},
            {"text": "what was asked of the table (Data Docs)", "href": data_docs.as_uri()},
            {"text": "quarantined rows", "href": versions["validate"].file("quarantine.parquet").as_uri()},
            {"text": "labels to review", "href": versions["judge_labels"].file("review.parquet").as_uri()},
            {"text": "dataset version", "href": Path(versions["augment"].path).as_uri()},
        ],
        measured=measured.of(project, versions["train"]),
        approval=approval.as_dict() if approval else None,
        cause=cause.as_dict(),
    )
    composed["lineage"] = of_run(project, registration["model_version"])
    page = runs.keep(project, composed, render(composed))
    create_link_artifact(key="run-report", link=page.as_uri(), link_text="run report")
    return composed | {"report": str(page)}
