"""Rows by rule and by a generator in a dataset version: sound, and with the parents that they have."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from plugin import install

from rarecall.augmentation import augment, together
from rarecall.datasets import soundness
from rarecall.errors import DataError
from rarecall.kinship import parentage
from rarecall.sections import Augmentation
from rarecall.strategies.under import kept
from rarecall.warehouse import Warehouse

KINDS = {"amount": "numeric", "hour": "numeric", "town": "categorical"}  # in the order of a manifest's facts


@pytest.fixture(scope="module")
def train():
    rng = np.random.default_rng(0)
    n = 300
    return pd.DataFrame(
        {
            "row_id": np.arange(n) + 1000,
            "event_timestamp": pd.date_range("2026-01-01", periods=n, freq="h", tz="UTC").as_unit("us"),
            "label": (np.arange(n) % 8 == 0).astype("int8"),
            "hour": rng.integers(0, 24, n).astype(float),
            "amount": rng.exponential(9, n),
            "town": rng.choice(["york", "bath"], n),
        }
    )


def version(train, tmp_path, how, eligible=None):
    """Return the dataset version that an augmentation gives, beside its facts."""
    trusted = np.ones(len(train), dtype=bool) if eligible is None else eligible
    made = augment(train, KINDS, trusted, how, first_id=9000, seed=0)
    shelf = Warehouse(tmp_path / "warehouse")
    with shelf.write("datasets", "one", recipe={}) as draft:
        together(train, made.rows).to_parquet(draft.folder / "train.parquet", index=False)
        for name, start in (("validation", 5000), ("holdout", 6000)):
            train.assign(row_id=train["row_id"] + start).to_parquet(draft.folder / f"{name}.parquet", index=False)
        pq.write_table(made.lineage, draft.folder / "lineage.parquet")
        draft.facts.update(made.facts, features=KINDS)
    return shelf.find("datasets", "one"), made


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(install(tmp_path / "site", "later=LATER"))
    return Augmentation(sampler="by_rule", parameters={"transformations": ["later"]}, synthetic_share=0.4)


def test_rows_by_rule_are_traced_to_their_one_parent_and_made_again(train, tmp_path, plugin):
    """Also where rows were left out, so that the lineage's numbers have gaps."""
    late = train.assign(hour=np.where(train["label"] == 1, 23.0, train["hour"]))
    late.loc[late.index[late["label"] == 1][:30], "hour"] = 20.0
    how = plugin.model_copy(update={"max_per_parent": 4, "parameters": plugin.parameters | {"max_redraws": 1}})
    dataset, made = version(late, tmp_path, how)
    assert "left out" in " ".join(made.facts["notes"])
    assert made.facts["made"]["origin"] == {"later": "acme-changes 1.2"}
    assert made.facts["made"]["refused"]["later"] > 0
    assert soundness.faults(dataset) == []
    found = parentage.trace(dataset, made.rows["row_id"].tolist())
    assert all(one.is_rebuilt for one in found)
    assert [one.parent for one in found] == made.rows["parent_id"].tolist()
    assert {one.facts["rule"] for one in found} == {"later"}


def test_where_the_package_is_gone_nobody_says_that_rows_are_wrong(train, tmp_path, plugin, monkeypatch):
    dataset, made = version(train, tmp_path, plugin)
    monkeypatch.setattr("sys.path", [one for one in __import__("sys").path if one != str(tmp_path / "site")])
    [one] = parentage.trace(dataset, made.rows["row_id"].tolist()[:1])
    assert (one.parent, one.is_rebuilt) == (made.rows["parent_id"][0], None)
    assert soundness.faults(dataset) == []


def test_generated_rows_have_those_who_taught_in_place_of_parents(train, tmp_path):
    eligible = np.arange(len(train)) % 3 > 0
    how = Augmentation(sampler="gaussian_copula", synthetic_share=0.3)
    dataset, made = version(train, tmp_path, how, eligible)
    assert soundness.faults(dataset) == []
    assert made.rows["parent_id"].isna().all()
    taught = train[(train["label"] == 1) & eligible]
    [one] = parentage.trace(dataset, made.rows["row_id"].tolist()[:1])
    assert (one.parent, one.is_rebuilt, one.crowd.ids) == (None, None, tuple(taught["row_id"]))
    assert (made.rows["event_timestamp"] == taught["event_timestamp"].max()).all(), "not known before who taught"
    assert (made.rows["hour"] % 1 == 0).all()
    assert made.facts["made"]["taught"]


def test_a_transformation_that_nobody_registers_ends_the_run_in_one_sentence(train):
    how = Augmentation(sampler="by_rule", parameters={"transformations": ["os:system"]})
    with pytest.raises(DataError, match="no installed package registers 'os:system'"):
        augment(train, KINDS, np.ones(len(train), dtype=bool), how, first_id=9000, seed=0)


def test_active_down_keeps_all_rare_rows_and_as_many_common_ones(train):
    y = train["label"].to_numpy()
    stays = kept("active_down", train, KINDS, y, seed=0)
    assert np.bincount(y[stays]).tolist() == [y.sum(), y.sum()]
