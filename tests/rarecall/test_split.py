"""The split keeps the future out of the past and the rare class in every part."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecall.errors import DataError
from rarecall.sections import Split
from rarecall.split import PARTS, assign, mature, summary

SHARES = Split()


def table(n: int = 1000, prevalence: float = 0.1, per_moment: int = 1, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    moments = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.arange(n) // per_moment, unit="h")
    label = np.zeros(n, dtype="int8")
    label[rng.choice(n, round(prevalence * n), replace=False)] = 1
    return pd.DataFrame({"row_id": np.arange(n), "event_timestamp": moments, "label": label})


def shuffled(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sample(frac=1, random_state=3)


def refusal(rows: pd.DataFrame, split: Split = SHARES, *, timed: bool) -> str:
    with pytest.raises(DataError) as error:
        assign(rows, split, timed=timed, seed=0)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_row_has_one_part_under_its_own_index():
    rows = shuffled(table())
    for timed in (True, False):
        part = assign(rows, SHARES, timed=timed, seed=0)
        assert part.index.equals(rows.index)
        assert set(part) == set(PARTS)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(60, 400), per_moment=st.integers(1, 9), seed=st.integers(0, 9))
def test_no_moment_stands_in_two_parts_and_the_holdout_is_the_newest(n, per_moment, seed):
    rows = shuffled(table(n, 0.5, per_moment, seed))
    try:
        part = assign(rows, SHARES, timed=True, seed=0)
    except DataError:
        return  # a part of a tiny table may hold one class only
    span = rows.groupby(part)["event_timestamp"].agg(["min", "max"])
    assert span.loc["train", "max"] < span.loc["validation", "min"]
    assert span.loc["validation", "max"] < span.loc["holdout", "min"]


@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (0.8, 0.1, 0.1), (0.34, 0.33, 0.33)])
@pytest.mark.parametrize("timed", [True, False])
def test_the_shares_are_what_was_asked_for(shares, timed):
    split = Split(**dict(zip(PARTS, shares, strict=True)))
    got = assign(table(), split, timed=timed, seed=0).value_counts(normalize=True)
    assert [got[name] for name in PARTS] == pytest.approx(shares, abs=0.002)


def test_ties_cost_a_share_no_more_than_one_moment():
    got = assign(table(per_moment=40), SHARES, timed=True, seed=0).value_counts(normalize=True)
    assert [got[name] for name in PARTS] == pytest.approx([0.6, 0.2, 0.2], abs=0.04)


def test_time_needs_no_seed_and_no_order_of_rows():
    rows = table()
    one, other = assign(rows, SHARES, timed=True, seed=0), assign(shuffled(rows), SHARES, timed=True, seed=9)
    assert one.equals(other.sort_index())


def test_without_time_each_part_keeps_the_prevalence():
    rows = table(5000, 0.02)
    part = assign(rows, SHARES, timed=False, seed=0)
    assert rows.groupby(part)["label"].mean().tolist() == pytest.approx([0.02] * 3, abs=0.001)


def test_without_time_the_seed_decides():
    rows = table()
    one, again, other = (assign(rows, SHARES, timed=False, seed=seed) for seed in (0, 0, 1))
    assert one.equals(again)
    assert not one.equals(other)


@pytest.mark.parametrize("positives", range(6))
def test_too_few_positives_to_split_are_refused(positives):
    rows = table(100, positives / 100)
    assert "expected at least 6 rows of each class to split three ways" in refusal(rows, timed=False)


@pytest.mark.parametrize("positives", range(6, 12))
def test_few_positives_are_split_or_refused_in_a_sentence(positives):
    rows = table(100, positives / 100)
    try:
        part = assign(rows, SHARES, timed=False, seed=0)
    except DataError as error:
        assert "expected at least 2 positive rows and one negative" in str(error)  # noqa: PT017 - either is right
    else:
        assert rows.groupby(part)["label"].sum().min() >= 2


@pytest.mark.parametrize("empty", PARTS)
def test_a_part_without_positives_is_refused_by_name(empty):
    rows = table(prevalence=0.5)
    rows.loc[assign(rows, SHARES, timed=True, seed=0) == empty, "label"] = 0
    assert refusal(rows, timed=True).startswith(
        f"split.{empty}: expected at least 2 positive rows and one negative, got 0"
    )


def test_a_part_of_positives_only_is_refused():
    rows = table(prevalence=0.5)
    rows.loc[assign(rows, SHARES, timed=True, seed=0) == "holdout", "label"] = 1
    assert refusal(rows, timed=True).startswith("split.holdout:")


@pytest.mark.parametrize("moments", [1, 2])
def test_too_few_moments_to_split_are_refused(moments):
    assert refusal(table(100, 0.5, per_moment=100 // moments), timed=True).startswith("split.")


@pytest.mark.parametrize("timed", [True, False])
def test_no_rows_are_refused(timed):
    assert refusal(table().head(0), timed=timed).startswith("split: expected labelled rows, got none")


def test_shares_that_few_rows_cannot_hold_are_refused():
    tiny = Split(train=0.97, validation=0.02, holdout=0.01)
    assert refusal(table(20, 0.5), tiny, timed=False).startswith("split: 20 rows are too few for these shares")


def test_a_row_is_mature_when_the_delay_has_passed_before_the_newest():
    rows = table(10)
    assert mature(rows, pd.Timedelta("3h")).tolist() == [True] * 7 + [False] * 3
    assert mature(rows, pd.Timedelta(0)).all()


def test_a_delay_longer_than_the_table_is_refused():
    with pytest.raises(
        DataError, match=r"label\.delay: after 30 days .* the 10 rows span 0 days 09:00:00; bring older"
    ):
        mature(table(10), pd.Timedelta("30d"))


def test_the_summary_counts_each_part():
    rows = table()
    told = summary(rows, assign(rows, SHARES, timed=True, seed=0), timed=True)
    assert told["by"] == "time"
    assert sum(told[name]["rows"] for name in PARTS) == 1000
    assert sum(told[name]["positives"] for name in PARTS) == 100
    assert told["train"]["last"] < told["validation"]["first"]
    untimed = summary(rows, assign(rows, SHARES, timed=False, seed=0), timed=False)
    assert (untimed["by"], untimed["holdout"]["first"]) == ("stratified", None)
