import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import make_classification

from rarecall.resampling import ADASYN, draw, write
from rarecall.resampling.columns import Columns
from rarecall.resampling.interpolation import between


@pytest.fixture(scope="module")
def table():
    X, y = make_classification(500, 6, weights=[0.8], random_state=0)
    frame = pd.DataFrame(X).rename(columns=str)
    frame["job"] = np.random.default_rng(0).choice(["a", "b"], 500)
    return frame, y


def test_the_rows_do_not_depend_on_the_blocks(table):
    X, y = table
    plan = ADASYN(random_state=0).plan(X, y)
    whole, small = (
        pd.concat([b.rows for b in draw(plan, X, block_rows=size)], ignore_index=True) for size in (10**6, 7)
    )
    pd.testing.assert_frame_equal(whole, small)
    part = pd.concat([block.rows for block in draw(plan, X, start=50, stop=90)], ignore_index=True)
    pd.testing.assert_frame_equal(part, whole.iloc[50:90].reset_index(drop=True))


def test_a_plan_streams_to_parquet_as_fit_resample_makes_it(table, tmp_path):
    X, y = table
    sampler = ADASYN(random_state=0)
    expected = sampler.fit_resample(X, y)[0].iloc[500:].reset_index(drop=True)
    written = write(sampler.plan_, X, tmp_path / "rows.parquet", tmp_path / "lineage.parquet")
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    assert written == len(rows) == len(expected)
    pd.testing.assert_frame_equal(rows.drop(columns="class"), expected)
    assert pq.read_table(tmp_path / "lineage.parquet").equals(sampler.lineage_)


def test_a_plan_is_frozen_and_speaks_json(table):
    X, y = table
    plan = ADASYN(random_state=0).plan(X, y)
    with pytest.raises(AttributeError):
        plan.seed = 1
    with pytest.raises(ValueError, match="read-only"):
        plan.classes[0].counts[0] = 9
    facts = json.loads(json.dumps(plan.facts()))
    assert facts["classes"][0]["planned"] == plan.n_synthetic
    assert plan.median_distance > 0


@pytest.mark.parametrize(
    ("own", "cast", "winner"),
    [
        pytest.param("a", ["b", "b", "a"], "b", id="most votes"),
        pytest.param("a", ["b", "a", "c"], "a", id="the parent's among equals"),
        pytest.param("x", ["c", "b", "b", "c"], "c", id="the nearest's among equals"),
        pytest.param(None, [None, "b"], "b", id="gaps are silent"),
        pytest.param(None, [None, None], None, id="all miss it"),
        pytest.param("a", [None, None], "a", id="only the parent has it"),
    ],
)
def test_a_category_is_elected(own, cast, winner):
    X = pd.DataFrame({"job": [own, *cast]})
    voters = np.arange(1, len(cast) + 1)[None, :]
    drawn = between(X, np.array([0]), np.array([1]), voters, np.array([0.5]), Columns(n=1, categorical=(0,)))
    assert drawn["job"].tolist() == [winner]
