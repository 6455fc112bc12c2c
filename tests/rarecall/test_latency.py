"""Latency: percentiles of single rows, and no bound that so few calls cannot give."""

import time

import pandas as pd
import pytest

from rarecall.errors import DataError
from rarecall.latency import measure

ROWS = pd.DataFrame({"amount": [1.0, 2.0, 3.0]})


def test_one_row_is_asked_at_a_time_in_turn():
    asked = []
    told = measure(lambda row: asked.append(row["amount"].tolist()), ROWS, repeats=6)
    assert asked[-6:] == [[1.0], [2.0], [3.0]] * 2
    assert told["repeats"] == 6


def test_a_slow_call_in_ten_is_the_slow_end():
    calls = iter(range(1000))
    told = measure(lambda _row: time.sleep(0.01 if next(calls) % 10 == 0 else 0), ROWS, repeats=50)
    assert told["p50_low"] <= told["p50"] <= told["p50_high"] < 10
    assert told["p99"] >= 10


def test_few_calls_have_no_upper_bound_of_the_slow_end():
    told = measure(len, ROWS, repeats=100)
    assert told["p99_high"] is None
    assert told["p99_low"] <= told["p99"]
    assert measure(len, ROWS, repeats=400)["p99_high"] is not None


def test_without_rows_there_is_nothing_to_time():
    with pytest.raises(DataError, match="expected rows to time the model on, got none"):
        measure(len, ROWS.iloc[:0])
