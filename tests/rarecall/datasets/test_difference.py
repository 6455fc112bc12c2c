"""Two dataset versions side by side: what differs is there, what does not is not, and the farthest comes first."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from rarecall.datasets import difference

KINDS = {"age": "numeric", "job": "categorical"}


def frame(ages, jobs):
    return pd.DataFrame({"age": ages, "job": jobs})


def test_equal_schemas_differ_in_nothing():
    assert difference.schemas({"age": "double"}, {"age": "double"}) == {"added": {}, "lost": {}, "retyped": {}}


def test_a_column_is_added_lost_or_retyped_never_two_of_them():
    found = difference.schemas({"a": "x", "b": "x", "c": "x"}, {"b": "y", "c": "x", "d": "z"})
    assert found == {"added": {"d": "z"}, "lost": {"a": "x"}, "retyped": {"b": ["x", "y"]}}


def test_a_cell_that_one_side_lacks_counts_none_there():
    a = {"train": {"by_class": {}, "by_cohort": {"job": {"nurse": {"real": 3, "synthetic": 1}}}}}
    b = {"train": {"by_class": {}, "by_cohort": {"job": {"clerk": {"real": 2, "synthetic": 0}}}}}
    assert difference.counts(a, b) == [
        {"part": "train", "of": "job", "value": "nurse", "real": [3, 0], "synthetic": [1, 0]},
        {"part": "train", "of": "job", "value": "clerk", "real": [0, 2], "synthetic": [0, 0]},
    ]


def test_a_cohort_that_one_side_does_not_count_is_not_compared():
    a = {"train": {"by_class": {}, "by_cohort": {}}}
    b = {"train": {"by_class": {}, "by_cohort": {"job": {"clerk": {"real": 2, "synthetic": 0}}}}}
    assert difference.counts(a, b) == []


def test_the_farthest_column_comes_first_and_one_without_values_last():
    a = frame([1.0, 2.0, 3.0, 4.0], ["a", "a", "b", "b"]).assign(void=np.nan)
    b = frame([1.0, 2.0, 3.0, 9.0], ["c", "c", "c", "c"]).assign(void=[1.0, 2.0, 3.0, 4.0])
    kinds = {"void": "numeric", **KINDS}
    found = difference.distributions(a, b, (kinds, kinds))
    assert [(one["name"], one["distance"]) for one in found] == [("job", 1.0), ("age", 0.25), ("void", None)]
    assert (found[2]["missing"], found[2]["mean"]) == ([1.0, 0.0], [None, 2.5])


def test_a_number_has_its_means_and_a_category_its_levels():
    a, b = frame([1.0, np.nan], ["a", "b"]), frame([3.0, 5.0], ["a", None])
    by = {one["name"]: one for one in difference.distributions(a, b, (KINDS, KINDS))}
    assert (by["age"]["mean"], by["age"]["missing"], by["age"]["levels"]) == ([1.0, 4.0], [0.5, 0.0], None)
    assert (by["job"]["mean"], by["job"]["missing"], by["job"]["levels"]) == (None, [0.0, 0.5], [2, 1])


def test_the_distance_of_numbers_is_scipys():
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=300), rng.normal(0.3, 1.2, size=200)
    kinds = {"x": "numeric"}
    [found] = difference.distributions(pd.DataFrame({"x": a}), pd.DataFrame({"x": b}), (kinds, kinds))
    assert found["distance"] == pytest.approx(ks_2samp(a, b).statistic)


def test_a_column_whose_kind_changed_is_compared_as_categories():
    a, b = frame([1.0, 2.0], ["a", "b"]), frame(["young", "old"], ["a", "b"])
    changed = {"age": "categorical", "job": "categorical"}
    found = difference.distributions(a, b, (KINDS, changed))
    assert [(one["name"], one["kind"], one["distance"]) for one in found] == [
        ("age", "categorical", 1.0),
        ("job", "categorical", 0.0),
    ]


def test_only_lines_that_differ_are_told():
    assert difference.recipes({"a": 1, "b": None}, {"a": 1}) == []
    assert difference.recipes({"a": 1}, {"a": [1]}) == [{"key": "a", "old": 1, "new": [1]}]


@pytest.mark.parametrize(
    ("recipe", "flat"),
    [
        ({}, {}),
        ({"a": {}, "b": [], "c": None}, {"a": {}, "b": [], "c": None}),
        ({"a": {"b": {"c": 1}}}, {"a.b.c": 1}),
        ({"rules": ["x > 1", "y < 2"]}, {"rules": ["x > 1", "y < 2"]}),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a.0.b": 1, "a.1.b": 2}),
    ],
)
def test_a_recipe_is_flat_without_losing_a_value(recipe, flat):
    assert difference.flattened(recipe) == flat
