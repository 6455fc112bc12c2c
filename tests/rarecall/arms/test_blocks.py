import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecall.arms.blocks import cut, folds
from rarecall.errors import DataError

Y = np.random.default_rng(0).random(600) < 0.2


@given(st.integers(2, 6), st.integers(0, 99))
def test_every_row_is_tested_once_but_those_of_the_first_block(n_blocks, seed):
    block = cut(Y.astype(int), n_blocks=n_blocks, seed=seed)
    tested = np.concatenate([test for _, test in folds(block, timed=False)])
    assert sorted(tested) == np.flatnonzero(block > 0).tolist()


def test_nothing_that_teaches_is_younger_than_what_is_tested():
    moments = pd.Series(
        pd.Timestamp("2026-01-01") + pd.to_timedelta(np.random.default_rng(1).integers(0, 50, 600), "D")
    )
    block = cut(Y.astype(int), n_blocks=4, moments=moments)
    for teach, test in folds(block, timed=True):
        assert moments[teach].max() < moments[test].min()


def test_blocks_in_time_hold_about_as_many_positives_each():
    late = np.random.default_rng(2).random(600) < np.linspace(0.02, 0.6, 600)
    block = cut(late.astype(int), n_blocks=4, moments=pd.Series(pd.date_range("2026-01-01", periods=600, freq="h")))
    positives = np.bincount(block[late])
    assert positives.max() - positives.min() <= 1


def test_rows_of_one_entity_stay_together():
    groups = np.arange(600) // 3
    block = cut(Y.astype(int), n_blocks=4, groups=groups)
    assert pd.Series(block).groupby(groups).nunique().max() == 1


def test_without_both_classes_in_every_block_nothing_is_cut():
    y = np.zeros(40, dtype=int)
    y[:2] = 1
    with pytest.raises(DataError, match="expected"):
        cut(y, n_blocks=4, moments=pd.Series(pd.date_range("2026-01-01", periods=40)))
