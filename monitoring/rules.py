"""Rules: what Prometheus records of a project's objectives, and what it tells whom.

Availability and latency are ratios of what each server counts. Recall is read from gauges of label time that every
server of a log tells alike, so that the largest is taken and not the sum. Every alert names the page of
`docs/runbooks/` that says what to do.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from monitoring.slo import BREACH, Objective, objectives
from rarecall.burn import spent, written
from rarecall.project import Project
from rarecall.sections.slo import BurnRule

RUNBOOKS = "docs/runbooks"
_HEAD = (
    "# Written by `rarecall slo --rules FILE`: do not edit; see docs/slo.md. It is read by Prometheus and checked by\n"
    "# `promtool check rules`.\n"
)
_EVERY = "30s"
_SERVER = "rarecall_serving_registry_age_seconds"
_LOOKED = "rarecall_watch_looked_timestamp_seconds"


def text(project: Project, *, named: bool) -> str:
    """Return the file of a project's rules.

    Parameters
    ----------
    project : Project
    named : bool
        Only series with the label `project` of this name, as `infra/prometheus/prometheus.yml` gives it to a target;
        else of every project, each by itself.

    Returns
    -------
    str
        YAML.
    """
    return _HEAD + yaml.safe_dump({"groups": groups(project, named=named)}, sort_keys=False, width=120)


def groups(project: Project, *, named: bool) -> list[dict[str, Any]]:
    """Return the rule groups as Prometheus reads them."""
    only = f'project="{project.name}"' if named else ""
    suffix = f"-{project.name}" if named else ""
    found = []
    for one in objectives(project):
        rules = _recall(project, one, only) if one.name == "recall" else _requests(project, one, only)
        found.append({"name": f"rarecall-{one.name}{suffix}", "interval": _EVERY, "rules": list(rules)})
    found.append({"name": f"rarecall-health{suffix}", "interval": _EVERY, "rules": list(_health(project, only))})
    return found


def _recall(project: Project, one: Objective, only: str) -> Iterator[dict[str, Any]]:
    by, least = "(project, cohort, value, window)", project.gates.min_positives
    for series in ("positives", "missed", "recall_high"):
        yield _record(f"rarecall:slo_{series}:max", f"max by {by} (rarecall_slo_{series}{_of(only)})")
    yield _record(
        "rarecall:slo_recall_burn:ratio",
        f"rarecall:slo_missed:max{_of(only)} / (rarecall:slo_positives:max{_of(only)} > 0) / {_share(one.objective)}",
    )
    period = f'window="{written(project.slo.period)}"'
    yield _record(
        "rarecall:slo_recall_budget_left:ratio",
        f"1 - sum without (window) (rarecall:slo_recall_burn:ratio{_of(only, period)})",
    )
    yield _alert(
        "RarecallRecallBreach",
        f"max by (project, cohort, value, against) (rarecall_watch_breach{_of(only)}) > 0",
        "page",
        "Recall of {{ $labels.cohort }} {{ $labels.value }} is below its {{ $labels.against }}",
        "The alarm of the watch sounds, whose false alarms are bounded over all looks and cohorts; `rarecall watch` "
        "shows the figures.",
        "recall-breach",
        slo="recall",
    )
    week = f'window="{written(BREACH)}"'
    yield _alert(
        "RarecallRecallBreach",
        f"(rarecall:slo_recall_high:max{_of(only, week)} < {one.objective:g} and "
        f"rarecall:slo_positives:max{_of(only, week)} >= {least}) unless on (project) "
        f"max by (project) ({_LOOKED}{_of(only)})",
        "page",
        "Recall of {{ $labels.cohort }} {{ $labels.value }} is below {objective}",
        "No monitor looks here. Of the positives whose label came within {window}, at most "
        "{{ $value | humanizePercentage }} were found, with {confidence} confidence.",
        "recall-breach",
        slo="recall",
        objective=f"{one.objective:g}",
        window=written(BREACH),
        confidence=f"{project.gates.confidence:.0%}",
    )
    for rule in one.rules:
        at = f'window="{written(rule.window)}"'
        burning = f"rarecall:slo_recall_burn:ratio{_of(only, at)} > {rule.factor:g}"
        burning += f" and rarecall:slo_positives:max{_of(only, at)} >= {least}"
        if rule.short:
            short = f'window="{written(rule.short)}"'
            burning += (
                f" and on (project, cohort, value) rarecall:slo_recall_burn:ratio{_of(only, short)} > {rule.factor:g}"
            )
        yield _burn(project, "RarecallRecallBurn", burning, rule, "recall-breach", "recall")


def _requests(project: Project, one: Objective, only: str) -> Iterator[dict[str, Any]]:
    """Yield the rules over what servers count: the ratio of each window, and the alerts on pairs of windows."""
    latency = one.name == "latency"
    lengths = sorted({window for rule in one.rules for window in (rule.window, rule.short) if window})
    lengths.append(project.slo.period)
    for length in lengths:
        within = written(length)
        whole, bad = (_slow if latency else _failed)(project, only, within)
        yield _record(f"rarecall:slo_{one.name}_bad:increase{within}", bad)
        yield _record(
            f"rarecall:slo_{one.name}_burn:ratio{within}",
            f"rarecall:slo_{one.name}_bad:increase{within}{_of(only)} / ({whole} > 0) / {_share(one.objective)}",
        )
    yield _record(
        f"rarecall:slo_{one.name}_budget_left:ratio",
        f"1 - rarecall:slo_{one.name}_burn:ratio{written(project.slo.period)}{_of(only)}",
    )
    for rule in one.rules:
        at = written(rule.window)
        burning = f"rarecall:slo_{one.name}_burn:ratio{at}{_of(only)} > {rule.factor:g}"
        if rule.short:
            short = written(rule.short)
            burning += f" and rarecall:slo_{one.name}_burn:ratio{short}{_of(only)} > {rule.factor:g}"
        burning += f" and rarecall:slo_{one.name}_bad:increase{at}{_of(only)} >= {project.slo.min_failures}"
        yield _burn(project, f"Rarecall{one.name.capitalize()}Burn", burning, rule, "rollback", one.name)


def _failed(_: Project, only: str, within: str) -> tuple[str, str]:
    """Return how many requests there were, and how many failed for the server's own reasons; a sum without any is 0."""
    routes = 'route=~"predict|labels"'
    whole = f"sum by (project) (increase(rarecall_serving_requests_total{_of(only, routes)}[{within}]))"
    own = 'status=~"5.."'
    bad = f"sum by (project) (increase(rarecall_serving_requests_total{_of(only, routes, own)}[{within}]))"
    return whole, f"{bad} or {whole} * 0"


