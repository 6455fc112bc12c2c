"""The join: each row with its label as it was known at a moment, whoever asks, and whatever was told later."""

from collections import Counter

import numpy as np
import pytest
from late_truths import DAY, day, micros, weeks, write
from postgres import postgres

from monitoring import matured
from rarecall.errors import StoreError


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request, tmp_path_factory):
    if request.param == "postgresql":
        return request.getfixturevalue("server")
    return f"sqlite:///{tmp_path_factory.mktemp('log') / 'predictions.db'}"


PREDICTIONS = [
    {"id": "found", "at": 1, "flagged": 1, "cohorts": '{"region":"north"}'},
    {"id": "missed", "at": 2, "flagged": 0, "cohorts": '{"region":"south"}'},
    {"id": "false alarm", "at": 3, "flagged": 1, "cohorts": '{"region":"north"}'},
    {"id": "passed over", "at": 3, "flagged": 0},
    {"id": "cleared", "at": 4, "flagged": 0},
    {"id": "of another", "at": 4, "flagged": 1, "version": 2},
    {"id": "seen as a shadow", "at": 5, "flagged": 1, "version": 2},
    {"id": "waits", "at": 6, "flagged": 1},
]
SHADOWS = [{"prediction": "seen as a shadow", "version": 1, "score": 0.1, "flagged": 0}]
TRUTHS = [
    {"prediction": "found", "revision": 1, "label": 1, "at": 2},
    {"prediction": "missed", "revision": 1, "label": 1, "at": 9},
    {"prediction": "false alarm", "revision": 1, "label": 1, "at": 4},
    {"prediction": "false alarm", "revision": 2, "label": 0, "at": 12},
    {"prediction": "passed over", "revision": 1, "label": 0, "at": 4},
    {"prediction": "cleared", "revision": 1, "label": 1, "at": 5},
    {"prediction": "cleared", "revision": 2, "label": 0, "at": 7},
    {"prediction": "cleared", "revision": 3, "label": 1, "at": 6, "recorded": 8},  # holds since earlier: displaces none
    {"prediction": "of another", "revision": 1, "label": 1, "at": 6},
    {"prediction": "seen as a shadow", "revision": 1, "label": 1, "at": 8},
]


@pytest.fixture(scope="module")
def story(url):
    write(url, predictions=PREDICTIONS, shadows=SHADOWS, truths=TRUTHS)
    return url


def rows(found):
    """Return day, day known, label, flagged, by whom it was acted upon, and what was told first."""
    columns = (found.at, found.known, found.label, found.flagged, found.acted, found.first)
    days = [[(one - micros(0)) / DAY for one in column] for column in columns[:2]]
    return list(zip(*days, *(column.tolist() for column in columns[2:]), strict=True))


def test_a_row_has_the_label_that_stands(story):
    assert rows(matured.read(story, version=1, as_of=day(20))) == [
        (1, 2, True, True, True, True),
        (2, 9, True, False, False, True),
        (3, 12, False, True, True, True),
        (4, 7, False, False, False, True),
        (5, 8, True, False, True, True),
    ]


def test_of_a_moment_that_has_passed_the_answer_is_the_one_of_then(story):
    found = matured.read(story, version=1, as_of=day(6.5))
    assert rows(found) == [
        (1, 2, True, True, True, True),
        (3, 4, True, True, True, True),
        (4, 5, True, False, False, True),
    ]
    assert (found.answered, found.begun, found.as_of) == (7, micros(1), micros(6.5))
    before = matured.read(story, version=1, as_of=day(0.5))
    assert (rows(before), before.answered, before.begun) == ([], 0, micros(0.5))


def test_cohorts_are_row_by_row_and_what_is_not_known_is_missing(story):
    found = matured.read(story, version=1, as_of=day(20))
    assert {name: values.tolist() for name, values in found.cohorts.items()} == {
        "region": ["north", "south", "north", "missing", "missing"]
    }


def test_labels_come_as_the_answer_was_acted_upon_and_every_version_teaches_how_soon(story):
    curves = matured.read(story, version=1, as_of=day(20)).curves
    assert {kind: curve.labels for kind, curve in curves.items()} == {
        (True, True): 3,  # found, of another, seen as a shadow
        (True, False): 1,
        (False, True): 1,
        (False, False): 1,
    }
    assert (curves[True, True].delays / DAY).tolist() == [1, 2, 3]


def test_weeks_are_joined_as_a_loop_would(url, tmp_path):
    weeks(url, days=20, rows=400, recall={"north": 0.6, "south": 0.9}, version=9, seed=3)
    found = matured.read(url, version=9, as_of=day(15))
    again = matured.read(url, version=9, as_of=day(30))
    assert found.answered < again.answered == 400
    assert (found.known <= micros(15)).all()
    early = Counter(zip(found.at.tolist(), found.flagged.tolist(), strict=True))
    old = (again.known <= micros(15)).tolist()
    assert early == Counter(
        one for one, is_old in zip(zip(again.at, again.flagged, strict=True), old, strict=True) if is_old
    )
    late = (again.known - again.at) / DAY
    assert np.median(late[again.label & again.flagged]) < np.median(late[again.label & ~again.flagged])


def test_a_log_that_cannot_be_read_is_one_sentence(tmp_path):
    file = tmp_path / "log.db"
    file.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="could not be read: file is not a database"):
        matured.read(f"sqlite:///{file}", version=1)
