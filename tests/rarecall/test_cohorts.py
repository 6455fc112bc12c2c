"""Cohorts: each row has one value a cohort, named as a person would."""

import numpy as np
import pandas as pd
import pytest

from rarecall.cohorts import assign, in_order
from rarecall.errors import DataError
from rarecall.sections import Cohort


def test_a_band_holds_its_lower_edge():
    frame = pd.DataFrame({"age": [17, 29.9, 30, 59, 60, 99, np.nan]})
    named = assign(frame, [Cohort(column="age", edges=[30, 60])])["age"].tolist()
    assert named == ["<30", "<30", "30-60", "30-60", ">=60", ">=60", "missing"]


def test_edges_keep_their_fraction_and_whole_ones_have_none():
    frame = pd.DataFrame({"rate": [-3.0, 0.2, 0.7, 5.0]})
    named = assign(frame, [Cohort(column="rate", edges=[-1.0, 0.5, 2.0])])["rate"].tolist()
    assert named == ["<-1", "-1-0.5", "0.5-2", ">=2"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([1, 2, None], dtype="Int64"), ["1", "2", "missing"]),
        (pd.Series([1.0, 2.5, np.nan]), ["1", "2.5", "missing"]),
        (pd.Series([True, False, True]), ["True", "False", "True"]),
        (pd.Series(["a", None, "b"], dtype="category"), ["a", "missing", "b"]),
        (pd.Series(["a", pd.NA, "b"], dtype="string"), ["a", "missing", "b"]),
        (pd.Series([None, None, None], dtype=object), ["missing"] * 3),
    ],
)
def test_values_become_strings(values, expected):
    named = assign(pd.DataFrame({"x": values}), [Cohort(column="x")])["x"]
    assert named.tolist() == expected
    assert all(isinstance(name, str) for name in named)


def test_the_index_and_the_order_of_cohorts_stay():
    frame = pd.DataFrame({"a": ["x", "y"], "b": [1, 2]}, index=[7, 3])
    named = assign(frame, [Cohort(column="b"), Cohort(column="a")])
    assert named.columns.tolist() == ["b", "a"]
    assert named.index.tolist() == [7, 3]
    assert assign(frame, []).shape == (2, 0)


def test_what_cannot_be_assigned_is_said_in_one_sentence():
    frame = pd.DataFrame({"job": ["nurse", "clerk"]})
    with pytest.raises(DataError, match=r"cohort jbo: the table has no such column; did you mean 'job'\?"):
        assign(frame, [Cohort(column="jbo")])
    with pytest.raises(DataError, match="cohort job: expected numbers between its edges, got 'nurse'"):
        assign(frame, [Cohort(column="job", edges=[1])])
    with pytest.raises(DataError, match="cohort job: is asked for twice"):
        assign(frame, [Cohort(column="job"), Cohort(column="job")])


def test_order_is_a_persons():
    names = [">=2", "missing", "0.5-2", "<-1", "-1-0.5"]
    assert in_order(names) == ["<-1", "-1-0.5", "0.5-2", ">=2", "missing"]
    assert in_order(["10", "9", "self-employed", "admin."]) == ["9", "10", "admin.", "self-employed"]
