"""The debugger's page: where the recall is lost, and what the training rows were like."""

from collections.abc import Iterator
from datetime import datetime

from monitoring.dashboard import Mark, Panel, Told
from monitoring.label_time import ALL
from monitoring.panels.week import NO_LABELS, NO_RUNS
from monitoring.plots.dashboard import Line, bars, trend
from monitoring.report import count, interval, number, percent
from monitoring.slo import statuses
from rarecall.burn import written

_MOST = 40
NO_SYNTHETIC = (
    "The last retrain made no synthetic rows: they were not shown to gain, or augmentation.sampler is none. To train "
    "with them all the same: ablation: {ship: configured}."
)


def panels(told: Told) -> Iterator[Panel]:
    """Yield the panels in their order on the page."""
    yield _cohorts(told)
    yield _distances(told)
    yield _noise(told)
    yield _synthetic(told)
    yield _shifts(told)


def _cohorts(told: Told) -> Panel:
    period = written(told.project.slo.period)
    title, says = "Cohorts", f"Recall and precision of {period} of labels, beside the champion's on its holdout."
    champion = told.home.of_champion()
    whole = told.known.cells[told.project.slo.period]
    states = {(one.cohort, one.value): one for one in statuses(told.project, told.known)}
    rows = []
    for cell in [ALL, *sorted(cell for cell in whole if cell != ALL and whole[cell].positives)]:
        one = whole[cell]
        if not one.positives:
            continue
        before = champion.cohorts.get(cell[0], {}).get(cell[1], {}).get("minority_recall") if champion else None
        if champion and cell == ALL:
            before = champion.sli.get("minority_recall")
        status = states.get(cell)
        rows.append(
            ["all" if cell == ALL else f"{cell[0]} {cell[1]}", count(one.positives), number(one.recall),
             interval(*one.recall_interval(told.project.gates.confidence)), number(before), number(one.precision),
             percent(status.left) if status else "—", Mark.of(status.state if status else "not enough evidence")]
        )  # fmt: skip
    if not rows:
        return Panel(title, says, missing=NO_LABELS, wide=True)
    columns = ["of", "positives", "recall", "interval", "on holdout", "precision", "budget left", "7 days"]
    left = f"and {len(rows) - _MOST} more: rarecall slo --json" if len(rows) > _MOST else ""
    return Panel(title, says, columns=columns, rows=rows[:_MOST], missing=left, wide=True)


def _distances(told: Told) -> Panel:
    title, says = "Neighbour distances", "From a rare training row to its neighbours, quartiles, at each retrain."
    made = [run for run in told.home.runs if run.distance and run.distance["median"] is not None]
    if not made:
        return Panel(title, says, missing=NO_SYNTHETIC if told.home.runs else NO_RUNS)
    lines = [
        Line(name, color, [(datetime.fromisoformat(run.started), run.distance[name]) for run in made if run.distance])
        for name, color in (("lower_quartile", "unknown"), ("upper_quartile", "unknown"), ("median", "good"))
    ]
    last = made[-1]
    lede = f"Version {last.version}: median {number(lines[2].points[-1][1])}. A rise: rare rows lie farther apart."
    legend = [("median", "good"), ("quartiles", "unknown")]
    return Panel(title, says, lede, picture=trend(lines, salt="distances", limits={}), legend=legend)


def _noise(told: Told) -> Panel:
    title, says = "Label noise", "Share of suspect labels at the last retrain, by cohort value, noisiest first."
    if not told.home.runs or told.home.runs[-1].noise["rate"] is None:
        return Panel(title, says, missing=NO_RUNS)
    noise = told.home.runs[-1].noise
    cells = [
        (f"{cohort} {value}", one) for cohort, values in noise["by_cohort"].items() for value, one in values.items()
    ]
    cells.sort(key=lambda cell: -cell[1]["low"])
    gate = told.project.gates.label_noise_rate
    rows = [
        [name, count(one["suspects"]), percent(one["rate"]), f"{percent(one['low'])} to {percent(one['high'])}",
         Mark.of("bad" if one["low"] > gate else "good" if one["high"] <= gate else "not enough evidence")]
        for name, one in cells[:10]
    ]  # fmt: skip
    lede = (
        f"{percent(noise['rate'])} of all ({percent(noise['low'])} to {percent(noise['high'])}), "
        f"{count(noise['suspects'])} rows; the gate is {percent(gate)}."
    )
    return Panel(title, says, lede, columns=["of", "suspects", "share", "interval", "state"], rows=rows)


def _synthetic(told: Told) -> Panel:
    title, says = "Synthetic rows", "By cohort value, in the training rows of the last retrain."
    if not told.home.runs:
        return Panel(title, says, missing=NO_RUNS)
    last = told.home.runs[-1]
    if not last.synthetic_rows:
        return Panel(title, says, missing=NO_SYNTHETIC)
    parts = {f"{cohort} {value}": many for cohort, values in last.synthetic.items() for value, many in values.items()}
    share = percent(last.synthetic_share)
    lede = f"Version {last.version}: {count(last.synthetic_rows)} rows, {share} of what it learned from."
    if not parts:
        return Panel(title, says, lede, missing="The project names no cohorts, so they are not counted apart.")
    return Panel(title, says, lede, picture=bars(parts, salt="synthetic"))


def _shifts(told: Told) -> Panel:
    title, says = "Feature shifts", "Rare rows of the holdout beside those of the training: 0 alike, 1 apart."
    if not told.home.runs:
        return Panel(title, says, missing=NO_RUNS)
    last = told.home.runs[-1]
    if not last.shifts:
        drifted = ", ".join(last.drifted) or "no column"
        return Panel(title, says, missing=f"{NO_SYNTHETIC} Without them the rare rows are not compared; of all rows "
                     f"{drifted} drifts.")  # fmt: skip
    parts = dict(sorted(last.shifts.items(), key=lambda one: -one[1]))
    return Panel(title, says, picture=bars(parts, salt="shifts", digits=2, color="champion"))
