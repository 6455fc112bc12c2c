"""A table described before anything is known about it: what is certain is proposed, what is not is asked for."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rarecall.errors import DataError
from rarecall.profiling import profile as module
from rarecall.profiling.profile import profile
from rarecall.sections import Cohort
from rarecall.simulator.simulate import Payments, simulate

DATA = Path(os.environ.get("RARECALL_DATA", Path(__file__).parents[4] / "shared" / "data"))
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real tables are not at {DATA}; set RARECALL_DATA")
ROWS = 400


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "order_id": rng.permutation(ROWS) + 10_000,
            "shop": rng.integers(0, 90, ROWS),
            "placed": pd.date_range("2026-01-01", periods=ROWS, freq="h").astype(str),
            "age": rng.integers(18, 90, ROWS),
            "region": rng.choice(["north", "south", "unknown"], ROWS, p=[0.45, 0.45, 0.1]),
            "zip_code": rng.choice([10115, 20095, 80331], ROWS),
            "vip": rng.integers(0, 2, ROWS),
            "express": rng.random(ROWS) < 0.5,
            "weight": [*rng.random(ROWS - 2).round(3).astype(str), "?", "?"],
            "note": [f"left at door {n}" for n in range(ROWS)],
            "country": "DE",
            "returned": np.repeat(["yes", "no"], [150, ROWS - 150]),
        }
    )


def test_every_kind_is_told(table):
    found = profile(table, label="returned")
    assert dict(found.kinds) == {
        "order_id": "id",
        "shop": "numeric",
        "placed": "date",
        "age": "numeric",
        "region": "categorical",
        "zip_code": "categorical",
        "vip": "boolean",
        "express": "boolean",
        "weight": "numeric",
        "note": "id",
        "country": "constant",
    }


def test_only_what_the_type_would_not_tell_is_declared(table):
    found = profile(table, label="returned")
    assert dict(found.declared) == {"zip_code": "categorical", "vip": "boolean", "weight": "numeric"}


def test_missing_markers_come_with_their_counts(table):
    found = profile(table, label="returned")
    counted = {marker.text: (marker.cells, marker.columns) for marker in found.markers}
    assert counted == {"unknown": ((table["region"] == "unknown").sum(), ("region",)), "?": (2, ("weight",))}


def test_a_doubtful_marker_is_shown_and_kept(table):
    table.loc[:9, "region"] = "Not in universe"
    found = profile(table, label="returned")
    assert "Not in universe" not in {marker.text for marker in found.markers}
    assert [(marker.text, marker.cells) for marker in found.doubtful] == [("Not in universe", 10)]


def test_time_entity_cohorts_and_the_rarer_value_are_proposed(table):
    found = profile(table, label="returned")
    assert (found.time, found.entity, found.positive, found.positives) == ("placed", "order_id", "yes", 150)
    assert found.proposed == {"time", "entity", "positive", "cohorts"}
    assert [cohort.column for cohort in found.cohorts] == ["age", "region"]
    assert found.features.keys().isdisjoint({"placed", "order_id"})


def test_what_is_given_is_taken(table):
    found = profile(table, label="returned", positive="no", time="placed", entity="shop", cohorts=["weight", "vip"])
    assert (found.positive, found.positives, found.time, found.entity) == ("no", ROWS - 150, "placed", "shop")
    assert found.proposed == frozenset()
    weight, vip = found.cohorts
    assert weight.edges is not None
    assert vip == Cohort(column="vip")


def test_bands_are_round_and_none_is_empty(table):
    (age,) = (cohort for cohort in profile(table, label="returned").cohorts if cohort.column == "age")
    assert all(edge % 5 == 0 for edge in age.edges)
    assert np.histogram(table["age"], [-np.inf, *age.edges, np.inf])[0].min() > ROWS / 10


def test_a_time_known_only_afterwards_is_not_proposed(table):
    table = table.rename(columns={"placed": "closed_at"})
    assert profile(table, label="returned").time is None


def test_labels_that_are_missing_leave_the_positive_value_whole():
    """A column of 0, 1 and empty cells is read as 0.0 and 1.0; the project file says 1."""
    table = pd.DataFrame({"amount": np.arange(100) / 7, "fraud": [1.0] * 5 + [0.0] * 90 + [None] * 5})
    found = profile(table, label="fraud")
    assert (repr(found.positive), found.positives) == ("1", 5)
    assert found.target(table).sum() == 5


def test_a_marker_in_the_label_is_no_third_class():
    table = pd.DataFrame({"amount": np.arange(100) / 7, "fraud": ["yes"] * 5 + ["no"] * 90 + ["?"] * 5})
    assert profile(table, label="fraud").positive == "yes"


@pytest.mark.parametrize(
    ("values", "asked", "positive"),
    [
        ([0, 1], "1", 1),
        ([0.5, 2.0], "2", 2),
        ([False, True], "true", True),
        ([" bad", "good"], "bad", " bad"),
        ([0, 1, 2], 2, 2),
    ],
)
def test_a_positive_value_given_as_text_is_found_in_the_table(values, asked, positive):
    table = pd.DataFrame(
        {"amount": np.arange(90) / 7, "y": np.repeat(np.array(values, dtype=object), 90 // len(values))}
    )
    found = profile(table.infer_objects(), label="y", positive=asked)
    assert found.positive == positive
    assert type(found.positive) is type(positive)


def test_a_large_table_is_sampled_but_counted_whole(table, monkeypatch):
    monkeypatch.setattr(module, "ROWS", 100)
    found = profile(table, label="returned", seed=1)
    assert (found.rows, found.positives, found.entity) == (ROWS, 150, "order_id")
    assert sum(marker.cells for marker in found.markers) < 30
    assert found == profile(table, label="returned", seed=1)


@pytest.mark.parametrize(
    ("column", "values", "options", "sentence"),
    [
        ("y", [1] * 40, {}, "'y' is constant: every known value is 1"),
        ("y", [None] * 40, {}, "every value of 'y' is missing"),
        ("y", [0, 1] * 20, {}, "occur equally often in 'y'; say which is rare with --positive"),
        ("y", [0, 1, 2, 3] * 10, {}, "'y' has 4 values .* say which with --positive"),
        ("y", [0] * 39 + [1], {}, "'y' has one row with 1; at least 2 are needed"),
        ("y", ["no", "no", "no", "yes"] * 10, {"positive": "yess"}, "'yess' never occurs in 'y'; did you mean 'yes'"),
        ("y", [0, 0, 0, 1] * 10, {"positive": "yes"}, "'yes' never occurs in 'y'; it has 0, 1"),
        ("z", [0, 0, 0, 1] * 10, {}, "--label: the table has no column 'y'"),
        ("y", [0, 0, 0, 1] * 10, {"time": "moent"}, "--time: the table has no column 'moent'; did you mean 'moment'"),
        ("y", [0, 0, 0, 1] * 10, {"entity": "id"}, "--entity: the table has no column 'id'"),
        ("y", [0, 0, 0, 1] * 10, {"cohorts": ["job"]}, "--cohort: the table has no column 'job'"),
        ("y", [0, 0, 0, 1] * 10, {"time": "moment"}, "--time: expected ISO 8601 dates in 'moment', .* got '1.3.2026'"),
    ],
)
def test_what_leaves_a_doubt_is_refused_in_one_sentence(column, values, options, sentence):
    table = pd.DataFrame({"moment": ["1.3.2026"] * len(values), column: values})
    with pytest.raises(DataError, match=sentence):
        profile(table, label="y", **options)


def test_an_empty_table_is_refused():
    with pytest.raises(DataError, match="expected a table with rows"):
        profile(pd.DataFrame({"y": []}), label="y")


def test_the_simulated_stream_is_understood():
    found = profile(simulate(Payments(rows=20_000)), label="is_fraud")
    assert (found.time, found.entity, found.positive) == ("paid_at", "payment_id", 1)
    assert {name for name, kind in found.kinds.items() if kind == "id"} == {"payment_id", "customer_id", "terminal_id"}
    assert dict(found.declared) == {}


@real
@pytest.mark.parametrize(
    ("name", "label", "positive", "positives", "time", "entity", "markers"),
    [
        ("bank_marketing", "y", "yes", 5289, "contacted_on", "client_id", ["unknown"]),
        ("adult", "income", ">50K", 11687, None, "person_id", ["?"]),
        pytest.param(
            "census_income_kdd", "label", "50000+", 9349, None, "person_id", ["?"], marks=pytest.mark.thorough
        ),
        ("credit_default", "has_default", 1, 6636, None, "client_id", []),
    ],
)
def test_a_real_table_is_understood(name, label, positive, positives, time, entity, markers):
    found = profile(pd.read_csv(DATA / f"{name}.csv.gz", low_memory=False), label=label)
    assert (found.positive, found.positives, found.time, found.entity) == (positive, positives, time, entity)
    assert [marker.text for marker in found.markers] == markers
    assert "age" in {cohort.column for cohort in found.cohorts}
