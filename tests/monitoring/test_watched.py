"""The watch on real logs: which cohort's recall has fallen, which is not known well enough, and what changes that."""

from datetime import timedelta

import pytest
from late_truths import day, micros, weeks, write

from monitoring import predictions, watched
from rarecall.project import Project

RECALLS = {"north": 0.88, "south": 0.88, "west": 0.88}
REFERENCES = {"overall": {"": (440, 500)}, "region": {"north": (132, 150), "south": (132, 150)}}
CHANGED = 40


def project_on(url, **watch) -> Project:
    return Project.model_validate(
        {
            "name": "payments",
            "source": {"path": "payments.csv"},
            "timestamp": "paid_at",
            "label": {"column": "is_fraud", "positive": 1, "delay": "10d"},
            "cohorts": ["region", "channel"],
            "watch": watch,
            "stores": {"predictions": url, "home": "nowhere"},
        }
    )


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """70 days; from day 40 on the recall in the north is 0.45. What PostgreSQL answers is in `test_matured`."""
    where = f"sqlite:///{tmp_path_factory.mktemp('log') / 'predictions.db'}"
    weeks(where, days=70, rows=6000, recall=RECALLS, changed={"north": 0.45}, on=CHANGED, seed=1)
    return where


def found(url, at, cohort, value, against="objective", **watch):
    told = watched.findings(project_on(url, **watch), version=1, as_of=day(at), references=REFERENCES)
    return next(one for one in told if (one.cohort, one.value, one.against) == (cohort, value, against))


def test_the_cohort_that_fell_is_heard_and_no_other(url):
    told = watched.findings(project_on(url), version=1, as_of=day(64), references=REFERENCES)
    assert {(one.cohort, one.value) for one in told if one.breach} == {("region", "north")}
    assert {one.against for one in told if one.breach} == {"objective", "reference"}
    north = next(one for one in told if one.breach)
    assert (north.state, north.recall < 0.6, north.interval.high < 0.8) == ("bad", True, True)
    assert north.reasons[0].startswith("region north: recall has fallen below its objective of 0.80: evidence ")
    south = found(url, 64, "region", "south", "reference")
    assert (south.state, south.limit, south.breach) == ("good", pytest.approx(0.83), False)


def test_nothing_is_heard_on_any_day_before_the_change(url):
    for at in range(5, CHANGED, 6):
        told = watched.findings(project_on(url), version=1, as_of=day(at), references=REFERENCES)
        assert not any(one.breach for one in told), at


def test_it_is_heard_once_the_first_days_have_settled_and_stays(url):
    heard = [at for at in range(CHANGED, 70, 4) if found(url, at, "region", "north").breach]
    assert CHANGED + 10 < heard[0] <= CHANGED + 16
    assert heard == list(range(heard[0], 70, 4))


def test_what_is_written_later_does_not_change_what_was_said_of_a_moment(url):
    before = watched.findings(project_on(url), version=1, as_of=day(50), references=REFERENCES)
    name = "a row that was answered long ago"
    write(url, predictions=[{"id": name, "at": 45, "flagged": 0}])
    write(url, truths=[{"prediction": name, "revision": 1, "label": 1, "at": 46, "recorded": 69}])
    after = watched.findings(project_on(url), version=1, as_of=day(50), references=REFERENCES)
    assert [one.as_dict() for one in after] == [one.as_dict() for one in before]


def test_early_recall_is_set_right_by_how_late_the_missed_ones_come(url):
    cell = next(one for one in watched.watch(project_on(url, window="7d"), version=1, as_of=day(40)).cells)
    assert cell.is_corrected
    assert cell.recall.known < 0.97
    assert cell.recall.value < cell.hits / cell.positives
    assert cell.recall.interval.low < 0.88 < cell.recall.interval.high
    assert cell.missed == pytest.approx((1 - cell.recall.interval.high, 1 - cell.recall.interval.low))
    assert cell.recall.young > 0


