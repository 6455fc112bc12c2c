import numpy as np
import pytest

from rarecall.attacks.reconstruction import modes, reconstruct
from rarecall.deadline import Deadline


def _drawn(real, pairs, each, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([real[a] + rng.random((each, 1)) * (real[b] - real[a]) for a, b in pairs])


def _others(n):
    return np.array([[other for other in range(n) if other != row] for row in range(n)])


def _found(drawn, **options):
    return reconstruct(drawn, _others(len(drawn)), Deadline(1e9), **options).numbers


@pytest.fixture
def real():
    return np.random.default_rng(3).normal(size=(4, 5))


def test_where_lines_end_and_meet_stands_a_real_row(real):
    drawn = _drawn(real, [(0, 1), (1, 2), (2, 0)], each=5)
    found = _found(drawn)
    assert len(found) == 3
    assert all(np.abs(found - row).max(axis=1).min() < 1e-6 for row in real[:3])


def test_a_row_that_was_found_helps_to_find_others_by_lines_of_two_points(real):
    """The sides from row 3 have two points each: too few for a line, until their other ends are known."""
    drawn = _drawn(real, [(0, 1), (1, 2), (2, 0)], each=5)
    more = np.concatenate([drawn, _drawn(real, [(0, 3), (1, 3)], each=2, seed=1)])
    assert len(_found(more)) == 4
    assert np.abs(_found(more) - real[3]).max(axis=1).min() < 1e-6


def test_one_line_alone_gives_no_row(real):
    assert len(_found(_drawn(real, [(0, 1)], each=9))) == 0


def test_rounded_rows_are_found_on_their_steps():
    real = np.random.default_rng(3).integers(0, 10**6, (3, 5)).astype(float)
    drawn = _drawn(real, [(0, 1), (1, 2), (2, 0)], each=6).round()
    found = _found(drawn)
    assert (found == found.round()).all()
    assert all(np.abs(found - row).max(axis=1).min() < 50 for row in real)


def test_a_column_that_does_not_vary_is_given_back():
    real = np.column_stack([np.random.default_rng(3).normal(size=(3, 4)), np.full(3, 7.0)])
    assert set(_found(_drawn(real, [(0, 1), (1, 2), (2, 0)], each=5))[:, 4]) == {7.0}


@pytest.mark.parametrize("loose", [0.0, 0.05])
def test_in_a_cloud_nothing_is_found(loose):
    assert len(_found(np.random.default_rng(0).normal(size=(90, 5)), loose=loose)) == 0


def test_modes_are_where_rows_are_closest_together():
    rng = np.random.default_rng(0)
    centers = np.array([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    drawn = np.concatenate([center + rng.normal(size=(30, 2)) * rng.random((30, 1)) ** 2 for center in centers])
    distance = ((drawn[:, None] - drawn[None]) ** 2).sum(axis=2)
    nearby = np.argsort(distance, axis=1)[:, 1:]
    found = modes(drawn, nearby).numbers
    assert all(np.abs(found - center).max(axis=1).min() < 0.3 for center in centers)
