"""Budgets burn when labels come, rules that cannot fire do not exist, and few events say nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from postgres import postgres
from served import project_in

from monitoring import slo
from monitoring.label_time import ALL, Counts, by_day
from monitoring.prediction_store import engine
from monitoring.prediction_tables import TRUTHS
from monitoring.predictions import Log, Prediction, micros, url
from rarecall.sections import BurnRule

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def learned(project, *told):
    """Log answers of a month ago, and take their truths in at moments: (region, true, flagged, how many, how old)."""
    month = NOW - 30 * DAY
    rows = [
        (Prediction(f"g{group}-{n:03d}", month, "e", "champion", 1, "d", 0.5, flagged, {"region": region}), true)
        for group, (region, true, flagged, many, _) in enumerate(told)
        for n in range(many)
    ]
    with Log(url(project)) as log:
        asyncio.run(log.write([row for row, _ in rows]))
        asyncio.run(log.label([(row.id, true, month) for row, true in rows]))
    opened = engine(url(project))
    with opened.begin() as connection:  # the log's own clock is now: here it is the story's
        for group, (*_, old) in enumerate(told):
            mine = TRUTHS.c.prediction.startswith(f"g{group}-")
            connection.execute(TRUTHS.update().where(mine).values(recorded=micros(NOW - old)))
    opened.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def project(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("slo")
    if request.param == "sqlite":
        yield told_of(project_in(home))
    else:
        with postgres() as server:
            yield told_of(project_in(home, stores={"home": str(home), "predictions": server}))


def told_of(made):
    """Tell the story of these tests and return its project."""
    learned(
        made,
        ("north", 1, False, 40, HOUR),
        ("north", 1, True, 20, HOUR),
        ("south", 1, True, 90, 3 * DAY),
        ("south", 1, False, 10, 3 * DAY),
        ("south", 0, True, 25, 3 * DAY),
        ("west", 1, False, 4, HOUR),
        ("west", 0, False, 30, 10 * DAY),
        ("south", 1, False, 50, 29 * DAY),
    )
    return made


@pytest.fixture(scope="module")
def known(project):
    return slo.known(project, url(project), NOW)


def test_an_event_is_counted_when_its_truth_came_and_not_when_it_was_answered(known):
    assert known.cells[2 * HOUR][ALL] == Counts(hits=20, missed=44)
    assert known.cells[DAY][ALL] == Counts(hits=20, missed=44)
    assert known.cells[7 * DAY][ALL] == Counts(hits=110, missed=54, false_alarms=25)
    assert known.cells[28 * DAY][ALL] == Counts(hits=110, missed=54, false_alarms=25, rest=30)
    assert known.cells[28 * DAY]["region", "south"] == Counts(hits=90, missed=10, false_alarms=25)
    assert known.label_age == HOUR


def test_by_day_tells_the_same(project):
    days = by_day(url(project), NOW - 28 * DAY, NOW)
    assert list(days) == ["2026-03-10", "2026-03-17", "2026-03-20"]
    assert days["2026-03-17"][ALL] == Counts(hits=90, missed=10, false_alarms=25)


def test_the_usual_page_is_made_one_that_can_fire(project):
    recall, availability, latency = slo.objectives(project)
    assert [(rule.severity, rule.factor, rule.window) for rule in recall.rules] == [
        ("page", 2.5, 2 * HOUR),
        ("ticket", 2.0, 7 * DAY),
    ]
    assert "1 / (1 - 0.8) = 5; use factor 2.5 over 2h" in recall.changed[0]
    assert [rule.factor for rule in availability.rules] == [14.4, 6.0, 3.0, 1.0]
    assert availability.changed == latency.changed == ()


def test_an_objective_that_leaves_room_keeps_the_usual_rules(tmp_path):
    recall, *_ = slo.objectives(project_in(tmp_path, slo={"recall": 0.9}))
    assert [(rule.factor, rule.window, rule.short) for rule in recall.rules] == [
        (5.0, HOUR, None),
        (2.0, 7 * DAY, DAY),
    ]
    assert recall.changed == ()


def test_a_gate_that_allows_everything_promises_nothing(tmp_path):
    made = project_in(tmp_path, gates={"minority_recall": 0.0})
    assert [one.name for one in slo.objectives(made)] == ["availability", "latency"]
    assert slo.statuses(made, slo.known(made, url(made), NOW)) == []


def test_the_budget_the_burn_and_what_fires(project, known):
    found = {(one.cohort, one.value): one for one in slo.statuses(project, known)}
    assert list(found) == [ALL, ("region", "north"), ("region", "south"), ("region", "west")]
    north, south, west = (found["region", name] for name in ("north", "south", "west"))
    page, ticket = north.burns
    assert (page.positives, page.missed, page.state) == (60, 40, "firing")
    assert page.rate == pytest.approx(3.3333, abs=1e-4)
    assert (ticket.state, ticket.short_rate) == ("firing", pytest.approx(3.3333, abs=1e-4))
    assert (north.state, south.state) == ("bad", "good")
    assert north.left == pytest.approx(-2.3333, abs=1e-4)
    assert south.left == pytest.approx(0.5)
    assert [one.state for one in south.burns] == ["not enough evidence", "silent"]
    assert (west.state, west.burns[0].state) == ("not enough evidence", "not enough evidence")
    assert west.burns[0].rate == pytest.approx(5.0), "the largest there is, on four positives"


def test_what_is_over_is_silent(project):
    """The ticket's short window has nothing in it two days later, though the week is still as bad."""
    later = slo.known(project, url(project), NOW + 2 * DAY)
    everything = slo.statuses(project, later)[0]
    assert everything.week.missed == 54
    assert [one.state for one in everything.burns] == ["not enough evidence", "silent"]


