import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from rarecall.errors import DataError
from rarecall.resampling import ADASYN
from rarecall.resampling.adasyn_dask import adasyn_dask

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 700
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n).round(1), "n": rng.integers(0, 9, n)})
    frame.loc[rng.random(n) < 0.1, "a"] = np.nan
    frame["job"] = rng.choice(["x", "y", "z", None], n)
    frame["label"] = (rng.random(n) < 0.12).astype(int)
    frame["id"] = [f"r{at}" for at in range(n)]
    frame["ok"] = rng.random(n) < 0.9
    frame["where"] = rng.choice(["north", "south"], n)
    return frame


@pytest.fixture(scope="module")
def sampler():
    return ADASYN(random_state=4, mode="exact", cohort_factors={"north": 2.0}, rules=["n > 0"])


@pytest.fixture(scope="module")
def one_machine(table, sampler):
    X = table.drop(columns=["label", "id", "ok", "where"])
    X_res, _ = sampler.fit_resample(
        X, table["label"], ids=table["id"], eligible=table["ok"].to_numpy(), cohorts=table["where"]
    )
    return X_res.iloc[len(X) :].reset_index(drop=True), sampler.lineage_


def _parts(table, count):
    edges = np.linspace(0, len(table), count + 1).astype(int)
    return [table.iloc[a:b] for a, b in pairwise(edges)]


def _scaled(source, sampler):
    return adasyn_dask(source, "label", sampler=sampler, ids="id", eligible="ok", cohorts="where")


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_same_rows_whatever_the_workers_and_partitions(table, sampler, one_machine, workers):
    here = {"processes": False, "dashboard_address": "127.0.0.1:0"}  # the usual port may be another cluster's
    with (
        distributed.LocalCluster(n_workers=workers, threads_per_worker=1, **here) as cluster,
        distributed.Client(cluster),
    ):
        for count in (1, 4, 7):
            rows, lineage = _scaled([dask.delayed(part) for part in _parts(table, count)], sampler).compute()
            pd.testing.assert_frame_equal(rows.drop(columns="class"), one_machine[0])
            assert lineage.equals(one_machine[1])


def test_a_folder_of_parquet_is_read_and_written(table, sampler, one_machine, tmp_path):
    for at, part in enumerate(_parts(table, 3)):
        part.to_parquet(tmp_path / f"{at}.parquet")
    files = _scaled(tmp_path, sampler).to_parquet(tmp_path / "out")
    rows = pd.concat([pd.read_parquet(name) for name in sorted(files) if "rows-" in name], ignore_index=True)
    pd.testing.assert_frame_equal(rows.drop(columns="class"), one_machine[0])


def test_a_dask_frame_is_read(table, sampler, one_machine):
    frames = pytest.importorskip("dask.dataframe")
    with dask.config.set({"dataframe.convert-string": False}):
        rows, _ = _scaled(frames.from_pandas(table, npartitions=2, sort=False), sampler).compute()
    pd.testing.assert_frame_equal(rows.drop(columns="class"), one_machine[0])


def test_numbers_alone_and_several_classes(table):
    X = table[["b", "n"]].assign(label=np.arange(len(table)) % 10 // 8 + np.arange(len(table)) % 20 // 19)
    sampler = ADASYN(random_state=1, mode="exact")
    expected = sampler.fit_resample(X[["b", "n"]], X["label"])[0].iloc[len(X) :].reset_index(drop=True)
    rows, _ = adasyn_dask([dask.delayed(part) for part in _parts(X, 3)], "label", sampler=sampler).compute()
    pd.testing.assert_frame_equal(rows.drop(columns="class"), expected)


@pytest.mark.parametrize("course", [{"off_segment": "auto"}, {"off_segment": 0.3, "n_mixed": 3}], ids=str)
def test_the_same_rows_off_the_line(table, course):
    X = table.drop(columns=["label", "id", "ok", "where"])
    sampler = ADASYN(random_state=4, mode="exact", rules=["n > 0"], **course)
    expected = sampler.fit_resample(X, table["label"])[0].iloc[len(X) :].reset_index(drop=True)
    parts = [dask.delayed(part) for part in _parts(X.assign(label=table["label"]), 3)]
    rows, lineage = adasyn_dask(parts, "label", sampler=sampler).compute()
    pd.testing.assert_frame_equal(rows.drop(columns="class"), expected)
    assert lineage.equals(sampler.lineage_)


def test_rejections_are_summed_over_the_partitions(table, tmp_path):
    sampler = ADASYN(random_state=4, mode="exact", rules=["n > 0", "b > -1"], max_redraws=1)
    X = table[["b", "n"]]
    with pytest.warns(UserWarning, match="left out"):
        sampler.fit_resample(X, table["label"])
    parts = [dask.delayed(part) for part in _parts(table[["b", "n", "label"]], 4)]
    scaled = adasyn_dask(parts, "label", sampler=sampler)
    for draw in (scaled.compute, lambda: scaled.to_parquet(tmp_path)):
        with pytest.warns(UserWarning, match="left out"):
            draw()
        assert scaled.plan.facts() == sampler.plan_.facts()
        assert all(scaled.plan.rejected.values())


def test_categories_may_differ_from_partition_to_partition(table):
    """The rows are those of the table with the levels of all partitions."""
    X = table[["b", "n", "job"]].assign(job=table["job"].astype("category"))
    sampler = ADASYN(random_state=4, mode="exact")
    expected = sampler.fit_resample(X, table["label"])[0].iloc[len(X) :].reset_index(drop=True)
    parts = _parts(X.assign(label=table["label"]), 100)
    seen = [part.assign(job=part["job"].cat.remove_unused_categories()) for part in parts]
    assert len({part["job"].dtype for part in seen}) > 1
    rows, _ = adasyn_dask([dask.delayed(part) for part in seen], "label", sampler=sampler).compute()
    pd.testing.assert_frame_equal(
        rows.drop(columns="class"), expected.astype({"job": rows["job"].dtype}), check_categorical=False
    )


def test_kinds_that_do_not_go_together_are_refused(table):
    parts = [dask.delayed(table[["n", "label"]]), dask.delayed(table[["n", "label"]].astype({"n": str}))]
    with pytest.raises(DataError, match="column 'n', got int64 in part 0 and object in part 1"):
        adasyn_dask(parts, "label", sampler=ADASYN())


def test_a_missing_dask_is_named(monkeypatch, sampler):
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(DataError, match=r"rarecall\[dask\]"):
        adasyn_dask([], "label", sampler=sampler)
