"""Shadows take what room there is and never keep a request waiting."""

import time

import pytest
from served import features

from serving.models import Served
from serving.scorer import scorer
from serving.shadow import Shadows


@pytest.fixture(scope="module")
def canary(small_models):
    return Served(2, scorer(small_models[1]), None, {})


def scored(shadows, rows):
    end = time.monotonic() + 20
    while shadows.scored + shadows.dropped < rows and time.monotonic() < end:
        time.sleep(0.02)


def test_every_row_is_scored_where_there_is_room(canary):
    offered = []
    shadows = Shadows(lambda found: offered.extend(found) or True)
    shadows.start()
    for n in range(40):
        shadows.put(canary, [f"p{n}a", f"p{n}b"], [features(amount=float(n)), features(region=None)])
    scored(shadows, 80)
    shadows.close()
    assert (shadows.scored, shadows.dropped, shadows.waiting) == (80, 0, 0)
    assert {one.id for one in offered} == {f"p{n}{part}" for n in range(40) for part in "ab"}
    assert {one.version for one in offered} == {2}
    assert all(one.flagged == (one.score >= 0.3) for one in offered)


def test_what_has_no_room_is_dropped_and_counted(canary):
    shadows = Shadows(lambda _: True, room=3)
    for n in range(5):
        shadows.put(canary, [str(n)], [features()])
    assert (shadows.waiting, shadows.dropped) == (3, 2)
    shadows.start()
    scored(shadows, 5)
    shadows.close()
    assert (shadows.scored, shadows.dropped, shadows.waiting) == (3, 2, 0)


def test_a_row_that_lacks_what_only_the_canary_reads_is_dropped(canary):
    shadows = Shadows(lambda _: True)
    shadows.start()
    shadows.put(canary, ["a", "b"], [{"amount": 3.0}, features()])
    scored(shadows, 2)
    shadows.close()
    assert (shadows.scored, shadows.dropped) == (1, 1)


def test_a_log_without_room_is_counted_as_dropped(canary):
    shadows = Shadows(lambda _: False)
    shadows.start()
    shadows.put(canary, ["a"], [features()])
    scored(shadows, 1)
    shadows.close()
    assert (shadows.scored, shadows.dropped) == (0, 1)
