"""What a dataset version is made of: every row is counted once, by its class and in each of its cohorts."""

import pandas as pd
import pyarrow as pa

from rarecall.datasets import composition

ROWS = pd.DataFrame({"label": [0, 0, 1, 1, 1], "is_synthetic": [False, False, False, True, True]})


def total(counts):
    return sum(one["real"] + one["synthetic"] for one in counts.values())


def test_every_row_is_counted_once_by_class():
    counts = composition.by_class(ROWS)
    assert counts == {"0": {"real": 2, "synthetic": 0}, "1": {"real": 1, "synthetic": 2}}
    assert total(counts) == len(ROWS)


def test_rows_without_a_mark_are_real():
    assert composition.by_class(ROWS[["label"]])["1"] == {"real": 3, "synthetic": 0}


def test_every_row_is_counted_once_in_each_cohort_and_bands_stand_in_their_order():
    segments = pd.DataFrame({"age": [">=60", "<30", "30-60", "missing", "<30"], "job": ["b", "a", "a", "a", "b"]})
    counts = composition.by_cohort(ROWS, segments)
    assert list(counts["age"]) == ["<30", "30-60", ">=60", "missing"]
    assert counts["job"] == {"a": {"real": 2, "synthetic": 1}, "b": {"real": 1, "synthetic": 1}}
    assert [total(values) for values in counts.values()] == [5, 5]


def test_no_rows_and_no_cohorts_are_nothing():
    assert composition.by_class(ROWS.head(0)) == {}
    assert composition.by_cohort(ROWS, pd.DataFrame(index=ROWS.index)) == {}


def test_a_type_is_arrows_own():
    schema = pa.schema({"at": pa.timestamp("us", tz="UTC"), "job": pa.dictionary(pa.int8(), pa.string())})
    assert composition.types(schema) == [
        ["at", "timestamp[us, tz=UTC]"],
        ["job", "dictionary<values=string, indices=int8, ordered=0>"],
    ]