def _slow(project: Project, only: str, within: str) -> tuple[str, str]:
    route, bound = 'route="predict"', f'le="{project.slo.latency_ms / 1000}"'
    whole = f"sum by (project) (increase(rarecall_serving_latency_seconds_count{_of(only, route)}[{within}]))"
    fast = f"sum by (project) (increase(rarecall_serving_latency_seconds_bucket{_of(only, route, bound)}[{within}]))"
    return whole, f"{whole} - {fast}"


def _health(project: Project, only: str) -> Iterator[dict[str, Any]]:
    """Yield the alarms on what would otherwise be silence."""
    yield _alert(
        "RarecallServerSilent", f"absent({_SERVER}{_of(only)})", "page",
        "No server tells how it is",
        "Prometheus has no series of {whose}; a server is down, or its target lacks the label `project`.",
        "rollback", slo="availability", hold="5m", whose=project.name if only else "any project",
    )  # fmt: skip
    champion = 'arm="champion"'
    yield _alert(
        "RarecallNoChampion",
        f"count by (project) ({_SERVER}{_of(only)}) unless count by (project) "
        f"(rarecall_serving_model_version{_of(only, champion)})",
        "page", "A server runs and no model serves", "Every prediction is answered with 503.", "rollback",
        slo="availability", hold="5m",
    )  # fmt: skip
    for name, series, said, page in (
        ("RarecallRegistryAway", "rarecall_serving_registry_away", "The registry does not answer", "restore"),
        ("RarecallModelRefused", "rarecall_serving_models_refused", "An alias names a version that cannot be loaded",
         "rollback"),
    ):  # fmt: skip
        yield _alert(
            name, f"max by (project) ({series}{_of(only)}) > 0", "ticket", said,
            "The last good model serves on; what the aliases say now is not followed.", page, hold="15m",
        )  # fmt: skip
    late = project.slo.labels_within
    yield _alert(
        "RarecallLabelsLate",
        f"max by (project) (rarecall_slo_label_age_seconds{_of(only)}) > {late.total_seconds():.0f}",
        "ticket", "No label has come for {{ $value | humanizeDuration }}",
        "Without labels nobody knows the recall: silence here is not good news.", "source-late", slo="recall",
    )  # fmt: skip
    yield _alert(
        "RarecallFiguresMissing",
        f"min by (project, part) (rarecall_figures_up{_of(only)}) == 0 or (count by (project) ({_SERVER}{_of(only)}) "
        f"unless count by (project) (rarecall_figures_up{_of(only)}))",
        "ticket", "What the figures are read from cannot be read: {{ $labels.part }}",
        "The rules that read them are blind until it can.", "restore", hold="15m",
    )  # fmt: skip
    quiet = project.triggers.monitor_late
    yield _alert(
        "RarecallMonitorSilent",
        f"time() - max by (project) ({_LOOKED}{_of(only)}) > {quiet.total_seconds():.0f}", "ticket",
        "The monitor has come to no end for {{ $value | humanizeDuration }}",
        "Nobody looks, or every look fails: a breach would go unnoticed.", "recall-breach", slo="recall", hold="5m",
    )  # fmt: skip
    yield _alert(
        "RarecallWatchAlarm",
        f"max by (project, alarm) (rarecall_watch_alarm{_of(only)}) > 0", "ticket",
        "The watch lacks what it needs: {{ $labels.alarm }}",
        "`rarecall triggers` says since when and what is missing.", "source-late", slo="recall",
    )  # fmt: skip
    noise = project.gates.label_noise_rate
    last = 'model="last"'
    yield _alert(
        "RarecallNoisyLabels",
        f"max by (project) (rarecall_model_label_noise_rate_low{_of(only, last)}) > {noise:g}", "ticket",
        "The last retrain found {{ $value | humanizePercentage }} of its labels suspect, at least",
        "The gate is {noise}.", "noisy-labels", noise=f"{noise:.0%}",
    )  # fmt: skip


