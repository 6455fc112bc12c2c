import numpy as np
import pandas as pd
import pytest

from rarecall.resampling import SamplingError
from rarecall.resampling.schema import Schema, kinds_of


def _joined(*columns):
    parts = [pd.DataFrame({"x": column}) for column in columns]
    schema = Schema.of([kinds_of(part) for part in parts])
    return pd.concat([schema.features(part) for part in parts], ignore_index=True)["x"]


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        pytest.param([[1, 2], [1.5]], "float64", id="whole numbers beside fractions"),
        pytest.param([[1, 2], [None, None]], "float64", id="whole numbers beside nothing"),
        pytest.param([[True], [None]], "object", id="booleans beside nothing"),
        pytest.param([[np.nan], ["a"]], "object", id="nothing beside text"),
        pytest.param([pd.to_datetime(["2026-01-01"]), [None]], "datetime64[ns]", id="dates beside nothing"),
        pytest.param([pd.array([1, None], dtype="Int64"), [2]], "Int64", id="nullable beside plain"),
        pytest.param([[None], [None]], "object", id="nothing at all"),
    ],
)
def test_kinds_join_as_if_read_in_one_piece(columns, kind):
    joined = _joined(*columns)
    assert joined.dtype == kind
    assert joined.isna().sum() == sum(pd.isna(value) for column in columns for value in column)


def test_categories_have_the_levels_of_all_parts():
    joined = _joined(pd.Categorical(["b", "a"]), pd.Categorical(["c"]), [None])
    assert joined.dtype == pd.CategoricalDtype(["a", "b", "c"])
    assert joined.tolist() == ["b", "a", "c", np.nan]


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ([1], ["a"], "column 'x', got int64 in part 0 and object in part 1"),
        (pd.Categorical([1]), pd.Categorical(["a"]), "category of int64 in part 0 and category of object in part 1"),
        (
            pd.Categorical(["a"], ordered=True),
            pd.Categorical(["b"], ordered=True),
            "ordered category of object in part 0",
        ),
    ],
)
def test_kinds_that_do_not_go_together_are_refused(left, right, said):
    with pytest.raises(SamplingError, match=said):
        _joined(left, right)


def test_a_column_that_is_missing_or_new_is_named():
    parts = [kinds_of(pd.DataFrame(columns=list(names))) for names in ("ab", "a", "abc")]
    with pytest.raises(SamplingError, match="part 1 lacks 'b'"):
        Schema.of(parts[:2])
    with pytest.raises(SamplingError, match="part 1 also has 'c'"):
        Schema.of([parts[0], parts[2]])


def test_columns_in_another_order_are_put_right():
    schema = Schema.of([kinds_of(pd.DataFrame({"a": [1], "b": [2]}))])
    assert list(schema.features(pd.DataFrame({"b": [2], "a": [1]}))) == ["a", "b"]
