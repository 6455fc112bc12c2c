import warnings

import imblearn.over_sampling
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.pipeline import make_pipeline
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import NearestNeighbors

from rarecall.errors import DataError
from rarecall.resampling import ADASYN


@pytest.fixture(scope="module")
def table():
    """Numbers, whole numbers, a category, a flag, a date; every kind with gaps."""
    rng = np.random.default_rng(0)
    n = 600
    frame = pd.DataFrame(
        {
            "amount": rng.lognormal(3, 1, n),
            "visits": pd.array(rng.integers(0, 50, n), dtype="Int64"),
            "age": rng.integers(18, 90, n),
            "score": rng.normal(size=n).astype("float32"),
            "job": rng.choice(["clerk", "nurse", None], n),
            "plan": pd.Categorical(rng.choice(["basic", "gold"], n), categories=["basic", "gold", "never"]),
            "active": rng.random(n) < 0.5,
            "since": pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 10**7, n), unit="s"),
        }
    )
    frame.loc[rng.random(n) < 0.1, ["amount"]] = np.nan
    frame.loc[rng.random(n) < 0.1, ["visits"]] = pd.NA
    frame.loc[rng.random(n) < 0.1, ["since"]] = pd.NaT
    return frame, (rng.random(n) < 0.1).astype(int)


def _numbers(seed=0, n=2000, **how):
    how = {"weights": [0.9], "n_features": 8, "n_informative": 5} | how
    return make_classification(n, random_state=seed, **how)


def _reference_difficulty(X, y, k=5):
    """r_i as imbalanced-learn computes it."""
    nearest = NearestNeighbors(n_neighbors=k + 1).fit(X).kneighbors(X[y == 1], return_distance=False)[:, 1:]
    return (y[nearest] != 1).mean(axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_the_plan_is_imbalanced_learns_on_exact_neighbours(seed):
    """The same r_i, and counts that differ from its rounding by less than one row a parent."""
    X, y = _numbers(seed)
    plan = ADASYN(mode="exact", random_state=0).plan(X, y)
    (part,) = plan.classes
    difficulty = _reference_difficulty(X, y)
    minority = np.flatnonzero(y == 1)
    np.testing.assert_array_equal(part.parents, minority[np.isin(minority, part.parents)])
    np.testing.assert_allclose(part.difficulty, difficulty[np.isin(minority, part.parents)])
    counts = np.zeros(len(y))
    counts[part.parents] = part.counts
    usual = np.rint(difficulty / difficulty.sum() * part.requested)
    assert np.abs(counts[minority] - usual).max() <= 1
    assert part.histogram[1] == tuple(np.histogram(difficulty, bins=10, range=(0, 1))[0])


def test_the_neighbours_are_imbalanced_learns():
    X, y = _numbers(3)
    (part,) = ADASYN(mode="exact", random_state=0).plan(X, y).classes
    minority = np.flatnonzero(y == 1)
    nearest = NearestNeighbors(n_neighbors=6).fit(X[minority]).kneighbors(X[part.parents], return_distance=False)
    np.testing.assert_array_equal(part.neighbors, minority[nearest[:, 1:]])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), wanted=st.integers(1, 400), n_minority=st.integers(2, 30))
def test_as_many_rows_as_asked_for_between_the_parents(seed, wanted, n_minority):
    """Real rows first and unchanged; every synthetic value within its parents' values."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 3))
    y = np.zeros(80, dtype=int)
    y[rng.choice(80, n_minority, replace=False)] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # k shrinks where there are few
        sampler = ADASYN(sampling_strategy={1: n_minority + wanted}, random_state=seed)
        X_res, y_res = sampler.fit_resample(X, y)
    np.testing.assert_array_equal(X_res[:80], X)
    assert (y_res[80:] == 1).all()
    assert len(X_res) == 80 + wanted
    parent, neighbor = (X[sampler.lineage_[name].to_numpy()] for name in ("parent_id", "neighbor_id"))
    assert (X_res[80:] >= np.minimum(parent, neighbor) - 1e-12).all()
    assert (X_res[80:] <= np.maximum(parent, neighbor) + 1e-12).all()
    assert y[sampler.sample_indices_[80:]].all()


def test_small_requests_that_imbalanced_learn_refuses_are_met():
    X, y = _numbers()
    wanted = {1: int((y == 1).sum()) + 2}
    with pytest.raises(ValueError, match="No samples will be generated"):
        imblearn.over_sampling.ADASYN(sampling_strategy=wanted).fit_resample(X, y)
    assert len(ADASYN(sampling_strategy=wanted).fit_resample(X, y)[0]) == len(X) + 2


def test_a_seed_gives_the_same_bytes_whatever_the_threads():
    X, y = _numbers(n=4000)
    runs = [ADASYN(random_state=7, n_jobs=jobs, mode="approximate").fit_resample(X, y)[0] for jobs in (1, 2, 3)]
    assert runs[0].tobytes() == runs[1].tobytes() == runs[2].tobytes()
    assert not np.array_equal(runs[0], ADASYN(random_state=8).fit_resample(X, y)[0])


def test_mixed_tables_keep_their_types_and_real_rows(table):
    X, y = table
    X_res, y_res = ADASYN(random_state=0, sampling_strategy={1: 300}).fit_resample(X, y)
    pd.testing.assert_frame_equal(X_res.iloc[: len(X)], X)
    pd.testing.assert_series_equal(X_res.dtypes, X.dtypes)
    assert y_res.sum() == 300


def test_drawn_values_could_be_real(table):
    """Categories that the minority has, whole numbers, dates within the minority's; gaps only where both miss."""
    X, y = table
    sampler = ADASYN(random_state=0, sampling_strategy={1: 300})
    drawn = sampler.fit_resample(X, y)[0].iloc[len(X) :].reset_index(drop=True)
    parent, neighbor = (X.iloc[sampler.lineage_[name].to_numpy()] for name in ("parent_id", "neighbor_id"))
    assert set(drawn["job"].dropna()) <= set(X["job"][y == 1].dropna())
    assert drawn["visits"].dropna().between(X["visits"].min(), X["visits"].max()).all()
    assert drawn["since"].dropna().between(X["since"].min(), X["since"].max()).all()
    for name in ("amount", "visits", "since"):
        both = parent[name].isna().to_numpy() & neighbor[name].isna().to_numpy()
        np.testing.assert_array_equal(drawn[name].isna(), both)
    one = (parent["amount"].isna().to_numpy()) & ~neighbor["amount"].isna().to_numpy()
    np.testing.assert_array_equal(drawn["amount"][one], neighbor["amount"][one])


