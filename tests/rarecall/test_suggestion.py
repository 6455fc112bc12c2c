"""Which rows are worth a label: where the model wavers and many are alike, no two that would tell the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecall.errors import DataError
from rarecall.suggestion import BY, even_floor, labelled_near, suggest, uncertainty

NUMBER = {"a": "numeric"}


def test_a_row_at_its_threshold_is_the_most_uncertain():
    assert uncertainty([0.05, 0.3, 0.3], [0.05, 0.3, 0.6]).tolist() == [1.0, 1.0, 0.5]


def test_a_threshold_that_flags_all_or_nothing_divides_by_nothing():
    assert uncertainty([0.0, 1.0], 0.0).tolist() == [0.0, 0.0]
    assert uncertainty([0.0, 1.0], 1.0).tolist() == [0.0, 0.0]


def test_of_rows_as_uncertain_the_one_among_many_comes_first():
    rows = pd.DataFrame({"a": [*np.linspace(0, 1, 30), 50.0]})
    found = suggest(rows, NUMBER, np.full(31, 0.5), 0.5, budget=31, by="dense")
    assert found["at"].iloc[-1] == 30
    assert found["density"].iloc[0] > 10 * found["density"].iloc[-1]


@pytest.mark.parametrize("by", BY)
def test_two_crowds_share_a_budget_that_one_alone_would_have_had(by):
    """The second crowd is a little less likely and less uncertain, so without the discount it would get none."""
    rows = pd.DataFrame({"a": [*np.linspace(0, 0.001, 40), *np.linspace(9, 9.001, 40)]})
    score = np.repeat([0.5, 0.45], 40)
    found = suggest(rows, NUMBER, score, 0.5, budget=8, by=by)
    assert (found["at"] >= 40).sum() == 4


def test_the_same_rows_are_chosen_again():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=300), "job": rng.choice(list("xyz"), 300)})
    kinds, score = {"a": "numeric", "job": "categorical"}, rng.uniform(size=300)
    first, again = (suggest(rows, kinds, score, 0.2, budget=20) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(0, 4))
def test_the_budget_and_the_floors_hold_whatever_the_rows(seed, budget, floor):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 80))
    rows = pd.DataFrame({"a": rng.integers(0, 5, n).astype(float)})
    cohorts = pd.DataFrame({"region": rng.choice(["n", "s"], n, p=[0.95, 0.05]), "job": rng.choice(list("xyz"), n)})
    try:
        by = BY[seed % 3]
        found = suggest(rows, NUMBER, rng.uniform(size=n), 0.1, budget=budget, by=by, cohorts=cohorts, floor=floor)
    except DataError:
        assert budget < floor * 5
        return
    assert len(found) == min(budget, n) == found["at"].nunique()
    for name in cohorts:
        for value, many in cohorts[name].value_counts().items():
            assert (cohorts[name].iloc[found["at"]] == value).sum() >= min(floor, many)


def test_a_floor_looks_beyond_the_most_uncertain_rows():
    """The rare cohort's rows are so certain that they are not among the rows looked at for the budget."""
    score = np.append(np.full(5000, 0.5), [0.001, 0.002])  # neither likely nor uncertain
    rows = pd.DataFrame({"a": np.arange(5002.0)})
    cohorts = pd.DataFrame({"region": ["south"] * 5000 + ["north"] * 2})
    found = suggest(rows, NUMBER, score, 0.5, budget=5, cohorts=cohorts, floor=2)
    assert set(found["at"][found["floor"] == "region north"]) == {5000, 5001}


def test_one_row_alone_is_suggested():
    assert suggest(pd.DataFrame({"a": [1.0]}), NUMBER, np.array([0.1]), 0.5, budget=9)["at"].tolist() == [0]


def test_no_row_is_no_suggestion():
    empty = pd.DataFrame({"a": np.empty(0)})
    assert suggest(empty, NUMBER, np.empty(0), 0.5, budget=9).empty


def test_without_cohorts_there_is_no_floor():
    assert even_floor(pd.DataFrame(index=range(3)), 100) == 0


def test_the_nearest_labelled_rows_are_named_whatever_lies_nearer():
    rows = pd.DataFrame({"a": [0.0, 1.0, 2.0, 2.1, 2.2]})
    near = labelled_near(rows, NUMBER, np.array([4]), np.array([0, 1]), np.array([1, 0]), k=5)
    assert [one.tolist() for one in near] == [[1, 0]]