def test_a_truth_that_is_corrected_is_no_event_of_the_past_any_more(tmp_path):
    made = project_in(tmp_path)
    learned(made, ("north", 1, False, 40, 3 * DAY))
    with Log(url(made)) as log:
        asyncio.run(log.label([(f"g0-{n:03d}", 0, NOW - DAY) for n in range(10)]))
    found = slo.known(made, url(made), datetime.now(UTC) + HOUR)
    assert found.cells[DAY][ALL] == Counts(rest=10), "they are learned anew, as negatives"
    before = slo.known(made, url(made), NOW)
    assert before.cells[7 * DAY][ALL] == Counts(missed=40), "what was known then stays as it was known"


def test_a_log_that_nobody_began_is_not_begun_by_looking(tmp_path):
    made = project_in(tmp_path / "new")
    found = slo.known(made, url(made), NOW)
    assert (found.cells[DAY][ALL], found.label_age) == (Counts(), None)
    assert not (tmp_path / "new" / "predictions").exists()


def test_a_cohort_of_many_values_is_cut_for_the_metrics(tmp_path):
    made = project_in(tmp_path)
    learned(made, *((f"r{n}", 1, True, 1, HOUR) for n in range(130)))
    cells = slo.known(made, url(made), NOW).cells[DAY]
    assert sum(one.hits for cell, one in cells.items() if cell != ALL) == 130
    assert (len(cells), cells["region", "other"].hits) == (102, 30)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"recall": 0.8, "recall_rules": [{"factor": 5, "window": "1h"}]}, "1 / (1 - 0.8) = 5; use factor 2.5 over 2h"),
        ({"recall_rules": [{"factor": 6, "window": "1h"}]}, "an objective above 0.833333"),
        ({"latency": 0.9, "latency_rules": [{"factor": 14.4, "window": "1h"}]}, "use factor 7.2 over 2h"),
        ({"recall": 0.9, "recall_rules": [{"factor": 2, "window": "30d"}]}, "a window within the period of 28d"),
        ({"latency_ms": 77}, "latency_ms: expected one of 1, 2.5"),
        ({"period": "3d"}, "period: expected a week or more"),
    ],
)
def test_a_rule_that_can_never_fire_is_refused_with_its_arithmetic(tmp_path, section, said):
    with pytest.raises(ValueError, match=r"never fire|a window within|expected one of|a week or more") as refused:
        project_in(tmp_path, slo=section)
    assert said in str(refused.value)


@pytest.mark.parametrize("short", ["1h", "2h", "0m"])
def test_a_short_window_is_shorter(short):
    with pytest.raises(ValueError, match="expected short below window"):
        BurnRule.model_validate({"factor": 2, "window": "1h", "short": short})
