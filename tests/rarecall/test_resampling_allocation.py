import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rarecall.resampling.allocation import allocate

_scores = st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e9)), min_size=1, max_size=50).map(np.array)


@given(scores=_scores, total=st.integers(0, 10_000))
def test_counts_sum_to_what_was_asked_and_stay_within_one_of_their_share(scores, total):
    counts = allocate(scores, total)
    if not scores.any():
        assert counts.sum() == 0
        return
    assert counts.sum() == total
    assert (np.abs(counts - scores / scores.sum() * total) < 1 + 1e-6 * total).all()
    assert (counts[scores == 0] == 0).all()


@given(scores=_scores, total=st.integers(0, 1000), cap=st.integers(1, 40))
def test_a_cap_is_never_passed_and_leaves_out_no_more_than_it_must(scores, total, cap):
    counts = allocate(scores, total, cap=cap)
    assert counts.max(initial=0) <= cap
    assert counts.sum() == min(total, cap * np.count_nonzero(scores))


def test_equal_remainders_go_to_the_lower_position():
    assert allocate(np.ones(4), 6).tolist() == [2, 2, 1, 1]
