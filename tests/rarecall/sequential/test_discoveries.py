"""e-BH: which tests to believe, whatever they have to do with one another."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rarecall.sequential.alarm import path
from rarecall.sequential.discoveries import discoveries


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=12), st.floats(0.01, 0.5))
def test_it_is_the_largest_number_of_tests_each_of_which_has_its_share(values, alpha):
    many = len(values)
    held = [k for k in range(1, many + 1) if sum(np.log(v) >= np.log(many / (k * alpha)) for v in values) >= k]
    found = discoveries(np.log(values), alpha)
    assert found.sum() == max(held, default=0)
    if found.any() and not found.all():
        assert np.array(values)[found].min() >= np.array(values)[~found].max()


def test_of_nothing_nothing_is_found_and_a_test_without_evidence_counts():
    assert discoveries([], 0.05).tolist() == []
    assert discoveries(np.log([25.0]), 0.05).tolist() == [True]
    assert discoveries([np.log(25.0), -np.inf], 0.05).tolist() == [False, False]


def test_where_nothing_is_wrong_any_discovery_over_all_looks_is_as_rare_as_of_one_test():
    """Ten cohorts and the rows of all of them together, looked at after every ten rows of each."""
    rng = np.random.default_rng(1)
    false = 0
    for _ in range(80):
        hits = rng.random((10, 400)) < 0.8
        each = path(hits, 0.8, np.full(400, 1 / 400))
        whole = path(hits.T.ravel(), 0.8, np.full(4000, 1 / 4000))[9::10]
        looks = np.vstack([each, whole])[:, 9::10].T
        false += any(discoveries(look, 0.05).any() for look in looks)
    assert false / 80 <= 0.05
