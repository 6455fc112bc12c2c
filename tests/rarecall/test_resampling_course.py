import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import make_classification

from rarecall.resampling import ADASYN, draw
from rarecall.resampling.course import AUTO, Course
from rarecall.resampling.randomness import strays, uniforms
from rarecall.resampling.rules import Rules


@pytest.fixture(scope="module")
def table():
    X, y = make_classification(600, 6, weights=[0.85], random_state=0)
    return X, y


def _ends(sampler, X):
    return (X[sampler.lineage_[name].to_numpy()] for name in ("parent_id", "neighbor_id"))


@given(
    off_segment=st.floats(0, 50),
    step=st.lists(st.floats(0, 1), min_size=1, max_size=20),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_step_stays_within_0_and_1_and_as_near_as_said(off_segment, step, seed):
    step = np.array(step)
    rows = np.full(len(step), seed), np.zeros(len(step), dtype=int), np.arange(len(step))
    steps = Course(off_segment).steps(step, *rows, 5).reshape(len(step), -1)
    assert (steps >= 0).all()
    assert (steps <= 1).all()
    assert (np.abs(steps - step[:, None]) <= off_segment + 1e-12).all()


@given(n_mixed=st.integers(1, 9), seed=st.integers(0, 2**31), start=st.integers(0, 1000))
def test_shares_sum_to_one_and_the_first_neighbour_is_the_chosen(n_mixed, seed, start):
    nearest = np.array([[7, 8, 9, -1], [4, 5, 6, 3]])
    choice = np.array([2, 3])
    rows = np.full(2, seed), np.zeros(2, dtype=int), np.array([start, start + 5])
    neighbors, shares = Course(0.0, n_mixed).partners(nearest, choice, *rows)
    neighbors = neighbors.reshape(2, -1)
    assert neighbors[:, 0].tolist() == [9, 3]
    assert neighbors.shape[1] == n_mixed
    assert (neighbors >= 0).all()
    if shares is not None:
        np.testing.assert_allclose(shares.sum(axis=1), 1.0)


@given(cuts=st.lists(st.integers(0, 90), max_size=5), n=st.integers(1, 9), of=st.sampled_from([0, 1]))
def test_a_rows_straying_does_not_depend_on_the_blocks(cuts, n, of):
    edges = sorted({0, 90, *cuts})
    parts = [strays(3, 2, a, b, n, of=of) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), strays(3, 2, 0, 90, n, of=of))


def test_no_number_serves_twice():
    streams = [strays(0, attempt, 0, 200, 9, of=of).ravel() for attempt in (0, 1) for of in (0, 1)]
    streams += [uniforms(0, attempt, 0, 200).ravel() for attempt in (0, 1)]
    whole = np.concatenate(streams)
    assert len(np.unique(whole)) == len(whole)


def test_zero_is_the_papers_adasyn(table):
    X, y = table
    plain = ADASYN(random_state=0).fit_resample(X, y)[0]
    assert plain.tobytes() == ADASYN(random_state=0, off_segment=0.0, n_mixed=1).fit_resample(X, y)[0].tobytes()
    sampler = ADASYN(random_state=0)
    drawn = sampler.fit_resample(X, y)[0][len(X) :]
    parent, neighbor = _ends(sampler, X)
    step = sampler.lineage_["step"].to_numpy()[:, None]
    assert drawn.tobytes() == (parent + step * (neighbor - parent)).tobytes()


def test_auto_is_what_was_measured(table):
    X, y = table
    auto, same = (ADASYN(random_state=0, off_segment=value).fit_resample(X, y)[0] for value in ("auto", AUTO))
    assert auto.tobytes() == same.tobytes()


def test_rows_leave_the_line_and_stay_in_the_box_of_parent_and_neighbour(table):
    X, y = table
    sampler = ADASYN(random_state=0, off_segment=0.2)
    drawn = sampler.fit_resample(X, y)[0][len(X) :]
    parent, neighbor = _ends(sampler, X)
    assert (drawn >= np.minimum(parent, neighbor) - 1e-12).all()
    assert (drawn <= np.maximum(parent, neighbor) + 1e-12).all()
    straight = parent + sampler.lineage_["step"].to_numpy()[:, None] * (neighbor - parent)
    off = np.abs(drawn - straight) / np.abs(neighbor - parent)
    assert off.max() <= 0.2 + 1e-9
    assert off.mean() > 0.05


