"""TabularARGN: rows of the rare class from a network that all rows have taught; trained once for the same rows."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from imblearn.utils.estimator_checks import check_param_validation

from rarecall.resampling.crowd import Crowd
from rarecall.resampling.refusal import SamplingError
from rarecall.resampling.tabular_argn import TabularARGN

INSTALLED = importlib.util.find_spec("mostlyai") is not None


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n, y = 1500, np.repeat([1, 0], [500, 1000])  # so many rare ones that few epochs are enough
    a = rng.normal(size=n) + 4 * y
    town = rng.choice(np.array(["york", "bath", None], dtype=object), n)
    return pd.DataFrame({"a": a, "items": rng.integers(0, 9, n), "town": town}), y


@pytest.mark.skipif(INSTALLED, reason="the extra is there")
def test_without_the_extra_it_says_what_to_install(table, tmp_path):
    with pytest.raises(SamplingError, match="tabular_argn needs mostlyai-engine, an extra; install it as"):
        TabularARGN(cache=str(tmp_path)).fit_resample(*table)
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


@pytest.mark.skipif(not INSTALLED, reason="the extra generative is not installed")
@pytest.mark.filterwarnings("ignore")  # of torch and the engine
def test_rare_rows_are_generated_and_the_network_is_trained_once(table, tmp_path):
    X, y = table
    made = []
    for wanted in (260, 260, 300):
        sampler = TabularARGN(
            random_state=0, max_epochs=8, cache=str(tmp_path / "cache"), sampling_strategy={1: wanted}
        )
        rows, labels = sampler.fit_resample(X, y)
        assert (labels[len(X) :] == 1).all()
        made.append(rows.iloc[len(X) :])
    first, again, more = made
    pd.testing.assert_frame_equal(first, again)
    assert (len(first), len(more)) == (200, 240)
    assert len([one for one in Path(tmp_path / "cache").iterdir() if one.is_dir()]) == 1
    assert first["a"].mean() > 2.5, "among all rows it is 1.3, among the rare ones 4"
    assert first.dtypes.to_dict() == X.dtypes.to_dict()
    assert set(first["town"].dropna()) <= {"york", "bath"}
    assert sampler.lineage_["parent_id"].null_count == 240
    assert Crowd.of(sampler.lineage_).ids == tuple(range(1500)), "all rows taught it"


def test_every_parameter_is_checked():
    check_param_validation("TabularARGN", TabularARGN())
    assert set(TabularARGN._parameter_constraints) == set(TabularARGN().get_params())
