"""Fidelity tells a faithful sampler from a lazy one, and says nothing where there is nothing to tell from."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecall.augmentation import augment, together
from rarecall.fidelity import LIMITS, measure
from rarecall.sections import Augmentation, Gates

KINDS = {"amount": "numeric", "age": "numeric", "job": "categorical"}
JOBS = np.array(["cook", "nurse", "clerk"], dtype=object)


def rows(rare, other, seed):
    rng = np.random.default_rng(seed)
    n = rare + other
    label = np.repeat([1, 0], [rare, other])
    return pd.DataFrame({
        "row_id": np.arange(n), "event_timestamp": pd.Timestamp("2026-01-01", tz="UTC"), "label": label,
        "amount": rng.normal(label * 2.0), "age": rng.normal(40, 9, n), "job": rng.choice(JOBS, n),
    })  # fmt: skip


def made_of(real, drawn):
    """Mark drawn rows as synthetic, parents in turn."""
    parents = real["row_id"].to_numpy()[np.arange(len(drawn)) % int(real["label"].sum())]
    marked = drawn.assign(
        row_id=np.arange(len(drawn)) + len(real), label=1, is_synthetic=True, parent_id=parents,
        neighbor_id=parents, step=0.5,
    )  # fmt: skip
    return together(real, marked)


@pytest.fixture(scope="module")
def real():
    return rows(200, 600, 0)


@pytest.fixture(scope="module")
def holdout():
    return rows(150, 400, 1)


@pytest.fixture(scope="module")
def faithful(real, holdout):
    """More of the same population, as no sampler could do better."""
    return measure(made_of(real, rows(300, 0, 2)), holdout, KINDS)


@pytest.fixture(scope="module")
def lazy(real, holdout):
    """The first rare row, again and again."""
    return measure(made_of(real, real.iloc[np.zeros(300, dtype=int)]), holdout, KINDS)


def test_more_of_the_same_population_is_as_near_as_the_holdout(faithful):
    figures = faithful["figures"]
    assert figures["detectability"]["low"] < 0.5 < figures["detectability"]["high"]
    assert figures["marginal_distance"]["low"] == 0.0
    assert figures["correlation_difference"]["low"] == 0.0
    assert figures["distinct_share"]["value"] == 1.0
    around = faithful["surroundings"]["around"]
    assert around["holdout"]["low"] < around["synthetic"]["outside"] < around["holdout"]["high"]


def test_one_row_again_and_again_is_seen_by_every_measure(lazy):
    figures = lazy["figures"]
    assert figures["detectability"]["low"] > 0.9
    assert figures["marginal_distance"]["low"] > 0.3
    assert figures["distinct_share"]["value"] == pytest.approx(1 / 300)
    assert lazy["diversity"]["copies"] == 1.0
    job = next(column for column in lazy["marginals"]["columns"] if column["name"] == "job")
    assert job["entropy"]["synthetic"] == 0.0 < job["entropy"]["real"]
    assert lazy["surroundings"]["nearest"]["synthetic"]["median"] == 0.0


def test_a_row_is_not_told_by_the_parent_that_was_seen(real, holdout):
    """Ten parents with thirty copies each: whoever has seen one copy knows the other twenty-nine."""
    copies = real.iloc[np.repeat(np.arange(10), 30)]
    table = made_of(real, copies).astype({"parent_id": "Int64"})
    table.loc[table["is_synthetic"], "parent_id"] = copies["row_id"].to_numpy()
    assert measure(table, holdout, KINDS)["detectability"]["value"] < 0.7


def test_the_samplers_rows_are_measured_whole(real, holdout):
    made = augment(real, KINDS, np.full(len(real), True), Augmentation(synthetic_share=0.2), first_id=800, seed=0)
    found = measure(together(real, made.rows), holdout, KINDS, folds=2)
    assert found["rows"] == {"real": 200, "synthetic": 200, "holdout": 150}
    assert found["surroundings"]["nearest"]["synthetic"]["median"] <= found["surroundings"]["to_parent"]["median"]


def test_the_same_seed_gives_the_same_bytes(real, holdout):
    table = made_of(real, rows(300, 0, 2))
    texts = [json.dumps(measure(table, holdout, KINDS, rows=100, folds=2), allow_nan=False) for _ in range(2)]
    assert texts[0] == texts[1]


def test_large_sets_are_sampled_but_counted_whole(real, holdout):
    found = measure(made_of(real, rows(300, 0, 2)), holdout, KINDS, rows=100, folds=2)
    assert found["rows"] == {"real": 200, "synthetic": 300, "holdout": 150}
    assert found["detectability"]["rows"] == found["figures"]["detectability"]["rows"] == 100
    assert found["figures"]["marginal_distance"]["rows"] == 200


@pytest.mark.parametrize(("rare", "made"), [(3, 40), (40, 3), (1, 1)])
def test_what_few_rows_cannot_tell_is_none_and_rests_on_few_rows(holdout, rare, made):
    found = measure(made_of(rows(rare, 100, 0), rows(made, 0, 2)), holdout, KINDS)
    assert found["figures"]["detectability"] == {"value": None, "low": None, "high": None, "rows": min(rare, made)}
    assert {figure["rows"] for figure in found["figures"].values()} == {min(rare, made)}
    json.dumps(found, allow_nan=False)


def test_a_holdout_without_rare_rows_leaves_the_yardstick_out(real):
    found = measure(made_of(real, rows(50, 0, 2)), rows(0, 50, 1), KINDS, folds=2)
    assert found["detectability"]["value"] is not None
    assert found["detectability"]["drift"]["value"] is None
    assert found["surroundings"]["around"]["holdout"] is None
    json.dumps(found, allow_nan=False)


def test_every_figure_can_be_limited(faithful):
    assert tuple(faithful["figures"]) == LIMITS
    limits = {name.rpartition("_")[0] for name in Gates.model_fields if name.endswith(("_max", "_min"))}
    assert set(LIMITS) <= limits
