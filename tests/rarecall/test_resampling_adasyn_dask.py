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
    with (
        distributed.LocalCluster(workers, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
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


def test_a_missing_dask_is_named(monkeypatch, sampler):
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(DataError, match=r"rarecall\[dask\]"):
        adasyn_dask([], "label", sampler=sampler)
