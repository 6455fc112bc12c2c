"""Associations are the textbooks' measures, and few rows look no more associated than many."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rarecall.likeness.association import difference, matrix


def of_two(a, b, kinds=("numeric", "numeric")):
    return matrix(pd.DataFrame({"a": a, "b": b}), dict(zip("ab", kinds, strict=True)))[0, 1]


@pytest.mark.parametrize("digits", [0, 3])
def test_two_numbers_have_scipys_rank_correlation(digits):
    rng = np.random.default_rng(0)
    a = rng.normal(size=200)
    b = (a + rng.normal(size=200)).round(digits)
    assert of_two(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)


def test_a_missing_number_leaves_its_row_out_of_the_pair():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=60), rng.normal(size=60)
    a[:7] = np.nan
    assert of_two(a, b) == pytest.approx(stats.spearmanr(a[7:], b[7:]).statistic)


@pytest.mark.parametrize("rows", [30, 3000])
def test_independent_columns_are_not_associated_however_few_rows(rows):
    """Over many draws the mean stays small; uncorrected, V of 12 values on 30 rows is about 0.6."""
    rng = np.random.default_rng(0)
    names = np.array(list("abcdefghijkl"), dtype=object)
    drawn = [
        (of_two(rng.choice(names, rows), rng.choice(names, rows), ("categorical",) * 2),
         of_two(rng.normal(size=rows), rng.choice(names, rows), ("numeric", "categorical")))
        for _ in range(20)
    ]  # fmt: skip
    assert np.mean(drawn, axis=0).max() < 0.25


def test_a_category_that_is_the_other_renamed_is_wholly_associated():
    job = np.random.default_rng(0).choice(np.array(["a", "b", "c"], dtype=object), 500)
    assert of_two(job, np.array([letter * 2 for letter in job], dtype=object), ("categorical",) * 2) == pytest.approx(1)


def test_a_column_that_does_not_vary_is_compared_with_nothing():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=50), "still": 7.0, "job": "cook", "y": rng.normal(size=50)})
    kinds = {"x": "numeric", "still": "numeric", "job": "categorical", "y": "numeric"}
    found = matrix(frame, kinds)
    assert np.isnan(found[1, [0, 2, 3]]).all()
    assert np.isnan(found[2, [0, 1, 3]]).all()
    assert difference(found, found, list(kinds), n_real=50)["pairs"] == 1


def test_the_pair_that_differs_most_is_named():
    one = np.array([[1.0, 0.8, 0.1], [0.8, 1.0, 0.2], [0.1, 0.2, 1.0]])
    other = np.array([[1.0, 0.7, 0.1], [0.7, 1.0, -0.3], [0.1, -0.3, 1.0]])
    found = difference(one, other, ["a", "b", "c"], n_real=400)
    assert found["largest"]["columns"] == ["b", "c"]
    assert found["largest"]["value"] == pytest.approx(0.5)
    assert found["mean"] == pytest.approx(0.2)
    assert found["largest"]["low"] < 0.5 < found["largest"]["high"]


def test_fewer_rows_widen_the_interval_until_nothing_is_known():
    one, other = np.array([[1.0, 0.5], [0.5, 1.0]]), np.eye(2)
    bounds = [difference(one, other, ["a", "b"], n_real=rows)["largest"] for rows in (1000, 100, 3)]
    widths = [found["high"] - found["low"] for found in bounds]
    assert widths == sorted(widths)
    assert widths[-1] == 1.0


def test_the_interval_holds_the_difference_from_the_population():
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        rows = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 60)
        real = matrix(pd.DataFrame(rows, columns=["a", "b"]), {"a": "numeric", "b": "numeric"})
        found = difference(real, np.eye(2), ["a", "b"], n_real=60)["largest"]
        held += found["low"] <= 6 / np.pi * np.arcsin(0.25) <= found["high"]  # Spearman's of a normal with 0.5
    assert held >= 186


def test_without_two_columns_there_is_no_difference():
    assert difference(np.eye(1), np.eye(1), ["a"], n_real=9) == {"largest": None, "mean": None, "pairs": 0}


def test_more_pairs_widen_each_interval_so_that_all_hold_together():
    two = difference(np.full((2, 2), 0.5), np.eye(2), ["a", "b"], n_real=100)["largest"]
    many = difference(np.full((6, 6), 0.5), np.eye(6), list("abcdef"), n_real=100)["largest"]
    assert many["low"] < two["low"] < two["high"] < many["high"]
