"""Weigh a canary: what the prediction log knows of it, and the verdict on that; nothing is changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rarecall.project import Project
from tasks.trial import Trial, running

if TYPE_CHECKING:
    from rarecall.canary import Judgement


def weigh(project: Project, trial: Trial, *, now: datetime | None = None) -> tuple[Judgement, dict[str, Any]]:
    """Return the verdict on a trial and the account of it, from all that the log holds since it began.

    Raises
    ------
    StoreError
        The prediction log cannot be read.
    """
    from monitoring import evidence, predictions
    from rarecall.canary import account, judge

    found = evidence.read(
        predictions.url(project),
        champion=int(trial.champion),
        canary=int(trial.canary),
        since=trial.since,
        step_since=trial.step_since,
    )
    late = (now or datetime.now(UTC)) - trial.since > project.canary.time_limit
    judged = judge(found, project.canary, share=trial.share, is_late=late, bounds=True)
    return judged, account(found, judged, project.canary)


def account_of(project: Project) -> dict[str, Any] | None:
    """Return the account of the canary that stands now, or None where there is none: for a page that only reads."""
    trial = running(project)
    return None if trial is None else described(trial) | weigh(project, trial)[1]


def described(trial: Trial) -> dict[str, Any]:
    """Return a trial JSON-ready."""
    return {
        "champion": trial.champion,
        "canary": trial.canary,
        "at_share": trial.share,
        "since": trial.since.isoformat(),
        "step_since": trial.step_since.isoformat(),
    }


def sentences(account: dict[str, Any] | None) -> list[str]:
    """Return what an account says, for a page: what each arm finds, what the evidence is, and what follows.

    Examples
    --------
    >>> sentences(None)
    ['No version is on canary.']
    """
    if account is None:
        return ["No version is on canary."]
    said = []
    for name, arm in account["arms"].items():
        known = f"finds {arm['recall']:.3f} of" if arm["recall"] is not None else "has none of"
        said.append(
            f"The {name}, version {account[name]}, {known} {arm['positives']} labelled positives "
            f"(interval {arm['low']:.3f} to {arm['high']:.3f})."
        )
    pairs = account["pairs"]["positives"]
    said.append(
        f"Both judged {pairs['total']} of them; {pairs['champion_only']} only the champion found, "
        f"{pairs['canary_only']} only the canary."
    )
    said.append(f"Verdict: {account['verdict']}, {account['state']}. {'; '.join(account['reasons'])}.")
    if account["needed"] and account["verdict"] in {"hold", "ramp"}:
        said.append(f"About {account['needed']} labelled positives more would show enough for a promotion.")
    return said
