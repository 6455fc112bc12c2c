"""A sketch stands for the rows it was made of, and is read back as it was written."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

from rarecall import drift
from rarecall.drift.bins import Bins
from rarecall.drift.groups import Group
from rarecall.errors import DataError, StoreError
from rarecall.finding import OVERALL
from rarecall.sections import Cohort

KINDS = {"amount": "numeric", "visits": "numeric", "job": "categorical"}
COHORTS = [Cohort(column="job"), Cohort(column="visits", edges=[2, 4])]


def people(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    job = rng.choice(["cook", "nurse", "pilot", None], rows, p=[0.5, 0.3, 0.1, 0.1])
    amount = np.where(rng.random(rows) < 0.05, np.nan, rng.lognormal(sigma=1.5, size=rows))
    return pd.DataFrame({"amount": amount, "visits": rng.poisson(3, rows), "job": job})


@pytest.fixture(scope="module")
def sketch():
    rare = np.random.default_rng(1).random(20_000) < 0.05
    return drift.take(people(20_000, 0), KINDS, positive=rare, cohorts=COHORTS, about={"last": "2026-03-01"})


def test_what_is_written_is_read_and_the_same_rows_give_the_same_bytes(sketch, tmp_path):
    for name in ("a", "b"):
        drift.save(sketch, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    read, now = drift.load(tmp_path / "a"), people(3000, 2)
    assert read.about == {"last": "2026-03-01"}
    assert drift.compare(read, now) == drift.compare(sketch, now)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "sketch.npz").write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot be read as a sketch .*; run rarecall retrain"):
        drift.load(tmp_path / "sketch.npz")


def test_a_file_with_a_pickled_object_is_refused_and_not_run(tmp_path):
    np.savez(tmp_path / "sketch.npz", header=np.array([{"rows": 1}], dtype=object))
    with pytest.raises(StoreError, match="cannot be read as a sketch"):
        drift.load(tmp_path / "sketch.npz")


@pytest.mark.parametrize("column", ["amount", "visits"])
def test_the_sketch_tells_the_distances_that_the_rows_would(sketch, column):
    before, now = people(20_000, 0), people(5000, 3)
    now["amount"] *= 1.5
    [found] = [
        one for one in drift.compare(sketch, now)["columns"] if one["column"] == column and one["cohort"] == OVERALL
    ]
    a, b = before[column].dropna(), now[column].dropna()
    assert found["distance"] == pytest.approx(ks_2samp(a, b).statistic, abs=0.01)
    assert found["distance"] <= ks_2samp(a, b).statistic + 1e-12
    assert found["wasserstein"] == pytest.approx(wasserstein_distance(a, b) / a.std(ddof=0), rel=0.05, abs=0.002)


def test_every_group_holds_its_own_rows(sketch):
    rows = people(20_000, 0)
    assert sketch.groups[Group("job", "nurse")] == int((rows["job"] == "nurse").sum())
    assert sketch.groups[Group("job", "missing")] == int(rows["job"].isna().sum())
    assert sketch.groups[Group("visits", "2-4")] == int(rows["visits"].between(2, 3).sum())
    rare = np.random.default_rng(1).random(20_000) < 0.05
    assert sketch.groups[Group("job", "nurse", minority=True)] == int((rare & (rows["job"] == "nurse")).sum())


def test_a_row_falls_into_the_bin_between_its_edges():
    values = np.array([-1e30, -5.0, -1e-30, 0.0, 1e-30, 3.0, 4.0, 1e30, np.nan, np.inf, -np.inf])
    made = Bins.of(np.random.default_rng(0).normal(size=2000), parts=[(slice(0, 500), 16)])
    codes, known = made.codes(values), np.isfinite(values)
    edges = np.concatenate([[-np.inf], made.edges + made.middle, [np.inf]])
    assert (edges[codes[known]] <= values[known]).all()
    assert (values[known] <= edges[codes[known] + 1]).all()
    assert (codes[~known] == made.size - 1).all()


def test_a_column_that_is_no_number_is_refused_by_name():
    with pytest.raises(DataError, match="expected numbers in 'job', got 'nurse'"):
        drift.take(people(50, 0), KINDS | {"job": "numeric"})
