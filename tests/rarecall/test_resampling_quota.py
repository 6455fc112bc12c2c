import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_classification

from rarecall.resampling import ADASYN
from rarecall.resampling.quota import Quota


@pytest.fixture(scope="module")
def table():
    return make_classification(1000, weights=[0.9], random_state=0)


@given(wanted=st.dictionaries(st.integers(0, 5), st.integers(0, 1000), min_size=1), share=st.floats(0, 0.9))
def test_a_share_is_never_passed_and_used_up(wanted, share):
    got, notes = Quota((share,)).cut(wanted, n_rows=500, row_bytes=1)
    total = sum(got.values())
    assert total <= share * (500 + total) + 1e-6
    assert bool(notes) == (total < sum(wanted.values()))
    assert not notes or total + 1 > share * (500 + total + 1) - 1e-6


@pytest.mark.parametrize(
    ("limit", "rows"),
    [({"max_synthetic": 50}, 50), ({"max_synthetic": 0.2}, 250), ({"max_synthetic": (0.2, 40)}, 40),
     ({"memory_budget": 20 * 8 * 30}, 30)],
)  # fmt: skip
def test_what_a_limit_cuts_is_said(table, limit, rows):
    X, y = table
    sampler = ADASYN(random_state=0, **limit)
    with pytest.warns(UserWarning, match=f"rows were cut to {rows}: {next(iter(limit))}"):
        X_res, _ = sampler.fit_resample(X, y)
    assert len(X_res) == 1000 + rows
    assert f"cut to {rows}" in sampler.plan_.notes[-1]


def test_no_parent_gives_more_than_its_cap(table):
    X, y = table
    sampler = ADASYN(random_state=0, max_per_parent=3)
    with pytest.warns(UserWarning, match="max_per_parent is 3"):
        sampler.fit_resample(X, y)
    assert np.unique(sampler.lineage_["parent_id"].to_numpy(), return_counts=True)[1].max() == 3
