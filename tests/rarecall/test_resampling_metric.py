import numpy as np
import pandas as pd
import pytest

from rarecall.errors import DataError
from rarecall.resampling.columns import describe
from rarecall.resampling.metric import LEVELS, encode, measure


def _space(frame, scaling="auto", minority=None):
    columns = describe(frame, categorical="auto", steps=None, bounds=None)
    return measure(frame, columns, scaling=scaling, minority=np.arange(len(frame)) if minority is None else minority)


def _distance(rows, a, b):
    return float(np.linalg.norm(rows[a].astype(float) - rows[b]))


def test_unequal_categories_are_a_median_deviation_apart():
    """SMOTE-NC's distance: the median of the minority's standard deviations, here of the scaled columns."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": np.repeat(rng.normal(size=50), 2), "y": 7.0, "z": np.repeat(rng.normal(size=50), 2)})
    frame["job"] = ["a", "b"] * 50
    space = _space(frame)
    rows = space.take(slice(None))
    scaled = (frame[["x", "y", "z"]].to_numpy() - space.center) / space.spread
    assert _distance(rows, 0, 1) == pytest.approx(np.median(scaled.std(axis=0)), rel=1e-5)


def test_columns_of_any_unit_weigh_the_same():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"euro": rng.normal(0, 1, 1000), "cent": rng.normal(0, 100, 1000), "job": "a"})
    rows = _space(frame).take(slice(None))
    assert rows[:, 0].std() == pytest.approx(rows[:, 1].std(), rel=0.1)


def test_numbers_alone_are_left_as_they_are_unless_asked():
    frame = pd.DataFrame({"a": np.arange(10.0), "b": np.arange(10.0) * 100})
    np.testing.assert_array_equal(_space(frame).take(slice(None)), frame.to_numpy())
    assert _space(frame, "robust").take(slice(None)).std(axis=0) == pytest.approx(
        [1.349 / 4.5 * np.arange(10).std()] * 2, rel=1e-5
    )


def test_a_missing_category_is_a_level_of_its_own_and_a_missing_number_a_gap():
    frame = pd.DataFrame({"x": [0.0, 0.0, np.nan], "job": [None, "a", None]})
    rows = _space(frame).take(slice(None))
    assert _distance(rows[:, 1:], 0, 2) == 0
    assert _distance(rows[:, 1:], 0, 1) > 0
    assert np.isnan(rows[2, 0])


def test_rare_levels_share_one_place():
    frame = pd.DataFrame({"x": 0.0, "id": [str(at) for at in range(1000)] + ["often"] * 5})
    columns = describe(frame, categorical="auto", steps=None, bounds=None)
    codes, levels = encode(frame, columns)
    assert levels == [LEVELS + 1]
    assert codes[-1, 0] == 0
    assert len(np.unique(codes)) == LEVELS + 1


def test_text_in_a_number_column_is_refused():
    with pytest.raises(DataError, match="expected numbers in column 'job'"):
        describe(pd.DataFrame({"job": ["a"]}), categorical=None, steps=None, bounds=None)
    with pytest.raises(DataError, match="did you mean 'amount'"):
        describe(pd.DataFrame({"amount": [1.0]}), categorical="auto", steps={"amont": 1}, bounds=None)
