import numpy as np
import pytest

from rarecall.attacks.lines import between, beyond, spreads, steps, through
from rarecall.deadline import Deadline

NEVER = Deadline(1e9)


def _others(n):
    return np.array([[other for other in range(n) if other != row] for row in range(n)])


@pytest.fixture
def points():
    """Five points on one line, four on another, six on none; in units of a millionth."""
    rng = np.random.default_rng(0)
    one = rng.normal(size=3) + rng.random((5, 1)) * rng.normal(size=3)
    two = rng.normal(size=3) + rng.random((4, 1)) * rng.normal(size=3)
    return np.concatenate([one, two, rng.normal(size=(6, 3))]) * 1e6


def test_triples_are_found_on_lines_only(points):
    found = between(points, np.arange(15), _others(15), NEVER)
    sets = {frozenset(triple) for triple in found.tolist()}
    assert len(sets) == 10 + 4
    assert all(max(one) < 5 or (min(one) >= 5 and max(one) < 9) for one in sets)


def test_a_triple_begins_with_its_middle_or_with_its_end(points):
    rows, nearby = np.arange(15), _others(15)
    for triples, place in ((between(points, rows, nearby, NEVER), 1), (beyond(points, rows, nearby, NEVER), 0)):
        for first, *others in triples.tolist():
            along = (points[[first, *others]] - points[first]) @ (points[others[1]] - points[others[0]])
            rank = int((along < along[0]).sum())
            assert rank == 1 if place else rank != 1


def test_triples_that_share_two_points_are_one_line(points):
    lines = through(points, between(points, np.arange(15), _others(15), NEVER))
    assert len(lines) == 2
    assert {int(max(lines.first[at], lines.last[at])) < 5 for at in (0, 1)} == {True, False}
    length = np.sqrt(((lines.end - lines.start) ** 2).sum(axis=1))
    widest = [max(np.linalg.norm(a - b) for a in part for b in part) for part in (points[:5], points[5:9])]
    np.testing.assert_allclose(sorted(length), sorted(widest))


def test_what_would_lie_so_by_chance_is_no_line():
    """Coarse whole numbers are on lines by the dozen."""
    coarse = np.random.default_rng(0).integers(0, 6, (40, 3)).astype(float)
    assert len(between(coarse, np.arange(40), _others(40), NEVER)) == 0


def test_rounded_points_are_still_on_their_line():
    rng = np.random.default_rng(0)
    fine = (rng.normal(size=4) + rng.random((5, 1)) * rng.normal(size=4)) * 1e6
    assert len(between(fine.round(), np.arange(5), _others(5), NEVER)) == 10


def test_a_deadline_stops_it(points):
    over = Deadline(0.0)
    assert len(between(points, np.arange(15), _others(15), over)) == 0
    assert over.cut


def test_steps_are_read_off_the_values():
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(size=50).round(digits) for digits in (0, 1, 2, 3)] + [rng.normal(size=50)])
    np.testing.assert_allclose(steps(values), [1.0, 0.1, 0.01, 0.001, 0.0])


def test_a_spread_is_never_zero():
    values = np.column_stack([np.zeros(8), np.arange(8.0), [0, 0, 0, 0, 0, 0, 0, 8.0]])
    assert (spreads(values) > 0).all()
    assert spreads(values)[0] == 1.0
