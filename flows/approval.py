"""Wait for a person: a deployment's run that needs an approval is suspended until it is answered.

Prefect then runs the flow from the top, on any worker: the answer is written down, and every stage finds its output.
"""

from datetime import UTC, datetime
from uuid import UUID

from prefect.exceptions import FlowPauseTimeout, NotPausedError
from prefect.flow_runs import resume_flow_run, suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import flow_run
from pydantic import Field, ValidationError

from rarecall.errors import StoreError
from rarecall.project import Project
from tasks.approvals import Approval, approvals
from tasks.approve import answer, settle


class Answer(RunInput):
    """What a person says of a candidate."""

    approve: bool = Field(description="Whether it may serve; if not, it is rejected.")
    reason: str = Field(min_length=1, description="Why; it stands in the ledger.")
    who: str = Field(min_length=1, description="Who answers for it.")


def take_answers(project: Project) -> None:
    """Write down what was answered while this run was suspended, and what nobody answered in time."""
    settle(project)
    for one in approvals(project).values():
        wait(project, one)


def wait(project: Project, asked: Approval | None) -> None:
    """Suspend this run until the candidate that it asked about is answered; then do what was answered.

    Raises
    ------
    StoreError
        The run was set going again past its form, without an answer.
    """
    if asked is None or asked.state != "asked" or asked.run is None or asked.run != flow_run.id:
        return
    form = Answer.with_initial_data(
        description=f"Version {asked.version} of {project.name} holds every gate; its reasons stand in the run's "
        f"report. May it serve? Without an answer by {asked.until:%Y-%m-%d %H:%MZ} it is rejected."
    )
    left = round((asked.until - datetime.now(UTC)).total_seconds())
    try:
        told = suspend_flow_run(wait_for_input=form, timeout=max(left, 1), key=asked.decided)
    except ValidationError:
        raise StoreError(
            f"the run was resumed without an answer about version {asked.version} of {project.name}; answer with: "
            f"rarecall approve --version {asked.version} --reason TEXT, or rarecall reject, and run again"
        ) from None
    answer(project, asked.version, approve=told.approve, who=told.who, why=told.reason)


def go_on(run: str, told: Answer) -> str | None:
    """Resume a suspended run whose candidate was answered elsewhere; return why that could not be, or None."""
    import httpx

    try:
        resume_flow_run(UUID(run), run_input=told.model_dump())
    except NotPausedError:
        return None  # somebody was faster
    except (FlowPauseTimeout, RuntimeError, httpx.HTTPError) as error:
        return f"the run {run} waits on and could not be resumed: {error}; resume it in Prefect, or let it time out"
    return None
