"""A threshold a cohort value: chosen where there is evidence, decided by the model itself, kept in its file."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from rarecall.cohort_threshold import CohortThresholdClassifier, choose, cuts, with_thresholds
from rarecall.errors import DataError
from rarecall.sections import Cohort, Training
from rarecall.threshold import Threshold
from rarecall.threshold import choose as at_floor
from rarecall.training import estimator, fit, score, with_threshold
from serving import model

KINDS = {"amount": "numeric", "region": "categorical"}
OVERALL = Threshold(value=0.5, recall=0.8, precision=0.8, reached=True)


@pytest.fixture(scope="module")
def taught():
    """A model that scores the south lower than the north; each has 200 positives, the moon four."""
    rng = np.random.default_rng(0)
    region = np.repeat(["north", "south", "moon"], [2000, 2000, 40]).astype(object)
    y = (np.arange(region.size) % 10 == 0).astype("int8")
    rows = pd.DataFrame({"amount": rng.normal(np.where(region == "north", 3.0, 1.8) * y), "region": region})
    rows["label"], rows["row_id"] = y, np.arange(len(rows))
    return fit(estimator(Training(), KINDS, seed=0), rows[list(KINDS)], y), rows


@pytest.fixture(scope="module")
def served(taught):
    pipeline, rows = taught
    found = {"north": {"threshold": 0.7, "own": True}, "south": {"threshold": 0.2, "own": True},
             "moon": {"threshold": 0.5, "own": False}}  # fmt: skip
    return with_thresholds(pipeline, Cohort(column="region"), found, 0.5, rows[list(KINDS)])


def test_each_row_is_decided_by_its_own_cohort(served, taught):
    _, rows = taught
    expected = rows["region"].map({"north": 0.7, "south": 0.2, "moon": 0.5}).to_numpy()
    assert served.cuts(rows) == pytest.approx(expected)
    assert served.predict(rows).tolist() == (score(served, rows) >= expected).astype(int).tolist()
    assert served.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("unknown", ["mars", None])
def test_a_value_that_was_never_seen_is_decided_by_the_overall_one(served, taught, unknown):
    assert set(served.cuts(taught[1].head(3).assign(region=unknown))) == {0.5}


def test_bands_are_the_cohorts_own(taught):
    pipeline, rows = taught
    found = {"<1": {"threshold": 0.9, "own": True}, ">=1": {"threshold": 0.1, "own": True}}
    served = with_thresholds(pipeline, Cohort(column="amount", edges=[1]), found, 0.5, rows[list(KINDS)])
    three = rows.head(3).assign(amount=[0.99, 1.0, np.nan])
    assert served.cuts(three).tolist() == [0.9, 0.1, 0.5]


def test_a_value_gets_its_own_only_with_evidence_that_it_holds(taught):
    pipeline, rows = taught
    p = score(pipeline, rows)
    found = choose(rows, p, Cohort(column="region"), OVERALL, lambda r, s: at_floor(r["label"], s, precision_floor=0.7))
    assert list(found) == ["moon", "north", "south"]
    assert found["moon"] == {
        "threshold": 0.5, "positives": 4, "own": False, "reason": "4 positives where 30 are needed",
    }  # fmt: skip
    assert found["north"]["own"]
    for value in ("north", "south"):
        mine = (rows["region"] == value).to_numpy()
        alone = at_floor(rows["label"][mine], p[mine], precision_floor=0.7)
        assert found[value]["threshold"] == (alone.value if alone.reached else 0.5)


def test_a_floor_out_of_reach_leaves_the_overall_one(taught):
    _, rows = taught
    noise = np.random.default_rng(1).random(len(rows))
    found = choose(
        rows, noise, Cohort(column="region"), OVERALL, lambda r, s: at_floor(r["label"], s, precision_floor=0.9)
    )
    assert {one["threshold"] for one in found.values()} == {0.5}
    assert found["north"]["reason"] == "no threshold of its own holds what the policy asks for"


def test_its_file_holds_it_and_ours_is_the_list_that_lets_it_in(served, taught, tmp_path):
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    file = tmp_path / "model.skops"
    model.save(served, file)
    loaded = model.load(file)
    _, rows = taught
    assert isinstance(loaded, CohortThresholdClassifier)
    assert (loaded.predict(rows) == served.predict(rows)).all()
    assert loaded.feature_names_in_.tolist() == list(KINDS)
    with pytest.raises(UntrustedTypesFoundException, match="CohortThresholdClassifier"):
        skops.io.load(file, trusted=[name for name in model.TRUSTED if "rarecall" not in name])


def test_a_cohort_that_the_model_does_not_read_is_refused(taught):
    pipeline, rows = taught
    with pytest.raises(
        DataError, match="expected a column that the model reads, got 'channel'; it reads amount, region"
    ):
        with_thresholds(pipeline, Cohort(column="channel"), {}, 0.5, rows[list(KINDS)])


def test_one_threshold_for_all_is_each_rows(taught):
    pipeline, rows = taught
    assert cuts(with_threshold(pipeline, 0.4, rows), rows.head(2)).tolist() == [0.4, 0.4]


def test_it_is_a_scikit_learn_estimator(served):
    assert clone(served).get_params()["thresholds"] == {"north": 0.7, "south": 0.2}
