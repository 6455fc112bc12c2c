"""Surroundings are those of the sampler's space, and a row is never its own neighbour."""

import numpy as np
import pandas as pd
import pytest

from rarecall.likeness import surroundings
from rarecall.likeness.surroundings import K, survey

KINDS = {"x": "numeric", "job": "categorical"}


def table(x, *, label, made=False, first=0, parent=None, job="cook"):
    x = np.asarray(x, dtype=float)
    return pd.DataFrame({
        "row_id": np.arange(first, first + len(x)), "label": label, "x": x, "job": job, "is_synthetic": made,
        "parent_id": pd.array([pd.NA] * len(x) if parent is None else parent, dtype="Int64"),
    })  # fmt: skip


@pytest.fixture
def real():
    """A rare cluster around 0 and a majority cluster around 100."""
    rng = np.random.default_rng(0)
    rare = table(rng.normal(0, 1, 60), label=1)
    return pd.concat([rare, table(rng.normal(100, 1, 140), label=0, first=60)], ignore_index=True)


def whole(real, made):
    return pd.concat([real, made], ignore_index=True)


def test_a_row_among_the_majority_lies_outside_and_one_among_its_own_does_not(real):
    made = table([0.0, 0.1, 100.0], label=1, made=True, first=200, parent=[0, 1, 2])
    found = survey(whole(real, made), real[:40], KINDS)["around"]
    assert found["synthetic"]["majority_neighbors"] == [2, 0, 0, 0, 0, 1]
    assert found["synthetic"]["outside"] == pytest.approx(1 / 3)
    assert found["synthetic"]["low"] < 1 / 3 < found["synthetic"]["high"]
    assert found["real"]["outside"] == found["holdout"]["outside"] == 0.0


@pytest.mark.parametrize(("majority", "outside"), [(2, 0.0), (3, 1.0)])
def test_most_of_the_neighbours_decide(real, majority, outside):
    spot = table(np.full(K, 50.0), label=np.repeat([1, 0], [K - majority, majority]), first=300)
    made = table([50.0], label=1, made=True, first=400, parent=[300])
    found = survey(whole(whole(real, spot), made), real[:9], KINDS)["around"]["synthetic"]
    assert found["majority_neighbors"][majority] == 1
    assert found["outside"] == outside


def test_synthetic_rows_are_nobodys_neighbours(real):
    made = table(np.full(50, 100.0), label=1, made=True, first=200, parent=np.zeros(50, dtype=int))
    found = survey(whole(real, made), real[:40], KINDS)["around"]["synthetic"]
    assert found["majority_neighbors"][K] == 50


def test_a_real_row_is_not_its_own_neighbour_and_one_of_the_holdout_may_be_near_itself(real):
    """Here the holdout rows are copies of training rows, so only they lie at no distance."""
    made = table([0.5], label=1, made=True, first=200, parent=[0])
    found = survey(whole(real, made), real[:60], KINDS)["nearest"]
    assert found["holdout"]["median"] == 0.0
    assert found["real"]["median"] > 0.0


def test_distances_are_in_the_spread_of_the_real_rows(real):
    made = table(real["x"][:3] + 7.0, label=1, made=True, first=200, parent=[0, 1, 2])
    low, high = np.percentile(real["x"], [25, 75])
    expected = 7.0 / ((high - low) / 1.349)
    assert survey(whole(real, made), real[:9], KINDS)["to_parent"]["median"] == pytest.approx(expected, rel=1e-5)


def test_an_unequal_category_is_as_far_as_the_sampler_says(real):
    made = table(real["x"][:3], label=1, made=True, first=200, parent=[0, 1, 2], job="nurse")
    low, high = np.percentile(real["x"], [25, 75])
    expected = real["x"][:60].std(ddof=0) / ((high - low) / 1.349)
    assert survey(whole(real, made), real[:9], KINDS)["to_parent"]["median"] == pytest.approx(expected, rel=1e-5)


def test_thinned_sets_are_asked_the_same_question(real, monkeypatch):
    made = table(np.repeat([0.0, 100.0], 100), label=1, made=True, first=200, parent=np.tile(np.arange(50), 4))
    monkeypatch.setattr(surroundings, "REAL_ROWS", 80)
    monkeypatch.setattr(surroundings, "QUERIES", 30)
    found = survey(whole(real, made), real[:60], KINDS, random_state=1)
    assert found["searched"] == 80
    sides = found["around"].values()
    assert [side["rows"] for side in sides] == [30, min(30, found["around"]["real"]["rows"]), 30]
    assert found["around"]["real"]["outside"] == 0.0
    counts = found["around"]["synthetic"]["majority_neighbors"]
    assert counts[0] + counts[K] == 30
    assert found == survey(whole(real, made), real[:60], KINDS, random_state=1)


def test_a_missing_number_is_measured_over_what_both_know(real):
    made = table([np.nan, np.nan], label=1, made=True, first=200, parent=[0, 1], job="nurse")
    found = survey(whole(real, made), real[:9], KINDS)
    assert np.isfinite(found["to_parent"]["median"])


def test_too_few_real_rows_surround_nothing(real):
    made = table([0.5], label=1, made=True, first=200, parent=[0])
    found = survey(whole(real[:1], made), real[:0], KINDS)
    assert found["around"] == found["nearest"] == {"synthetic": None, "real": None, "holdout": None}