def _burn(project: Project, name: str, burning: str, rule: BurnRule, page: str, slo: str) -> dict[str, Any]:
    gone = spent(rule.factor, rule.window, project.slo.period)
    return _alert(
        name,
        burning,
        rule.severity,
        "The budget of {slo} burns {{ $value | humanize }} times as fast as it may",
        "Above {factor} over {window}: {gone} of the budget of {period} went within that time.",
        page,
        slo=slo,
        window=written(rule.window),
        factor=f"{rule.factor:g}",
        gone=f"{gone:.1%}",
        period=written(project.slo.period),
    )


def _alert(
    name: str, expr: str, severity: str, summary: str, description: str, page: str, *, hold: str = "", **words: str
) -> dict[str, Any]:
    """Return an alert; `{word}` in its texts is said now, `{{ }}` when it fires."""
    labels = {"severity": severity} | {key: words[key] for key in ("slo", "window") if key in words}
    for word, said in words.items():
        summary, description = (one.replace(f"{{{word}}}", said) for one in (summary, description))
    annotations = {"summary": summary, "description": description, "runbook": f"{RUNBOOKS}/{page}.md"}
    return {"alert": name, "expr": expr} | ({"for": hold} if hold else {}) | {
        "labels": labels, "annotations": annotations
    }  # fmt: skip


def _record(name: str, expr: str) -> dict[str, Any]:
    return {"record": name, "expr": expr}


def _of(*selectors: str) -> str:
    chosen = ", ".join(one for one in selectors if one)
    return f"{{{chosen}}}" if chosen else ""


def _share(objective: float) -> str:
    return f"{1 - objective:.9g}"
