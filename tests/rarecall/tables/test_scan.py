"""A scan answers as the frame of the same rows does, and a file that grows by blocks holds what they hold."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from rarecall.tables import scan
from rarecall.tables.scan import Scan, Writer


@pytest.fixture
def frame():
    rows = pd.DataFrame({"id": np.arange(100), "x": np.arange(100) / 2, "job": ["cook", None] * 50})
    return rows.assign(label=rows["id"].mask(rows["id"] % 3 == 0).astype("Int8"))


@pytest.fixture
def scanned(frame, tmp_path):
    frame.to_parquet(tmp_path / "rows.parquet", index=False, row_group_size=30)
    return Scan(tmp_path / "rows.parquet")


def test_some_of_some_rows(frame, scanned):
    large, even = frame["id"] >= 40, np.arange(60) % 2 == 0
    wanted = frame[large][even].reset_index(drop=True)
    some = scanned[scanned["id"] >= 40][even]
    assert len(some) == 30
    assert list(some.columns) == ["id", "x", "job", "label"]
    assert "job" in some
    assert "jobs" not in some
    pd.testing.assert_frame_equal(some[["x", "id", "label"]], wanted[["x", "id", "label"]])
    pd.testing.assert_series_equal(some["job"], wanted["job"])
    pd.testing.assert_frame_equal(some.take([3, 7, 29]), wanted.take([3, 7, 29]).reset_index(drop=True))
    pd.testing.assert_frame_equal(some.head(2), wanted.head(2))
    assert some.head(0).dtypes.equals(wanted.dtypes)
    assert some.head(0).empty


def test_blocks_are_numbered_on(frame, scanned):
    some = scanned[np.arange(100) % 10 < 4]
    blocks = list(some.blocks(["id"], rows=25))
    assert [block.index.start for block in blocks] == [0, 12, 20, 32]
    wanted = frame.loc[frame["id"] % 10 < 4, ["id"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.concat(blocks), wanted, check_index_type=False)


def test_a_first_block_without_a_value_does_not_decide_a_type(frame, tmp_path):
    file = tmp_path / "written.parquet"
    days = pd.Series(pd.date_range("2026-01-01", periods=100).date, dtype=object)
    frame = frame.assign(day=days.mask(days.index < 10), job=frame["job"].mask(frame["id"] < 10))
    with Writer(file, {"day": pa.date32()}) as writer:
        for start, stop in ((0, 0), (0, 10), (10, 10), (10, 60), (60, 100)):
            writer.write(frame.iloc[start:stop])
    assert writer.rows == 100
    assert pd.read_parquet(file)["day"].dropna().equals(frame["day"].dropna())
    assert pd.read_parquet(file)["job"].dropna().equals(frame["job"].dropna())
    assert scan.types(file)["job"] == pa.string()
    assert scan.types(file)["day"] == pa.date32()


def test_what_is_large_is_scanned(frame, scanned, tmp_path, monkeypatch):
    pd.testing.assert_frame_equal(scan.opened(tmp_path / "rows.parquet"), frame)
    monkeypatch.setattr(scan, "LARGE", 99)
    assert isinstance(scan.opened(tmp_path / "rows.parquet"), Scan)
