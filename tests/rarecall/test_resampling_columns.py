import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from rarecall.resampling import ADASYN, SamplingError

y = np.repeat([0, 1], [12, 6])


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=18), "n": rng.integers(0, 9, 18), "job": rng.choice(["x", "y"], 18)})


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"steps": {"job": 2}}, "'job' is drawn by a vote"),
        ({"bounds": {"job": (0, 1)}}, "'job' is drawn by a vote"),
        ({"steps": {"n": 0}}, "a step above zero for column 'n', got 0"),
        ({"bounds": {"n": (5, 1)}}, r"for column 'n', got \(5, 1\)"),
        ({"bounds": {"n": ("2020-01-01", None)}}, "bounds .* in numbers"),
        ({"sampling_strategy": {1: 2}}, "sampling_strategy|greater or equal"),
    ],
)
def test_what_no_row_could_be_held_to_is_refused(frame, how, said):
    with pytest.raises(SamplingError, match=said):
        ADASYN(**how).fit_resample(frame, y)


@pytest.mark.parametrize("how", [{"categorical_features": [0]}, {"steps": {0: 2}}, {"bounds": {0: (0, 1)}}])
def test_a_sparse_matrix_has_no_categories_steps_or_bounds(frame, how):
    with pytest.raises(SamplingError, match="with a sparse matrix"):
        ADASYN(**how).fit_resample(sparse.csr_matrix(frame[["a", "n"]]), y)


def test_columns_of_one_name_are_refused(frame):
    with pytest.raises(SamplingError, match="got 'a' twice"):
        ADASYN().fit_resample(frame.set_axis(["a", "a", "b"], axis=1), y)
