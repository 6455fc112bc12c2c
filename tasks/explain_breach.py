"""Explain a breach: what of the rows has shifted, and what recall the scores lead one to expect; it pages nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rarecall.errors import RarecallError
from rarecall.project import Project

_SHOWN = 5  # columns of the most shifted; the page has all


def explain_breach(project: Project) -> dict[str, Any]:
    """Return what drift and the estimate say beside a breach, JSON-ready; what could not be looked at says why.

    Returns
    -------
    dict
        `drift`: `shifted` (how many comparisons), `most` (the most shifted: `column`, `where`, `psi`), `page`; and
        `estimate`: `recall` and `interval` of all rows, and `alarms`, the cohort values whose expected recall is shown
        to be too low. Either may be `{"unknown": why}` instead.
    """
    return {"drift": _tried(_drift, project), "estimate": _tried(_estimate, project)}


def _tried(look: Callable[[Project], dict[str, Any]], project: Project) -> dict[str, Any]:
    try:
        return look(project)
    except RarecallError as error:  # an explanation that is not to be had keeps no retrain from beginning
        return {"unknown": str(error).splitlines()[0]}


def _drift(project: Project) -> dict[str, Any]:
    from tasks.drift import drift

    found = drift(project)
    shifted = [one for one in found["columns"] if one["state"] == "shifted"]
    most = [{"column": one["column"], "where": _where(one), "psi": one["psi"]} for one in shifted[:_SHOWN]]
    return {"shifted": len(shifted), "most": most, "page": found["page"]}


def _where(one: dict[str, Any]) -> str:
    group = f"{one['cohort']} {one['value']}".strip()
    return f"the rare class of {group}" if one["minority"] else group


def _estimate(project: Project) -> dict[str, Any]:
    from tasks.estimate import estimate

    whole, *values = estimate(project)["groups"]
    alarms = [f"{one['cohort']} {one['value']}" for one in values if one["alarm"]]
    return {"recall": whole["recall"], "interval": whole["recall_interval"], "alarms": alarms}