def test_polars_and_arrow_come_back_as_they_came(table):
    X, y = table
    sampler = ADASYN(random_state=0, sampling_strategy={1: 200})
    expected = pa.Table.from_pandas(sampler.fit_resample(X, y)[0], preserve_index=False)
    arrow = sampler.fit_resample(pa.Table.from_pandas(X, preserve_index=False), y)[0]
    assert isinstance(arrow, pa.Table)
    assert arrow.schema == pa.Table.from_pandas(X, preserve_index=False).schema
    assert arrow["amount"].equals(expected["amount"])
    frame = pl.from_pandas(X)
    polars = sampler.fit_resample(frame, y)[0]
    assert polars.schema == frame.schema
    assert polars.head(len(X)).equals(frame)


@pytest.mark.parametrize(
    "given", [pl.Series("y", ["b", "a"] * 10 + ["a"] * 20), pa.array([True, False] * 10 + [False] * 20)]
)
def test_classes_come_back_as_they_came(given):
    y = ADASYN(random_state=0).fit_resample(np.random.default_rng(0).normal(size=(40, 2)), given)[1]
    assert type(y) is type(given)
    assert y.to_pylist()[:40] == given.to_pylist() if isinstance(given, pa.Array) else y.head(40).equals(given)


def test_sparse_stays_sparse_and_equals_dense():
    X, y = _numbers()
    X[np.abs(X) < 0.5] = 0
    thin, _ = ADASYN(random_state=0).fit_resample(sparse.csc_matrix(X), y)
    assert thin.format == "csc"
    np.testing.assert_allclose(thin.toarray(), ADASYN(random_state=0).fit_resample(X, y)[0])


def test_every_class_is_planned_against_the_rest():
    X, y = make_classification(900, n_classes=3, n_informative=6, weights=[0.7, 0.2, 0.1], random_state=0)
    sampler = ADASYN(random_state=0)
    _, y_res = sampler.fit_resample(X, y)
    assert np.bincount(y_res).tolist() == [np.bincount(y).max()] * 3
    assert sampler.lineage_["index"].to_pylist() == list(range(len(y_res) - len(y)))
    assert (y[sampler.lineage_["parent_id"].to_numpy()] == sampler.lineage_["class"].to_numpy()).all()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda X: np.concatenate([X[:, :1] * 0 + 5, X[:, 1:]], axis=1),
        lambda X: X[np.arange(len(X)) // 3 * 3],
        lambda X: np.where(np.random.default_rng(0).random(X.shape) < 0.4, np.nan, X),
        lambda X: np.where(np.arange(len(X))[:, None] % 50 == 0, np.nan, X),
        lambda X: X * 0,
    ],
    ids=["constant column", "duplicates", "gaps", "rows of gaps", "all alike"],
)
def test_it_does_not_die_on(spoil):
    X, y = _numbers()
    X = spoil(X)
    X_res, y_res = ADASYN(random_state=0).fit_resample(X, y)
    assert len(set(np.bincount(y_res).tolist())) == 1
    np.testing.assert_array_equal(X_res[: len(X)], X)


