"""Synthetic rows look like the table they stand in."""

import numpy as np
import pandas as pd
import pytest

from rarecall import lineage
from rarecall.augmentation import augment
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
