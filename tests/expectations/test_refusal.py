"""What refuses a run, and in which words."""

import numpy as np
import pandas as pd
import pytest
from payments_snapshot import KINDS, project, rows, without

from expectations.check import check
from rarecall.intake import snapshot

REFUSALS = {
    "no row": (
        rows().iloc[:0],
        "expected at least 1 row, got 0; look at what the source delivers",
    ),
    "a feature is absent": (
        rows().rename(columns={"amount": "amounts"}),
        "expected the feature column 'amount', got a table without it; did you mean 'amounts'?",
    ),
    "the label is absent": (
        rows().drop(columns="fraud"),
        (
            "expected the label column 'fraud', got a table without it; it has row_id, event_timestamp, client, "
            "paid_on, region, age, amount, job"
        ),
    ),
    "the timestamp is absent": (
        rows().rename(columns={"paid_on": "paid"}),
        "expected the timestamp column 'paid_on', got a table without it; did you mean 'paid'?",
    ),
    "the entity is absent": (
        rows().rename(columns={"client": "clients"}),
        "expected the entity column 'client', got a table without it; did you mean 'clients'?",
    ),
    "a cohort is absent": (
        rows().rename(columns={"region": "regions"}),
        "expected the cohort column 'region', got a table without it; did you mean 'regions'?",
    ),
    "a numeric feature holds texts": (
        rows(amount=["1", "two"] * 10),
        (
            "expected 'amount' to be numeric, got 20 of 20 rows otherwise, such as '1', 'two'; declare it categorical "
            "under features.kinds, or add what is no number to missing.markers"
        ),
    ),
    "a numeric feature holds dates": (
        rows(amount=rows()["event_timestamp"]),
        (
            "expected 'amount' to be numeric, got a column of Timestamp; declare it categorical under features.kinds, "
            "or add what is no number to missing.markers"
        ),
    ),
    "one client has two rows at one time": (
        rows(client=[1, 1, *range(2, 20)], event_timestamp=pd.Timestamp("2026-03-01", tz="UTC")),
        (
            "expected one row for each client and paid_on, got 2 of 20 rows otherwise, such as (client=1, "
            "at=2026-03-01T00:00:00+00:00); remove the repeated rows, or name in entity and timestamp "
            "what tells them apart"
        ),
    ),
    "the positive never occurs": (
        rows(fraud=["no", "perhaps"] * 10),
        (
            "expected at least 2 rows whose 'fraud' is 'yes', got 20 of 20 rows otherwise, such as 'no', 'perhaps'; "
            "correct label.column and label.positive, or deliver rows of both classes"
        ),
    ),
    "one positive": (
        rows(fraud=["yes"] + ["no"] * 19),
        (
            "expected at least 2 rows whose 'fraud' is 'yes', got 19 of 20 rows otherwise, such as 'no'; correct "
            "label.column and label.positive, or deliver rows of both classes"
        ),
    ),
    "every row is positive": (
        rows(fraud="yes"),
        (
            "expected at least 2 rows whose 'fraud' is not 'yes', got 20 of 20 rows otherwise, such as 'yes'; correct "
            "label.column and label.positive, or deliver rows of both classes"
        ),
    ),
    "most rows would be quarantined": (
        rows(fraud=without("fraud", range(11))),
        (
            "expected at least half of the rows to be accepted, got 9; mend the source, or correct the columns that "
            "the project file names; 11 of 20 rows were rejected: expect_column_values_to_not_be_null: fraud (11)"
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_critical_failure_refuses_in_one_sentence(case):
    frame, sentence = REFUSALS[case]
    assert check(frame, project(), KINDS).refusal() == sentence


def test_further_critical_failures_are_counted():
    refusal = check(rows().drop(columns=["amount", "region"]), project(), KINDS).refusal()
    assert refusal.endswith("; critical expectations that failed besides: 1")


def test_half_of_the_rows_in_quarantine_is_not_yet_too_many():
    assert check(rows(job="clerk", amount=[np.inf] * 10 + [1.0] * 10), project(), KINDS).refusal() is None


def test_two_rows_of_each_class_are_enough():
    """The least that is accepted, where the share is a fraction that floating point rounds."""
    for n in (4, 7, 49, 93):
        fraud = ["yes", "yes"] + ["no"] * (n - 2)
        assert check(rows(n, fraud=fraud), project(cohorts=[]), KINDS).refusal() is None


@pytest.mark.parametrize(
    ("positive", "values"),
    [
        (1, [1, 0]),
        (1, [1.0, 0.0]),
        ("1", [1, 0]),
        (True, [True, False]),
        (True, pd.array([True, False], dtype=object)),
        (True, ["True", "False"]),
        ("it's", ["it's", "no"]),
    ],
)
def test_the_positive_is_found_however_it_is_written(positive, values):
    """The check and the engine agree on which rows are positive: `snapshot.positives` tells both."""
    frame = rows(fraud=pd.Series(np.tile(values, 10)))
    about = project(label={"column": "fraud", "positive": positive}, cohorts=[])
    assert snapshot.positives(frame["fraud"], about).sum() == 10
    assert check(frame, about, KINDS).refusal() is None


@pytest.mark.parametrize(("positive", "value"), [(True, True), (1, 1), (1, 1.0), ("2026-01-01", "2026-01-01")])
def test_a_constant_label_is_refused_whatever_its_type(positive, value):
    about = project(label={"column": "fraud", "positive": positive}, cohorts=[])
    refusal = check(rows(fraud=value), about, KINDS).refusal()
    assert refusal.startswith(f"expected at least 2 rows whose 'fraud' is not {positive!r}, got 20 of 20 rows")
