"""Marginals are the distances a statistician knows, bounded by how many real rows there are."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rarecall.likeness.marginals import compare, distance_bounds, entropy, kolmogorov_smirnov, total_variation

KINDS = {"amount": "numeric", "job": "categorical"}


def rows(n, seed=0, shift=0.0, jobs=("cook", "nurse", "clerk")):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"amount": rng.normal(shift, size=n), "job": rng.choice(np.array(jobs, dtype=object), n)})


def test_entropy_is_scipys():
    column = pd.Series(["a"] * 3 + ["b"] * 5 + [None] * 2)
    assert entropy(column) == pytest.approx(stats.entropy([0.3, 0.5, 0.2], base=2))


@pytest.mark.parametrize("seed", range(5))
def test_the_distance_of_numbers_is_scipys_with_ties_and_without(seed):
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=57).round(seed % 2), rng.normal(0.3, size=91).round(seed % 2)
    expected = stats.ks_2samp(one, two, method="asymp").statistic
    assert kolmogorov_smirnov(one, np.append(two, np.nan)) == pytest.approx(expected)


def test_the_distance_of_categories_is_the_same_both_ways_and_one_where_nothing_is_shared():
    one, two = rows(50)["job"], rows(80, seed=1, jobs=("cook", "pilot"))["job"]
    assert total_variation(one, two) == pytest.approx(total_variation(two, one))
    assert total_variation(one, pd.Series(["pilot"] * 4)) == 1.0


def test_a_filled_gap_is_a_distance():
    assert total_variation(pd.Series(["a", None]), pd.Series(["a", "a"])) == 0.5


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_the_interval_holds_the_distance_from_the_population(kind):
    """Forty real rows, again and again: the distance of the synthetic rows from what they were drawn from is held."""
    column = "amount" if kind == "numeric" else "job"
    apart = kolmogorov_smirnov if kind == "numeric" else total_variation
    synthetic = rows(300, seed=99, shift=0.6, jobs=("cook", "cook", "nurse", "clerk"))[column]
    true = apart(rows(100_000, seed=1)[column], synthetic)
    held = 0
    for seed in range(200):
        sample = rows(40, seed=1000 + seed)[column]
        levels = None if kind == "numeric" else 3
        low, high = distance_bounds(apart(sample, synthetic), 40, levels=levels, alpha=0.05)
        held += low <= true <= high
    assert held >= 190


def test_the_farthest_column_stands_first_and_its_bounds_are_the_largest():
    found = compare(rows(500), rows(500, seed=1, shift=3.0), rows(500, seed=2), KINDS)
    assert [column["name"] for column in found["columns"]] == ["amount", "job"]
    assert found["largest"]["column"] == "amount"
    assert found["largest"]["low"] < found["largest"]["value"] < found["largest"]["high"]
    assert found["columns"][0]["drift"] < 0.1 < found["columns"][0]["distance"]


def test_only_categories_have_an_entropy():
    amount, job = sorted(compare(rows(9), rows(9), rows(9), KINDS)["columns"], key=lambda column: column["name"])
    assert amount["entropy"] is None
    assert 0 < job["entropy"]["holdout"] <= np.log2(3)


def test_what_no_row_defines_is_none():
    nothing = rows(9).head(0)
    unknown = rows(9).assign(amount=np.nan)
    found = compare(unknown, rows(9), nothing, KINDS)
    by_name = {column["name"]: column for column in found["columns"]}
    assert by_name["amount"]["distance"] is None
    assert by_name["job"]["from_holdout"] is None
    assert by_name["job"]["entropy"]["holdout"] is None
    json.dumps(found, allow_nan=False)
    assert compare(nothing, rows(9), nothing, KINDS)["largest"] is None
