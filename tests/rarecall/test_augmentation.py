"""Synthetic rows look like the table they stand in."""

import numpy as np
import pandas as pd
import pytest

from rarecall import lineage
from rarecall.augmentation import augment
from rarecall.errors import DataError
from rarecall.sections import Augmentation


@pytest.fixture
def train() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "row_id": np.arange(400),
            "event_timestamp": pd.Timestamp("2026-01-01", tz="UTC"),
            "label": (np.arange(400) < 40).astype(np.int8),
            "sum": np.where(rng.random(400) < 0.1, np.nan, rng.integers(0, 9000, 400)),  # whole, but stored as float
            "share": rng.random(400),
            "job": rng.choice(["cook", "nurse"], 400),
        }
    )


KINDS = {"sum": "numeric", "share": "numeric", "job": "categorical"}


def test_what_is_whole_in_every_real_row_is_whole_in_a_synthetic_one(train):
    made = augment(train, KINDS, np.ones(400, dtype=bool), Augmentation(), first_id=400, seed=0).rows
    assert (made["sum"].dropna() % 1 == 0).all()
    assert (made["share"] % 1 != 0).all()


def test_lineage_makes_the_same_rows_again(train):
    made = augment(train, KINDS, np.ones(400, dtype=bool), Augmentation(), first_id=400, seed=0)
    again = lineage.rebuild(made.lineage, train.set_index("row_id")[list(KINDS)])
    pd.testing.assert_frame_equal(again.reset_index(drop=True), made.rows[list(KINDS)], check_dtype=False)


@pytest.mark.parametrize("mixed", [1, 3])
def test_no_synthetic_row_is_visible_before_any_row_it_was_made_of(train, mixed):
    """Parent, neighbour, and each who voted on its categories or may have drawn it: the youngest of them all."""
    moment = pd.date_range("2026-01-01", periods=400, freq="h", tz="UTC")[np.random.default_rng(1).permutation(400)]
    train = train.assign(event_timestamp=moment)
    asked = Augmentation(n_mixed=mixed)
    made = augment(train, KINDS, np.ones(400, dtype=bool), asked, first_id=400, seed=0)
    when = train.set_index("row_id")["event_timestamp"]
    of = [made.lineage[name].to_pylist() for name in ("parent_id", "neighbor_id", "voter_ids")]
    youngest = [when[[parent, neighbor, *voters]].max() for parent, neighbor, voters in zip(*of, strict=True)]
    assert made.rows["event_timestamp"].tolist() == youngest
    assert (when.loc[made.rows["parent_id"]].to_numpy() < made.rows["event_timestamp"].to_numpy()).any()


def targeted(train, share: float = 0.1) -> tuple:
    cooks = (train["job"] == "cook").to_numpy()
    asked = Augmentation(target={"job": "cook"}, synthetic_share=share)
    eligible = np.ones(400, dtype=bool)
    return augment(train, KINDS, eligible, asked, first_id=400, seed=0, inside=cooks), int(cooks.sum())


def test_a_target_has_all_synthetic_rows_and_the_share_is_of_its_rows(train):
    made, cooks = targeted(train)
    assert set(made.rows["job"]) == {"cook"}
    assert len(made.rows) == int(np.ceil(cooks / 9))
    jobs = train.set_index("row_id")["job"]
    assert set(jobs[made.rows["parent_id"]]) == set(jobs[made.rows["neighbor_id"]]) == {"cook"}
    assert made.facts["target"]["of"] == {"job": "cook"}
    assert made.facts["target"]["rows"] == cooks
    assert made.facts["target"]["synthetic_share"] == pytest.approx(0.1, abs=0.005)
    assert made.facts["synthetic_share"] < 0.06
    assert made.facts["parameters"]["target"] == "job cook"


def test_the_lineage_of_a_target_makes_the_same_rows_again(train):
    made, _ = targeted(train)
    again = lineage.rebuild(made.lineage, train.set_index("row_id")[list(KINDS)])
    pd.testing.assert_frame_equal(again.reset_index(drop=True), made.rows[list(KINDS)], check_dtype=False)


def test_a_target_with_too_few_rare_rows_is_refused_in_one_sentence(train):
    some = np.isin(np.arange(400), [0, 1, 2, 300])
    asked = Augmentation(target={"job": "cook"})
    with pytest.raises(DataError, match="more than 5 trusted positive training rows of job cook, got 3 of 40"):
        augment(train, KINDS, np.ones(400, dtype=bool), asked, first_id=400, seed=0, inside=some)


def test_without_a_target_nothing_is_said_of_one(train):
    """What was made before there were targets keeps its name, which is the digest of this dump."""
    made = augment(train, KINDS, np.ones(400, dtype=bool), Augmentation(), first_id=400, seed=0)
    assert "target" not in made.facts
    assert "target" not in made.facts["parameters"]
    assert set(Augmentation().model_dump(mode="json")) == {
        *("sampler", "k", "synthetic_share", "off_segment", "n_mixed", "max_per_parent"),
    }
    assert Augmentation(target={"job": "cook"}).model_dump(mode="json")["target"] == {"job": "cook"}
