import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from rarecall.resampling import ADASYN, SamplingError, metric, partitions
from rarecall.resampling.adasyn_parquet import adasyn_parquet

ASIDE = ["label", "id", "ok", "where"]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 600
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n).round(1), "n": rng.integers(0, 9, n)})
    frame.loc[rng.random(n) < 0.1, "a"] = np.nan
    frame["job"] = pd.Categorical(rng.choice(["x", "y", "z", None], n))
    frame["when"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 10**6, n), unit="s")
    frame["label"] = (rng.random(n) < 0.12).astype(int) + (rng.random(n) < 0.05)
    frame["id"] = [f"r{at}" for at in range(n)]
    frame["ok"] = rng.random(n) < 0.9
    frame["where"] = rng.choice(["north", "south"], n)
    return frame


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(partitions, "PART_ROWS", 70)


def _folder(table, path, *, files=3, group=40):
    path.mkdir()
    for at, rows in enumerate(np.array_split(np.arange(len(table)), files)):
        table.iloc[rows].to_parquet(path / f"{at}.parquet", row_group_size=group)
    return path


def _sampler(**how):
    return ADASYN(random_state=4, mode="exact", cohort_factors={"north": 2.0}, rules=["n > 0"], **how)


def _streamed(table, folder, tmp_path, sampler):
    streamed = adasyn_parquet(folder, "label", sampler=sampler, ids="id", eligible="ok", cohorts="where")
    made = streamed.write(tmp_path / "rows.parquet", tmp_path / "lineage.parquet")
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    assert len(rows) == made
    return streamed, rows.drop(columns="class"), pq.read_table(tmp_path / "lineage.parquet")


def _in_memory(table, sampler):
    X = table.drop(columns=ASIDE)
    X_res, _ = sampler.fit_resample(
        X, table["label"], ids=table["id"], eligible=table["ok"].to_numpy(), cohorts=table["where"]
    )
    return X_res.iloc[len(X) :].reset_index(drop=True)


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_the_rows_are_those_drawn_in_memory(table, tmp_path, small_parts, n_jobs):
    """Whatever files and row groups the table is cut into, and whatever the threads."""
    expected = _in_memory(table, memory := _sampler())
    streamed, rows, lineage = _streamed(table, _folder(table, tmp_path / "in"), tmp_path, _sampler(n_jobs=n_jobs))
    pd.testing.assert_frame_equal(rows, expected)
    assert lineage.equals(memory.lineage_)
    assert streamed.plan.facts() == memory.plan_.facts()
    assert streamed.plan.rejected["n > 0"] > 0


def test_the_scale_is_taken_from_the_same_rows(table, tmp_path, small_parts, monkeypatch):
    """Of a large table every n-th row gives it, and where a part begins must not matter."""
    monkeypatch.setattr(metric, "SPREAD_ROWS", 50)
    expected = _in_memory(table, _sampler())
    _, rows, _ = _streamed(table, _folder(table, tmp_path / "in"), tmp_path, _sampler())
    pd.testing.assert_frame_equal(rows, expected)


def test_a_budget_of_bytes_cuts_as_in_memory(table, tmp_path, small_parts):
    with pytest.warns(UserWarning, match="were cut to"):
        expected = _in_memory(table, _sampler(memory_budget=4000))
    with pytest.warns(UserWarning, match="were cut to"):
        _, rows, _ = _streamed(table, _folder(table, tmp_path / "in"), tmp_path, _sampler(memory_budget=4000))
    pd.testing.assert_frame_equal(rows, expected)


def test_parents_are_numbered_as_in_the_whole_table(table, tmp_path):
    streamed = adasyn_parquet(
        _folder(table.drop(columns=["id", "ok", "where"]), tmp_path / "in"), "label", sampler=ADASYN(random_state=0)
    )
    for block in streamed.draw():
        np.testing.assert_array_equal(table["label"].to_numpy()[block.parents], block.y)
        np.testing.assert_array_equal(block.lineage["parent_id"].to_numpy(), block.parents)


def test_rows_that_no_redraw_saves_are_left_out_and_told(table, tmp_path):
    sampler = _sampler().set_params(rules=["b > 0"], max_redraws=0)
    streamed = adasyn_parquet(
        _folder(table, tmp_path / "in"), "label", sampler=sampler, ids="id", eligible="ok", cohorts="where"
    )
    with pytest.warns(UserWarning, match="left out"):
        made = streamed.write(tmp_path / "rows.parquet", tmp_path / "lineage.parquet")
    assert streamed.plan.n_synthetic - made == streamed.plan.rejected["b > 0"]


def test_no_more_than_a_part_is_read_at_a_time(table, tmp_path, small_parts, monkeypatch):
    largest = []
    plain = partitions.RowGroups.read

    def read(part):
        frame = plain(part)
        largest.append(len(frame))
        return frame

    monkeypatch.setattr(partitions.RowGroups, "read", read)
    adasyn_parquet(_folder(table[["a", "label"]], tmp_path / "in", files=1), "label", sampler=ADASYN(random_state=0))
    assert max(largest) < 70 + 40
    assert sum(largest) == 4 * len(table)  # the classes, the survey, and a search for each of the two rare classes


def test_an_empty_file_takes_nothing_away(table, tmp_path):
    folder = _folder(table[["a", "n", "label"]], tmp_path / "in")
    before = _plain(folder, tmp_path)
    table[["a", "n", "label"]].iloc[:0].to_parquet(folder / "00.parquet")
    pd.testing.assert_frame_equal(_plain(folder, tmp_path), before)


def _plain(folder, tmp_path):
    streamed = adasyn_parquet(folder, "label", sampler=ADASYN(random_state=0))
    streamed.write(tmp_path / "rows.parquet", tmp_path / "lineage.parquet")
    return pd.read_parquet(tmp_path / "rows.parquet")


def test_what_cannot_be_read_is_refused_in_a_sentence(table, tmp_path):
    folder = _folder(table, tmp_path / "in")
    with pytest.raises(SamplingError, match="got 'labl'; did you mean 'label'"):
        adasyn_parquet(folder, "labl", sampler=ADASYN())
    (tmp_path / "empty").mkdir()
    for missing in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(SamplingError, match="found none"):
            adasyn_parquet(missing, "label", sampler=ADASYN())
