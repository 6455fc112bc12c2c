"""The made-up stream: the same seed gives the same bytes, a knob turns only its own wheel, and a model can learn it."""

import time

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from rarecall import sli, threshold, training
from rarecall.errors import DataError
from rarecall.sections import Gates, Training
from rarecall.simulator.simulate import COLUMNS, FEATURES, SETTLED, Payments, known_at, simulate

SMALL = {"rows": 20_000, "days": 30, "seed": 3, "fraud_share": 0.02}
CATEGORICAL = ("region", "channel", "merchant_category", "entry_mode", "currency")
KINDS = {name: "categorical" if name in CATEGORICAL else "numeric" for name in FEATURES}


@pytest.fixture(scope="module")
def base():
    return simulate(Payments(**SMALL))


def changed(frame, base):
    """Return which rows differ in any column, and which columns in any row."""
    differs = (frame != base) & ~(frame.isna() & base.isna())
    return differs.any(axis=1), set(differs.columns[differs.any()])


def day_of(frame):
    return (frame["paid_at"] - frame["paid_at"].iloc[0].normalize()).dt.days


def test_the_same_values_give_the_same_bytes(base):
    pd.testing.assert_frame_equal(simulate(Payments(**SMALL)), base)


def test_another_seed_gives_other_rows(base):
    assert not simulate(Payments(**{**SMALL, "seed": 4}))["amount"].equals(base["amount"])


def test_it_holds_what_it_promises(base):
    """Columns and their types, time order, unique ids, no empty cell, truth and label in step."""
    assert tuple(base.columns) == COLUMNS
    assert base["payment_id"].is_unique
    assert base["paid_at"].is_monotonic_increasing
    assert {str(base[name].dtype) for name in ("paid_at", "labelled_at")} == {"datetime64[us, UTC]"}
    assert not base.isna().any().any()
    assert set(base["is_fraud"]) == {0, 1}
    assert ((base["fraud_kind"] != "none") == (base["is_fraud"] == 1)).all()
    assert base["fraud_kind"].nunique() == 4
    assert (base["hour"] == base["paid_at"].dt.hour).all()
    assert day_of(base).max() == SMALL["days"] - 1


def test_frauds_are_as_frequent_as_asked():
    """Within four standard deviations, in every cohort value too."""
    stream = simulate(Payments(rows=200_000))
    for _, rows in [("all", stream), *stream.groupby("region")]:
        assert abs(rows["is_fraud"].mean() - 0.008) < 4 * np.sqrt(0.008 / len(rows))


def test_a_new_pattern_changes_only_its_own_rows(base):
    stream = simulate(Payments(**SMALL, new_pattern_day=20, new_pattern_cohort=("channel", "atm")))
    rows, columns = changed(stream, base)
    new = stream["fraud_kind"] == "shell_merchant"
    assert new.sum() > 10
    assert set(stream.loc[new, "channel"]) == {"atm"}
    assert day_of(stream)[new].min() >= 20
    assert not rows[~new].any()
    assert not columns & {"payment_id", "paid_at", "customer_id", "region", "channel", "hour"}


def test_a_prevalence_shift_keeps_the_frauds_that_were_there(base):
    stream = simulate(Payments(**SMALL, prevalence_day=15, prevalence_factor=3.0))
    rows, _ = changed(stream, base)
    added = (stream["fraud_kind"] != "none") & (base["fraud_kind"] == "none")
    assert day_of(stream)[rows].min() >= 15
    assert rows.sum() - added.sum() <= 0.01 * added.sum()  # two kinds may claim one payment; hardly ever
    later = day_of(base) >= 15
    ratio = (stream.loc[later, "fraud_kind"] != "none").sum() / (base.loc[later, "fraud_kind"] != "none").sum()
    assert 2.5 < ratio < 3.5


def test_label_noise_changes_labels_and_nothing_else(base):
    stream = simulate(Payments(**SMALL, missed_share=0.2, false_alarm_share=0.01))
    rows, columns = changed(stream, base)
    assert columns == {"is_fraud", "labelled_at"}
    fraud = base["fraud_kind"] != "none"
    assert 0.1 < rows[fraud].mean() < 0.3
    assert 0.007 < rows[~fraud].mean() < 0.013