def test_mixed_rows_stay_among_parent_and_neighbours(table):
    X, y = table
    sampler = ADASYN(random_state=0, n_mixed=3)
    drawn = sampler.fit_resample(X, y)[0][len(X) :]
    voters = X[np.array(sampler.lineage_["voter_ids"].to_pylist())]
    parent, _ = _ends(sampler, X)
    around = np.concatenate([parent[:, None], voters], axis=1)
    assert (drawn >= around.min(axis=1) - 1e-12).all()
    assert (drawn <= around.max(axis=1) + 1e-12).all()


@pytest.mark.parametrize("options", [{"off_segment": "auto"}, {"n_mixed": 3, "off_segment": 0.5}], ids=str)
def test_the_rows_do_not_depend_on_the_blocks(table, options):
    X, y = table
    rules = ["`0` > -1"]
    frame = pd.DataFrame(X).rename(columns=str).assign(job=np.where(np.arange(len(X)) % 3, "a", "b"))
    plan = ADASYN(random_state=0, **options).plan(frame, y)

    def rows(**how):
        return pd.concat([b.rows for b in draw(plan, frame, rules=Rules(rules), **how)], ignore_index=True)

    whole = rows()
    pd.testing.assert_frame_equal(rows(block_rows=7), whole)
    assert len(whole) == plan.n_synthetic


def test_steps_bounds_and_types_hold_off_the_line(table):
    X, y = table
    frame = pd.DataFrame(X.copy(), columns=list("abcdef"))
    frame["whole"] = (frame["a"] * 10).astype(int)
    frame["big"] = np.arange(len(X)) + 2**60
    frame.loc[::7, "f"] = np.nan
    sampler = ADASYN(random_state=0, off_segment=0.5, n_mixed=2, steps={"a": 0.25}, bounds={"b": (-0.5, None)})
    X_res, _ = sampler.fit_resample(frame, y)
    drawn = X_res.iloc[len(X) :]
    assert (drawn["a"] % 0.25 == 0).all()
    assert drawn["b"].min() >= -0.5
    assert (X_res.dtypes == frame.dtypes).all()
    assert drawn["big"].between(2**60, 2**60 + len(X)).all()
    parent = frame.iloc[sampler.lineage_["parent_id"].to_numpy()]
    known = ~parent["f"].isna().to_numpy()
    assert not drawn["f"].isna().to_numpy()[known].any()


def test_a_gap_of_all_partners_stays_one():
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = np.arange(40) % 4 // 3
    X[y == 1, 1] = np.nan
    drawn = ADASYN(random_state=0, off_segment=0.5, n_mixed=2).fit_resample(X, y)[0][40:]
    assert np.isnan(drawn[:, 1]).all()
    assert not np.isnan(drawn[:, [0, 2]]).any()


@pytest.mark.parametrize("options", [{"off_segment": 0.3}, {"n_mixed": 2}, {"off_segment": 0.3, "n_mixed": 2}], ids=str)
def test_sparse_stays_sparse_and_equals_dense(table, options):
    X, y = table
    X = np.where(np.abs(X) < 0.5, 0, X)
    thin, _ = ADASYN(random_state=0, **options).fit_resample(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(thin.toarray(), ADASYN(random_state=0, **options).fit_resample(X, y)[0], atol=1e-12)


def test_where_fewer_are_there_they_are_mixed_round(table):
    X, y = table
    sampler = ADASYN(random_state=0, n_neighbors=2, n_mixed=5)
    drawn = sampler.fit_resample(X, y)[0][len(X) :]
    around = X[np.column_stack([sampler.lineage_["parent_id"].to_numpy(), sampler.lineage_["voter_ids"].to_pylist()])]
    assert (drawn >= around.min(axis=1) - 1e-12).all()
    assert (drawn <= around.max(axis=1) + 1e-12).all()


def test_a_cap_and_the_counts_hold_off_the_line(table):
    X, y = table
    sampler = ADASYN(random_state=0, off_segment="auto", n_mixed=2, max_per_parent=9, sampling_strategy={1: 300})
    _, y_res = sampler.fit_resample(X, y)
    assert (y_res == 1).sum() == 300
    assert np.bincount(sampler.lineage_["parent_id"].to_numpy()).max() <= 9


def test_the_plan_tells_its_course(table):
    X, y = table
    facts = json.loads(json.dumps(ADASYN(random_state=0, off_segment="auto", n_mixed=2).plan(X, y).facts()))
    assert (facts["off_segment"], facts["n_mixed"]) == (AUTO, 2)
