"""The on-call's page: what fires, how today looks, what changed."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from monitoring.dashboard import Mark, Panel, Told
from monitoring.label_time import ALL, Cell, Counts
from monitoring.panels.week import NO_LABELS, NO_RUNS
from monitoring.report import count, interval, moment, number, percent, seconds
from monitoring.slo import BREACH, DAY, statuses
from rarecall.burn import written
from rarecall.intervals import wilson

_MOST = 12


def panels(told: Told) -> Iterator[Panel]:
    """Yield the panels in their order on the page."""
    yield _fires(told)
    yield _today(told, "Recall, 24 h", "By cohort value, of the labels that came today.", is_recall=True)
    yield _today(told, "Precision, 24 h", "By cohort value, of the labels that came today.", is_recall=False)
    yield _model(told)
    yield _drift(told)
    yield _runs(told)
    yield _moves(told)


def _fires(told: Told) -> Panel:
    title, says = "What fires", "Rules over label time, as rarecall slo tells them; the rest is Prometheus's."
    age = told.known.label_age
    found = statuses(told.project, told.known)
    rows = []
    for one in found:
        name = "all" if (one.cohort, one.value) == ALL else f"{one.cohort} {one.value}"
        if one.state == "bad":
            rows.append([Mark("page", "bad"), name, "below the objective over " + written(BREACH),
                         number(one.week.recall), interval(*one.interval)])  # fmt: skip
        rows += [
            [Mark(rule.rule.severity, "bad" if rule.rule.severity == "page" else "unknown"), name,
             f"burns above {rule.rule.factor:.3g} over {written(rule.rule.window)}", number(rule.rate),
             f"{count(rule.missed)} of {count(rule.positives)} missed"]
            for rule in one.burns
            if rule.state == "firing"
        ]  # fmt: skip
    if age is None:
        return Panel(title, says, missing=NO_LABELS, wide=True)
    lede = f"The newest label is {age / DAY:.1f} days old."
    if age > told.project.slo.labels_within:
        lede += f" That is more than {written(told.project.slo.labels_within)}: docs/runbooks/source-late.md."
    if not rows:
        return Panel(title, says, f"Nothing fires. {lede}", wide=True)
    lede = f"{len(rows)} {'rule fires' if len(rows) == 1 else 'rules fire'}: docs/runbooks/recall-breach.md. {lede}"
    return Panel(
        title,
        says,
        lede,
        wide=True,
        texts=3,
        columns=["told by", "what", "because", "figure", "evidence"],
        rows=rows[:_MOST],
    )


def _today(told: Told, title: str, says: str, *, is_recall: bool) -> Panel:
    cells: Mapping[Cell, Counts] = told.known.cells[DAY]
    confidence, floor = told.project.gates.confidence, told.project.gates
    rows = []
    for cell in [ALL, *sorted(cell for cell in cells if cell != ALL)]:
        one = cells[cell]
        hits, whole = one.hits, one.positives if is_recall else one.hits + one.false_alarms
        if not whole:
            continue
        bounds = wilson(hits, whole, confidence)
        limit = floor.minority_recall if is_recall else floor.minority_precision
        state = "good" if bounds.low >= limit else "bad" if bounds.high < limit else "not enough evidence"
        if whole < floor.min_positives:
            state = "not enough evidence"
        name = "all" if cell == ALL else f"{cell[0]} {cell[1]}"
        rows.append([name, number(hits / whole), interval(*bounds), count(whole), Mark.of(state)])
    if not rows:
        return Panel(title, says, missing=f"No label came within 24 hours. {NO_LABELS}")
    columns = [
        "of",
        "recall" if is_recall else "precision",
        "interval",
        "positives" if is_recall else "flagged",
        "state",
    ]
    left = f"and {len(rows) - _MOST} more cohort values: rarecall slo --json" if len(rows) > _MOST else ""
    return Panel(title, says, columns=columns, rows=rows[:_MOST], missing=left)


def _model(told: Told) -> Panel:
    title, says = "The model", "Train-test gap and synthetic share, of the champion and of the last retrain."
    named = {"champion": told.home.of_champion(), "last retrain": told.home.runs[-1] if told.home.runs else None}
    known = {name: run for name, run in named.items() if run}
    if not known:
        return Panel(title, says, missing=NO_RUNS)
    gates = told.project.gates
    rows = []
    for name, run in known.items():
        low, high = run.intervals.get("train_test_gap", (None, None))
        rows.append([f"{name}, version {run.version}", number(run.sli.get("train_test_gap")), interval(low, high),
                     percent(run.synthetic_share or 0.0), count(run.synthetic_rows)])  # fmt: skip
    most = percent(gates.synthetic_share_max)
    lede = f"The gate of the gap is {number(gates.train_test_gap)}, the synthetic share's most {most}."
    missing = (
        "" if "champion" in known else "The champion's record is not in this home, or none serves: rarecall status."
    )
    columns = ["model", "gap", "interval", "synthetic", "rows"]
    return Panel(title, says, lede, columns=columns, rows=rows, missing=missing)


def _drift(told: Told) -> Panel:
    title, says = "Drift", "Columns that moved from the training rows to the holdout, by Evidently, at each retrain."
    if not told.home.runs:
        return Panel(title, says, missing=NO_RUNS)
    rows = [
        [moment(run.started), run.version, f"{len(run.drifted)} of {run.columns}", ", ".join(run.drifted[:3]) or "—"]
        for run in told.home.runs[-5:][::-1]
    ]
    said = "Of the rows that are served now: rarecall drift, and the debug page's feature shifts."
    columns = ["retrain", "version", "drifted", "most"]
    return Panel(title, says, texts=4, columns=columns, rows=rows, missing=said)


def _runs(told: Told) -> Panel:
    title, says = "Recent retrains", "What began, how it ended, and why."
    rows = [
        [moment(run.started), run.version, seconds(run.seconds), run.verdict.replace("_", " "), run.reasons[0]]
        for run in told.home.runs[-6:][::-1]
    ]
    recent = [one for one in told.home.unfinished if one >= (told.now - timedelta(days=28)).isoformat()]
    rows = [[moment(one), "—", "—", "did not end", "failed, killed, or still running"] for one in recent[-3:]] + rows
    if not rows:
        return Panel(title, says, missing=NO_RUNS, wide=True)
    return Panel(
        title, says, wide=True, texts=5, columns=["began", "version", "took", "decision", "because"], rows=rows
    )


def _moves(told: Told) -> Panel:
    title, says = "Moves", "Who moved which alias, newest first: the ledger, which rarecall history verifies."
    rows = [
        [one["at"], one["action"],
         ", ".join(f"{alias} {pair['from'] or '—'} → {pair['to'] or '—'}" for alias, pair in one["moves"].items()),
         one["who"], one["why"]]
        for one in told.home.moves[:8]
    ]  # fmt: skip
    if not rows:
        return Panel(title, says, missing="No alias has moved yet. A retrain or rarecall promote moves one.", wide=True)
    return Panel(title, says, wide=True, texts=5, columns=["at, UTC", "action", "moves", "who", "why"], rows=rows)
