import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import make_classification

from rarecall.resampling import ADASYN, draw, write
from rarecall.resampling.columns import Columns
from rarecall.resampling.draw import as_arrow, schema_of
from rarecall.resampling.interpolation import between
from rarecall.resampling.rules import Rules


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


def test_a_block_without_a_value_of_a_column_keeps_its_type(table):
    """Arrow would call such a column null, and refuse the text of a later block."""
    X, y = table[0].copy(), table[1]
    X["note"] = np.where(np.arange(len(X)) % 50 == 0, "seen", None)
    blocks = list(draw(ADASYN(random_state=0).plan(X, y), X, block_rows=5))
    assert len({block.rows["note"].isna().all() for block in blocks}) == 2
    assert len({as_arrow(block, schema_of(X)).schema for block in blocks}) == 1


def test_a_rule_may_refuse_a_whole_block(table):
    X, y = table
    plan = ADASYN(random_state=0).plan(X, y)
    rules = Rules({"never": lambda rows: np.zeros(len(rows), dtype=bool)})
    assert sum(len(block.rows) for block in draw(plan, X, rules=rules, max_redraws=1)) == 0


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint64])
def test_whole_numbers_stay_within_their_type_and_their_parents(kind):
    """The way between the ends of a type is longer than the type can hold."""
    ends = np.iinfo(kind)
    X = np.array([[ends.min], [ends.max]], dtype=kind)
    step = np.linspace(0, 0.9, 10)
    drawn = between(X, np.zeros(10, dtype=int), np.ones(10, dtype=int), None, step, Columns(n=1))
    assert drawn.dtype == kind
    np.testing.assert_allclose(
        drawn[:, 0].astype(float), ends.min + step * (float(ends.max) - ends.min), atol=1, rtol=1e-15
    )


@pytest.mark.parametrize("kind", [np.int8, np.float32, np.bool_])
def test_steps_and_bounds_fit_the_type(kind):
    X = np.array([[0], [1]]).astype(kind) if kind == np.bool_ else np.array([[-100], [127]]).astype(kind)
    columns = Columns(n=1, steps={0: 3.0}, bounds={0: (-50.5, 1000)})
    drawn = between(X, np.zeros(9, dtype=int), np.ones(9, dtype=int), None, np.linspace(0, 1, 9), columns)
    assert drawn.dtype == kind
    assert (drawn.astype(float) >= -50.5).all()
    assert (np.diff(drawn.astype(float)[:, 0]) >= 0).all()


def test_an_array_of_objects_is_drawn_as_numbers():
    X = np.array([[0.25], [0.75]], dtype=object)
    drawn = between(X, np.array([0]), np.array([1]), None, np.array([0.5]), Columns(n=1))
    assert drawn.tolist() == [[0.5]]


def test_threads_fill_the_same_rows_as_one():
    """More rows than one thread fills at a time."""
    X = np.random.default_rng(0).normal(size=(60_000, 3))
    y = (np.arange(60_000) < 900).astype(int)
    drawn = [ADASYN(random_state=1, sampling_strategy={1: 80_000}, n_jobs=n) for n in (1, 3)]
    (one, y_one), (many, y_many) = (sampler.fit_resample(X, y) for sampler in drawn)
    assert len(one) == len(X) + 79_100
    assert (one == many).all()
    assert (y_one == y_many).all()
    assert drawn[0].lineage_.equals(drawn[1].lineage_)
    assert (drawn[0].sample_indices_ == drawn[1].sample_indices_).all()
