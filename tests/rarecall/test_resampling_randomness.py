from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import check_random_state

from rarecall.resampling.randomness import seed_of, uniforms


@given(cuts=st.lists(st.integers(0, 200), max_size=6), seed=st.integers(0, 2**63 - 1))
def test_a_rows_numbers_do_not_depend_on_the_blocks(cuts, seed):
    edges = sorted({0, 200, *cuts})
    parts = [uniforms(seed, 1, a, b) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), uniforms(seed, 1, 0, 200))


def test_seeds_attempts_and_rows_have_numbers_of_their_own():
    streams = [uniforms(seed, attempt, 0, 500).ravel() for seed in (0, 1) for attempt in (0, 1)]
    assert len(np.unique(np.concatenate(streams))) == 4 * 1000


def test_numbers_are_uniform():
    numbers = uniforms(3, 0, 0, 100_000)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = np.histogram(numbers[:, 1], bins=20, range=(0, 1))[0]
    assert np.abs(counts - 5000).max() < 5 * np.sqrt(5000)


def test_an_integer_is_its_own_seed_and_a_generator_gives_the_next():
    assert seed_of(np.int64(5)) == 5
    assert seed_of(check_random_state(0)) == seed_of(check_random_state(0))
    assert seed_of(None) != seed_of(None)