def test_while_the_log_is_younger_than_labels_may_be_late_only_what_has_settled_counts(url):
    cell = watched.watch(project_on(url), version=1, as_of=day(9)).cells[0]
    assert (cell.is_corrected, cell.recall.value, cell.recall.counted, cell.positives > 40) == (False, None, 0, True)
    told = found(url, 9, "overall", "")
    assert (told.state, told.recall) == ("not enough evidence", None)
    assert "no labelled positive is old enough" in told.reasons[0]
    assert "how late labels come is not known yet" in told.reasons[1]


def test_few_positives_are_not_enough_evidence(url):
    told = found(url, 64, "region", "north", min_positives=5000)
    assert (told.state, told.breach) == ("not enough evidence", True)
    assert "5000 are needed for a judgement" in told.reasons[1]


def test_a_window_of_the_last_positives_is_one_of_time_that_begins_at_the_first_of_them(url):
    told = found(url, 64, "region", "north", window_positives=50)
    assert told.positives == 50
    assert day(50) < day(0) + (day(64) - day(0)) - timedelta(days=1)
    assert told.since > found(url, 64, "region", "north").since


def test_crossings_are_watched_by_themselves(url):
    told = watched.findings(project_on(url, crossings=[["region", "channel"]]), version=1, as_of=day(66))
    crossed = {one.value: one for one in told if one.cohort == "region x channel"}
    assert list(crossed) == [f"{a} x {b}" for a in ("north", "south", "west") for b in ("shop", "web")]
    assert {value for value, one in crossed.items() if one.breach} == {"north x shop", "north x web"}


def test_a_cohort_value_that_was_registered_and_is_not_seen_is_said_to_be_unknown(url):
    told = watched.findings(project_on(url), version=1, as_of=day(66), references={"region": {"east": (45, 50)}})
    east = [one for one in told if one.value == "east"]
    assert [(one.against, one.positives, one.state) for one in east] == [
        ("objective", 0, "not enough evidence"),
        ("reference", 0, "not enough evidence"),
    ]


def test_a_version_that_never_answered_has_nothing_to_show(url):
    told = watched.watch(project_on(url), version=77, as_of=day(66))
    assert (told.answered, [one.breach for one in told.findings]) == (0, [False])


def test_a_revised_label_changes_the_figure_and_leaves_a_trace(tmp_path):
    url = f"sqlite:///{tmp_path / 'log.db'}"
    weeks(url, days=40, rows=800, recall={"north": 0.5}, seed=2)
    names = [{"id": f"r{n}", "at": 30 + n / 100, "flagged": 0} for n in range(20)]
    first = [{"prediction": one["id"], "revision": 1, "label": 1, "at": 32} for one in names]
    later = [{"prediction": one["id"], "revision": 2, "label": 0, "at": 50} for one in names]
    write(url, predictions=names, truths=[*first, *later])
    before, after = (watched.watch(project_on(url), version=1, as_of=day(at)).cells[0] for at in (49, 51))
    assert (before.revised, before.first_told, after.revised) == (0, None, 20)
    assert after.recall.value > before.recall.value + 0.02
    assert after.first_told < after.recall.value
    reasons = watched.findings(project_on(url), version=1, as_of=day(51))[0].reasons
    assert (
        f"the labels of 20 of its rows were revised; by what was told first the recall was {after.first_told:.2f}"
        in reasons
    )


def test_a_shadow_is_watched_as_the_answers_it_would_have_given(tmp_path):
    url = f"sqlite:///{tmp_path / 'log.db'}"
    weeks(url, days=30, rows=600, recall={"north": 1.0}, seed=4)
    shadows = [{"prediction": f"1-0-4-{n}", "version": 2, "score": 0.1, "flagged": n % 2} for n in range(600)]
    write(url, shadows=shadows)
    told = watched.watch(project_on(url), version=2, as_of=day(45))
    assert told.answered == 600
    assert 0.3 < told.cells[0].recall.value < 0.7
    assert predictions.url(project_on(url)) == url
    assert told.as_of == day(45)
    assert micros(45) > micros(30)
