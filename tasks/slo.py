"""How a project stands against what it promises, and the rules that Prometheus reads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rarecall.burn import largest, spent, written
from rarecall.errors import StoreError
from rarecall.project import Project


def slo(project: Project, *, rules: Path | None = None, as_of: datetime | None = None) -> dict[str, Any]:
    """Return the objectives, their rules, and the recall's budget as the prediction log knows it.

    Parameters
    ----------
    project : Project
    rules : Path, optional
        Where to write the rules that Prometheus reads.
    as_of : datetime, optional
        By default now.

    Returns
    -------
    dict
        JSON-ready: `project`, `as_of`, `period`, `objectives` (each with its `rules` and why a usual one was
        `changed`), `recall` (a status for all rows, then for each cohort value), `label_age` in seconds or None, and
        `file`.

    Raises
    ------
    StoreError
        The prediction log cannot be read, or the file cannot be written.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from monitoring.slo import objectives, statuses
    from tasks.home_figures import known_of

    now = as_of or datetime.now(UTC)
    try:
        known = known_of(project, now)
    except SQLAlchemyError as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(f"the prediction log could not be read: {said}; mend that and run again") from error
    if rules:
        write_rules(project, rules)
    return {
        "project": project.name,
        "as_of": now.isoformat(timespec="seconds"),
        "period": written(project.slo.period),
        "objectives": [
            {
                "slo": one.name,
                "objective": one.objective,
                "largest_burn": largest(one.objective),
                "rules": [
                    {
                        "severity": rule.severity,
                        "factor": rule.factor,
                        "window": written(rule.window),
                        "short": rule.short and written(rule.short),
                        "budget_spent": spent(rule.factor, rule.window, project.slo.period),
                    }
                    for rule in one.rules
                ],
                "changed": list(one.changed),
            }
            for one in objectives(project)
        ],
        "recall": [one.as_dict() for one in statuses(project, known)],
        "label_age": None if known.label_age is None else known.label_age.total_seconds(),
        "file": str(rules) if rules else None,
    }


def write_rules(project: Project, file: Path) -> None:
    """Write the recording and alert rules of a project."""
    from monitoring.rules import text
    from tasks.metrics import write

    write(file, text(project, named=True))
