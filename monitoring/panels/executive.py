"""The executive's page: is the promise kept, what does it cost, do retrains come through."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from monitoring import costs
from monitoring.dashboard import Mark, Panel, Told
from monitoring.label_time import ALL
from monitoring.panels.week import NO_LABELS, NO_RUNS, rolling
from monitoring.plots.dashboard import Line, bars, trend
from monitoring.report import count, interval, moment, number, percent
from monitoring.slo import objectives, statuses
from rarecall import burn
from rarecall.burn import written

NO_OBJECTIVE = "gates.minority_recall allows everything or nothing, so no recall is promised. Set slo.recall."
NO_COSTS = (
    "The project says no costs. Set training.threshold: {policy: cost, costs: {false_negative: 100, false_positive: "
    "1}}; the threshold is then chosen for them too."
)


def panels(told: Told) -> Iterator[Panel]:
    """Yield the panels in their order on the page."""
    yield _promise(told)
    yield _labels(told)
    yield _holdout(told)
    yield _burn(told)
    yield _cost(told)
    yield _retrains(told)


def _objective(told: Told) -> float | None:
    return next((one.objective for one in objectives(told.project) if one.name == "recall"), None)


def _promise(told: Told) -> Panel:
    title, says = "The promise", "Recall over label time against its objective, and what is left of the budget."
    found = statuses(told.project, told.known)
    if not found or not found[0].positives:
        return Panel(title, says, wide=True, missing=NO_LABELS if _objective(told) else NO_OBJECTIVE)
    whole, *cohorts = found
    bad = [f"{one.cohort} {one.value}" for one in cohorts if one.state == "bad"]
    state = {"good": "holds", "bad": "is broken"}.get(whole.state, "cannot be judged yet")
    lede = f"The promise of a recall of {number(_objective(told))} {state}."
    if bad:
        lede += f" It is broken for {', '.join(bad[:4])}" + (f" and {len(bad) - 4} more." if len(bad) > 4 else ".")
    period = written(told.project.slo.period)
    return Panel(
        title, says, lede, wide=True,
        figures=[
            ("Recall, 7 days", number(whole.week.recall), interval(*whole.interval)),
            ("Precision, 7 days", number(whole.week.precision), f"{count(whole.week.false_alarms)} false alarms"),
            (f"Budget left of {period}", percent(whole.left),
             f"{count(whole.missed)} of {count(whole.positives)} missed"),
            ("Positives, 7 days", count(whole.week.positives), "whose label came"),
        ],
    )  # fmt: skip


def _labels(told: Told) -> Panel:
    title, says = "Recall and F1 in service", "Of the last seven days of labels, day after day."
    recall, f1 = (
        rolling(told, figure) for figure in (lambda one: one.recall, lambda one: one.f1 if one.positives else None)
    )
    if not recall:
        return Panel(title, says, missing=NO_LABELS)
    objective = _objective(told)
    limits = {"objective": objective} if objective else {}
    picture = trend(
        [Line("F1", "champion", f1), Line("recall", "good", recall)], salt="service", limits=limits, top=1.0
    )
    return Panel(title, says, picture=picture, legend=[("recall", "good"), ("F1", "champion")])


def _holdout(told: Told) -> Panel:
    title, says = "Recall and F1 of each retrain", "On the untouched holdout, before anything serves."
    by_name: dict[str, list[tuple[datetime, float]]] = {
        name: [
            (datetime.fromisoformat(run.started), run.sli[name])
            for run in told.home.runs
            if run.sli.get(name) is not None
        ]
        for name in ("minority_recall", "f1_minority")
    }
    if not by_name["minority_recall"]:
        return Panel(title, says, missing=NO_RUNS)
    picture = trend(
        [Line("F1", "champion", by_name["f1_minority"]), Line("recall", "good", by_name["minority_recall"])],
        salt="holdout", limits={"gate": told.project.gates.minority_recall}, top=1.0,
    )  # fmt: skip
    last = told.home.runs[-1]
    low, high = last.intervals.get("minority_recall", (None, None))
    lede = f"Version {last.version}: recall {number(last.sli['minority_recall'])} ({interval(low, high)})."
    return Panel(title, says, lede, picture=picture, legend=[("recall", "good"), ("F1", "champion")])


def _burn(told: Told) -> Panel:
    title, says = "Budget burn", "Of recall, seven days; 1 uses up exactly what is allowed."
    objective = _objective(told)
    if objective is None:
        return Panel(title, says, missing=NO_OBJECTIVE)
    points = rolling(told, lambda one: burn.rate(one.missed, one.positives, objective))
    if not points:
        return Panel(title, says, missing=NO_LABELS)
    rows = [
        [f"{rule.rule.severity}: above {rule.rule.factor:.3g} over {written(rule.rule.window)}",
         number(rule.rate), count(rule.positives),
         Mark(rule.state, {"firing": "bad", "silent": "good"}.get(rule.state, "unknown"))]
        for rule in statuses(told.project, told.known)[0].burns
    ]  # fmt: skip
    return Panel(
        title, says, picture=trend([Line("burn", "bad", points)], salt="burn", limits={"allowed": 1.0}),
        columns=["rule", "burn", "positives", "state"], rows=rows,
        missing="The budgets of availability and latency are counted by the servers and kept by Prometheus: "
        "infra/prometheus, and the Grafana dashboard beside it.",
    )  # fmt: skip


def _cost(told: Told) -> Panel:
    title, says = "Business cost", "What the answers cost whose label came, by week, as the project counts costs."
    asked = told.project.training.threshold.costs
    if asked is None:
        return Panel(title, says, missing=NO_COSTS)
    weeks: dict[str, float] = {}
    for day, cells in told.days.items():
        monday = date.fromisoformat(day) - timedelta(days=date.fromisoformat(day).weekday())
        weeks[f"week of {monday:%d %b}"] = weeks.get(f"week of {monday:%d %b}", 0.0) + costs.cost(cells[ALL], asked)
    if not weeks:
        return Panel(title, says, missing=NO_LABELS)
    whole = sum(weeks.values())
    lede = f"{whole:,.0f} within {written(told.project.slo.period)}."
    if min(weeks.values()) < 0:
        return Panel(title, says, lede, columns=["week", "cost"], rows=[[n, f"{v:,.0f}"] for n, v in weeks.items()])
    return Panel(title, says, lede, picture=bars(weeks, salt="cost", color="champion"))


def _retrains(told: Told) -> Panel:
    title, says = "Retrains", "Of the last 28 days: how many came to their end, and what was decided."
    done, begun = told.home.success(told.now - timedelta(days=28))
    if not begun and not told.home.runs:
        return Panel(title, says, missing=NO_RUNS, wide=True)
    shown = told.home.runs[-6:][::-1]
    promoted = sum(run.verdict == "promote" for run in told.home.since(told.now - timedelta(days=28)))
    return Panel(
        title, says, wide=True,
        figures=[
            ("Came to their end", f"{done} of {begun}", "the others failed, were killed, or still run"),
            ("Held every gate", count(promoted), f"of {count(done)}"),
        ],
        columns=["began", "version", "recall", "F1", "decision"],
        rows=[
            [moment(run.started), run.version, number(run.sli.get("minority_recall")),
             number(run.sli.get("f1_minority")),
             Mark(run.verdict.replace("_", " "), {"promote": "good", "reject": "bad"}.get(run.verdict, "unknown"))]
            for run in shown
        ],
    )  # fmt: skip