@pytest.mark.parametrize(("on_easy", "made"), [("smote", 20), ("uniform", 20), ("skip", 0)])
def test_a_class_without_hard_rows_falls_back_and_says_so(on_easy, made):
    X = np.concatenate(
        [np.random.default_rng(0).normal(0, 1, (40, 2)), np.random.default_rng(1).normal(99, 1, (20, 2))]
    )
    y = np.repeat([0, 1], [40, 20])
    sampler = ADASYN(random_state=0, on_easy=on_easy)
    with pytest.warns(UserWarning, match="no row has a neighbour of another class"):
        X_res, _ = sampler.fit_resample(X, y)
    assert len(X_res) == 60 + made
    assert "no row has a neighbour of another class" in sampler.plan_.notes[0]
    if on_easy == "uniform":
        assert sampler.plan_.classes[0].counts.tolist() == [1] * 20
    with pytest.raises(DataError, match="set on_easy"):
        ADASYN(on_easy="raise").fit_resample(X, y)


def test_few_rows_shrink_k_and_say_so():
    X = np.random.default_rng(0).normal(size=(30, 2))
    y = np.repeat([0, 1], [27, 3])
    sampler = ADASYN(random_state=0)
    with pytest.warns(UserWarning, match="n_neighbors shrank from 5 to 2"):
        sampler.fit_resample(X, y)
    assert sampler.plan_.classes[0].n_neighbors == 2
    assert "shrank" in sampler.plan_.notes[0]


def test_one_row_and_infinity_are_refused_in_a_sentence():
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(DataError, match="at least two eligible rows of class 1"):
        ADASYN().fit_resample(X, np.repeat([0, 1], [29, 1]))
    X[3, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        ADASYN().fit_resample(X, np.repeat([0, 1], [20, 10]))
    with pytest.raises(DataError, match="infinity"):
        ADASYN().fit_resample(pd.DataFrame(X), np.repeat([0, 1], [20, 10]))


def test_ineligible_rows_have_no_part_in_synthetic_rows():
    X, y = _numbers()
    eligible = np.random.default_rng(0).random(len(y)) < 0.7
    sampler = ADASYN(random_state=0)
    sampler.fit_resample(X, y, eligible=eligible)
    for name in ("parent_id", "neighbor_id"):
        assert eligible[sampler.lineage_[name].to_numpy()].all()


def test_weights_of_zero_keep_a_row_from_being_a_parent():
    X, y = _numbers()
    weights = (np.arange(len(y)) % 2).astype(float)
    sampler = ADASYN(random_state=0)
    sampler.fit_resample(X, y, weights=weights)
    assert (sampler.lineage_["parent_id"].to_numpy() % 2 == 1).all()


def test_a_cohorts_factor_moves_rows_there():
    X, y = _numbers()
    cohorts = np.where(np.arange(len(y)) % 4, "south", "north")

    def share(factors):
        sampler = ADASYN(random_state=0, cohort_factors=factors)
        sampler.fit_resample(X, y, cohorts=cohorts)
        return np.mean(cohorts[sampler.lineage_["parent_id"].to_numpy()] == "north")

    plain = share(None)
    assert share({"north": 3.0}) == pytest.approx(3 * plain / (1 + 2 * plain), abs=0.01)
    with pytest.raises(DataError, match="did you mean 'north'"):
        share({"nort": 2.0})


def test_a_targeted_cohort_gets_rows_even_where_none_of_it_is_hard():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (200, 2)), rng.normal(0, 1, (20, 2)), rng.normal(99, 1, (20, 2))])
    y = np.repeat([0, 1], [200, 40])
    cohorts = np.repeat(["near", "far"], [220, 20])
    sampler = ADASYN(random_state=0, cohort_factors={"far": 2.0})
    with pytest.warns(UserWarning, match="no row of cohort far is hard"):
        sampler.fit_resample(X, y, cohorts=cohorts)
    assert (sampler.lineage_["parent_id"].to_numpy() >= 220).mean() > 0.5


def test_steps_and_bounds_hold_the_drawn_values():
    X, y = _numbers()
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(8)])
    sampler = ADASYN(random_state=0, steps={"c0": 0.25}, bounds={"c1": (-0.5, None)})
    drawn = sampler.fit_resample(frame, y)[0].iloc[len(X) :]
    assert (drawn["c0"] % 0.25 == 0).all()
    assert drawn["c1"].min() == -0.5
    plain = ADASYN(random_state=0, steps={0: 0.25}, bounds={1: (-0.5, None)}).fit_resample(X, y)[0][len(X) :]
    np.testing.assert_array_equal(drawn.to_numpy(), plain)


def test_integers_beyond_a_doubles_digits_are_drawn_to_the_last():
    X = pd.DataFrame({"big": np.arange(40) + 2**60, "x": np.random.default_rng(0).normal(size=40)})
    y = np.arange(40) % 4 // 3
    drawn = ADASYN(random_state=0).fit_resample(X, y)[0].iloc[40:]
    assert drawn["big"].between(2**60, 2**60 + 39).all()


def test_it_works_in_imbalanced_learns_pipeline():
    X, y = _numbers()
    model = make_pipeline(ADASYN(random_state=0), LogisticRegression())
    assert cross_val_score(model, X, y, scoring="average_precision").mean() > 0.5


def test_ids_must_be_unique():
    X, y = _numbers()
    with pytest.raises(DataError, match="each different"):
        ADASYN().fit_resample(X, y, ids=np.zeros(len(y)))
