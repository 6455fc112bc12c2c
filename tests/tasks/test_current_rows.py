"""Each entity's latest row as of a moment, and what differs between two choices, as plain Python says it."""

from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rarecall.errors import StoreError
from tasks.current_rows import Files, reading

START = datetime(2026, 1, 1, tzinfo=UTC)
NUMBERS = count()
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 2), st.sampled_from([1.0, 2.0, None])), max_size=12
)
"""Whose, when true, when made, and a value that may be missing."""

VIEW = SimpleNamespace(
    name="view",
    entity_columns=[SimpleNamespace(name="customer")],
    features=[SimpleNamespace(name="amount"), SimpleNamespace(name="filename")],
    batch_source=SimpleNamespace(timestamp_field="event_timestamp", created_timestamp_column="created"),
)


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    with reading(VIEW, tmp_path_factory.mktemp("spill")) as rows:
        yield rows


def moment(number):
    return START + timedelta(microseconds=number)


def written(folder, rows):
    """Write rows as a file; a feature is called as DuckDB calls a column of its own."""
    frame = pd.DataFrame(
        {
            "row_id": np.arange(len(rows)),
            "customer": np.array([row[0] for row in rows], dtype="int64"),
            "event_timestamp": pd.to_datetime([moment(row[1]) for row in rows], utc=True).as_unit("us"),
            "created": pd.to_datetime([moment(row[2]) for row in rows], utc=True).as_unit("us"),
            "amount": np.array([row[3] for row in rows], dtype=float),
            "filename": "a",
        }
    )
    file = folder / f"{next(NUMBERS)}.parquet"
    frame.to_parquet(file, index=False)
    return Files.of(file)


def latest(rows, until):
    """Return each entity's latest row: by the event, then by its making, then the one that stands last."""
    found = {}
    for place, row in enumerate(rows):
        if row[1] <= until:
            found[row[0]] = max(
                found.get(row[0], (-1, -1, -1, None)), (row[1], row[2], place, row[3]), key=lambda r: r[:3]
            )
    return {whose: (event, made, amount) for whose, (event, made, _, amount) in found.items()}


def read(chosen, name):
    rows = [row for batch in chosen.rows(name, 2) for row in batch.to_pylist()]
    begin = int(START.timestamp()) * 1_000_000
    return {r["customer"]: (r["_event_us"] - begin, r["_created_us"] - begin, r["amount"]) for r in rows}


@given(ROWS, st.integers(0, 4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_latest_row_of_each_entity_is_chosen(chosen, tmp_path, rows, until):
    expected = latest(rows, until)
    assert chosen.choose("now", written(tmp_path, rows), moment(until)) == len(expected)
    assert read(chosen, "now") == expected


@given(ROWS, ROWS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_changed_and_who_left_between_two_snapshots(chosen, tmp_path, before, now):
    old, new = latest(before, 4), latest(now, 4)
    gone = {whose for whose, row in old.items() if whose not in new or row[:2] > new[whose][:2]}
    chosen.choose("before", written(tmp_path, before), moment(4))
    chosen.choose("now", written(tmp_path, now), moment(4))
    assert chosen.gone("before", "now") == len(gone)
    assert {key for batch in chosen.keys("gone", 2) for key in batch.column(0).to_pylist()} == gone
    chosen.changed("before", "now")
    same = {whose for whose, row in new.items() if whose in old and row[::2] == old[whose][::2]} - gone
    assert read(chosen, "now") == {whose: row for whose, row in new.items() if whose not in same}


def test_of_known_files_only_later_rows_count_and_of_new_ones_all(chosen, tmp_path):
    known = written(tmp_path, [(1, 1, 0, 1.0), (2, 3, 0, 2.0)])
    added = written(tmp_path, [(3, 1, 0, 3.0), (1, 0, 0, 4.0)])
    both = Files.of(tmp_path)
    chosen.choose("now", both, moment(4), since=moment(2), new=list(added.known))
    assert read(chosen, "now") == {2: (3, 0, 2.0), 3: (1, 0, 3.0), 1: (0, 0, 4.0)}
    assert known.known.items() <= both.known.items()


def test_who_is_online_is_compared_as_a_choice_is(chosen, tmp_path):
    held = pa.RecordBatch.from_pydict({"customer": [1, 2, 2], "_event_us": [0, 2**62, 2**62], "_created_us": [0, 0, 0]})
    chosen.choose("now", written(tmp_path, [(1, 1, 0, 1.0), (2, 1, 0, 1.0)]), moment(4))
    assert chosen.hold("held", iter([held])) == 2
    assert chosen.gone("held", "now") == 1
    assert chosen.hold("nobody", iter([])) == 0


def test_a_file_that_was_written_again_is_another(tmp_path):
    files = written(tmp_path, [(1, 1, 0, 1.0)])
    (file,) = map(type(tmp_path), files.known)
    assert files.still_there()
    file.write_bytes(file.read_bytes() + b"x")
    assert not files.still_there()
    file.unlink()
    assert not files.still_there()


@pytest.mark.parametrize("place", ["gone.parquet", "."])
def test_a_source_without_files_is_one_sentence(tmp_path, place):
    with pytest.raises(StoreError, match=r"(cannot be read|holds no Parquet file).*run: rarecall retrain"):
        Files.of(tmp_path / place)
