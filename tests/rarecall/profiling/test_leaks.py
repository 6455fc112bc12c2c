"""Leaks: a column that alone gives the label away, ids, names of what is known afterwards; and no false alarm."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rarecall.profiling.leaks import AUC, suspects
from rarecall.profiling.profile import profile
from rarecall.simulator.simulate import Payments, simulate

DATA = Path(os.environ.get("RARECALL_DATA", Path(__file__).parents[4] / "shared" / "data"))
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real tables are not at {DATA}; set RARECALL_DATA")


@pytest.fixture
def truth():
    return pd.Series(np.random.default_rng(0).random(3000) < 0.1, name="is_fraud")


def judged(column, truth, kind):
    """Return the suspicion about one column, or None."""
    found = suspects(column.to_frame(), truth, {column.name: kind})
    return found[0] if found else None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_that_orders_the_classes_is_a_leak_in_either_direction(truth, sign):
    found = judged((sign * (truth + np.arange(3000) / 4000)).rename("score"), truth, "numeric")
    assert found.figure > AUC
    assert "AUC" in found.reason


def test_a_number_that_is_only_there_for_one_class_is_a_leak(truth):
    """What fills a cell may be known afterwards, whatever the value."""
    amount = pd.Series(np.random.default_rng(1).random(3000), name="paid_back").where(truth)
    assert judged(amount, truth, "numeric").figure == 1.0


def test_a_category_that_names_the_class_is_a_leak(truth):
    kind = pd.Series(np.where(truth, np.arange(3000) % 3, -1), name="group").map(str)
    assert judged(kind, truth, "categorical").figure > AUC


def test_a_date_on_one_side_of_the_other_class_is_a_leak(truth):
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(truth * 100 + np.arange(3000) % 50, unit="D")
    assert judged(days.astype(str).rename("seen"), truth, "date").figure == 1.0


def test_a_category_with_a_value_for_every_row_is_no_leak_by_memory(truth):
    names = pd.Series([f"name {number}" for number in range(3000)], name="who")
    assert judged(names, truth, "categorical") is None


def test_a_strong_honest_feature_is_left_alone(truth):
    """An AUC of 0.96 is a good feature, not a leak."""
    score = pd.Series(np.random.default_rng(1).standard_normal(3000) + 2.5 * truth, name="score")
    assert judged(score, truth, "numeric") is None


def test_a_constant_is_left_alone(truth):
    assert judged(pd.Series(["DE"] * 3000, name="where"), truth, "constant") is None


def test_an_id_is_a_suspect_with_its_share_of_distinct_values(truth):
    found = judged(pd.Series(np.random.default_rng(1).permutation(3000), name="customer"), truth, "id")
    assert "an id" in found.reason
    assert found.figure == 1.0


@pytest.mark.parametrize(
    "name", ["duration", "closedAt", "CHARGEBACK_DATE", "fraud_kind", "labelled_at", "case-outcome"]
)
def test_a_name_that_is_known_afterwards_is_a_suspect(truth, name):
    column = pd.Series(np.random.default_rng(1).random(3000), name=name)
    found = judged(column, truth, "numeric")
    assert "suggests something known only with the label" in found.reason
    assert found.figure is None


@pytest.mark.parametrize(
    "name", ["amount", "poutcome", "previous_outcome", "days_since_last_dispute", "class", "is_new"]
)
def test_a_name_that_is_known_beforehand_is_not(truth, name):
    assert judged(pd.Series(np.random.default_rng(1).random(3000), name=name), truth, "numeric") is None


def test_a_handful_of_positives_is_judged_by_names_only():
    """Four positives make folds without one; an area over them would mean nothing."""
    truth = pd.Series([True] * 4 + [False] * 96, name="y")
    assert judged(pd.Series(range(100), name="sum"), truth, "numeric") is None


def test_the_same_seed_gives_the_same_figures(truth):
    kind = pd.Series(np.where(truth, "a", np.where(np.arange(3000) % 200, "b", "a")), name="group")
    assert judged(kind, truth, "categorical") == judged(kind, truth, "categorical")


def test_of_the_simulated_stream_only_truth_and_ids_are_suspect():
    stream = simulate(Payments(rows=30_000))
    found = profile(stream, label="is_fraud")
    names = [suspect.column for suspect in suspects(stream, found.target(stream), found.features)]
    assert names == ["customer_id", "terminal_id", "fraud_kind", "labelled_at"]


@real
@pytest.mark.parametrize(
    ("name", "label", "columns"),
    [
        ("bank_marketing", "y", ["duration"]),
        ("adult", "income", []),
        pytest.param("census_income_kdd", "label", [], marks=pytest.mark.thorough),
        ("credit_default", "has_default", []),
    ],
)
def test_a_real_table_has_the_leaks_it_is_known_for(name, label, columns):
    frame = pd.read_csv(DATA / f"{name}.csv.gz", low_memory=False)
    found = profile(frame, label=label)
    assert [suspect.column for suspect in suspects(frame, found.target(frame), found.features)] == columns