def test_missing_values_empty_their_column_only(base):
    stream = simulate(Payments(**SMALL, missing=(("distance_km", 0.3), ("entry_mode", 0.1))))
    _, columns = changed(stream, base)
    assert columns == {"distance_km", "entry_mode"}
    assert stream[["distance_km", "entry_mode"]].isna().mean().round(1).tolist() == [0.3, 0.1]
    kept = stream["distance_km"].notna()
    assert (stream.loc[kept, "distance_km"] == base.loc[kept, "distance_km"]).all()


def test_an_export_knows_only_what_was_known(base):
    moment = base["paid_at"].iloc[0].normalize() + pd.Timedelta(days=20)
    export = known_at(base, moment)
    whole = base.loc[export.index]
    assert len(export) == (base["paid_at"] < moment).sum()
    arrived = whole["labelled_at"] <= moment
    pd.testing.assert_frame_equal(export[arrived], whole[arrived])
    assert not export.loc[~arrived, "is_fraud"].any()
    assert set(export.loc[~arrived, "fraud_kind"]) == {"none"}
    assert export.loc[~arrived, "labelled_at"].isna().all()
    assert 0 < export["is_fraud"].sum() < whole["is_fraud"].sum()


def test_an_export_reads_a_moment_without_a_zone_as_utc(base):
    assert known_at(base, "2026-01-11").equals(known_at(base, pd.Timestamp("2026-01-11", tz="UTC")))


def test_labels_arrive_days_later(base):
    delay = (base["labelled_at"] - base["paid_at"]) / pd.Timedelta(days=1)
    fraud = base["is_fraud"] == 1
    assert (delay[~fraud] == SETTLED).all()
    assert 2.5 < delay[fraud].median() < 3.5


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"rows": 0}, "at least one row and one day, got rows=0"),
        ({"fraud_share": 1.5}, "fraud_share between 0 and 1, got 1.5"),
        ({"missing": (("amont", 0.1),)}, "to name a feature, got 'amont'; did you mean 'amount'"),
        ({"missing": (("amount", -1.0),)}, "amount between 0 and 1"),
        ({"new_pattern_cohort": ("country", "north")}, "to name a country, got 'north'"),
        ({"prevalence_factor": -1.0}, "prevalence_factor of at least 0"),
        ({"start": "yesterday"}, "start as a day such as 2026-01-01, got 'yesterday'"),
    ],
)
def test_a_knob_out_of_range_is_refused(knobs, sentence):
    with pytest.raises(DataError, match=sentence):
        Payments(**knobs)


def test_a_model_learns_the_old_kinds_and_is_blind_to_the_new_one():
    """The default gates hold before the new pattern; after it the cohort's recall falls while accuracy stays high."""
    stream = simulate(Payments(new_pattern_day=72))
    train, validation = len(stream) * 6 // 10, len(stream) * 8 // 10
    y, cohort = stream["is_fraud"].to_numpy(), (stream["region"] == "north").to_numpy()
    pipeline = training.estimator(Training(parameters={"max_iter": 50}), KINDS, seed=0)
    with threadpool_limits(1):  # two OpenMP threads beside a busy neighbour wait for each other
        training.fit(pipeline, stream.iloc[:train], y[:train])
        score = training.score(pipeline, stream)
    chosen = threshold.choose(y[train:validation], score[train:validation], precision_floor=0.8)

    known = (stream["fraud_kind"] != "shell_merchant").to_numpy()
    holdout = np.arange(len(stream)) >= validation
    seen, gates = sli.measure(y[holdout & known], score[holdout & known], threshold=chosen.value), Gates()
    assert seen["intervals"]["minority_recall"][0] >= gates.minority_recall
    assert seen["intervals"]["minority_precision"][0] >= gates.minority_precision
    assert seen["intervals"]["f1_minority"][0] >= gates.f1_minority

    after = sli.measure(y[holdout & cohort], score[holdout & cohort], threshold=chosen.value)
    assert after["minority_recall"] < 0.5
    assert sli.measure(y[holdout], score[holdout], threshold=chosen.value)["accuracy"] > 0.99


def test_a_million_payments_take_under_twenty_seconds():
    begun = time.perf_counter()
    assert len(simulate(Payments(rows=1_000_000))) == 1_000_000
    assert time.perf_counter() - begun < 20
