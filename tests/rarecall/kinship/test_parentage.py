"""Every synthetic row says of whom it was made, and is made again bit for bit, or is said not to be."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from rarecall.augmentation import augment, together
from rarecall.kinship import parentage, progeny
from rarecall.sections import Augmentation
from rarecall.warehouse import Warehouse

KINDS = {"amount": "numeric", "hour": "numeric", "job": "categorical"}
FIRST = 500


def kept(shelf, key="d1", spoil=None, **settings):
    """Keep a dataset version of 40 rare rows among 200, with synthetic ones drawn for real."""
    rng = np.random.default_rng(0)
    train = pd.DataFrame({
        "row_id": np.arange(200) * 2, "event_timestamp": pd.date_range("2026-01-01", periods=200, tz="UTC", unit="us"),
        "label": np.repeat([1, 0], [40, 160]), "amount": rng.normal(size=200), "hour": rng.integers(0, 24, 200),
        "job": rng.choice(np.array(["cook", "nurse", None], dtype=object), 200),
    })  # fmt: skip
    drawn = augment(
        train, KINDS, np.full(200, True), Augmentation(synthetic_share=0.2, **settings), first_id=FIRST, seed=3
    )
    whole = together(train, drawn.rows)
    if spoil:
        spoil(whole)
    with shelf.write("datasets", key, recipe={"inputs": []}) as draft:
        whole.to_parquet(draft.folder / "train.parquet", index=False)
        for part, ids in (("validation", [1]), ("holdout", [3])):
            pd.DataFrame({"row_id": ids}).to_parquet(draft.folder / f"{part}.parquet", index=False)
        pq.write_table(drawn.lineage, draft.folder / "lineage.parquet")
        draft.facts.update(drawn.facts, features=KINDS)
    return shelf.find("datasets", key)


@pytest.fixture(scope="module", params=[{}, {"n_mixed": 2}], ids=["one neighbour", "mixed"])
def dataset(request, tmp_path_factory):
    return kept(Warehouse(tmp_path_factory.mktemp("home")), **request.param)


@pytest.fixture(scope="module")
def train(dataset):
    return pd.read_parquet(dataset.file("train.parquet"))


@pytest.fixture(scope="module")
def traced(dataset):
    return parentage.trace(dataset, parentage.synthetic_rows(dataset).tolist())


def test_parents_are_those_that_the_training_set_names(traced, train):
    made = train[train["is_synthetic"]]
    assert [one.row for one in traced] == made["row_id"].tolist() == list(range(FIRST, FIRST + 50))
    assert [one.parent for one in traced] == made["parent_id"].tolist()
    assert [next(iter(one.neighbors)) for one in traced] == made["neighbor_id"].tolist()
    assert [one.step for one in traced] == made["step"].tolist()


def test_every_row_is_made_again(traced):
    assert [one.is_rebuilt for one in traced] == [True] * 50


def test_the_shares_of_the_neighbours_sum_to_one(traced, dataset):
    mixed = dataset.facts["parameters"]["n_mixed"]
    assert {len(one.neighbors) for one in traced} == {mixed}
    assert [sum(one.neighbors.values()) for one in traced] == pytest.approx([1.0] * 50)


def test_all_who_had_a_part_are_rare_real_rows(traced, train):
    rare = set(train.loc[~train["is_synthetic"] & (train["label"] == 1), "row_id"])
    assert {row for one in traced for row in one.real} <= rare
    assert all(len(one.real) == 6 for one in traced), "the parent and its five neighbours"


def test_the_draw_is_told_by_seed_and_index(traced):
    assert [one.facts["index"] for one in traced] == list(range(50))
    assert {(one.facts["seed"], one.facts["class"]) for one in traced} == {(3, 1)}


def test_rows_are_told_in_the_order_in_which_they_are_asked_for(dataset, traced):
    assert parentage.trace(dataset, [FIRST + 7, FIRST]) == [traced[7], traced[0]]


def test_different_parents_are_counted_once(dataset, traced):
    found = parentage.count(dataset)
    assert (found.rows, found.parents) == (50, len({one.parent for one in traced}))
    assert found.real == len({row for one in traced for row in one.real})


@pytest.mark.parametrize(("column", "value"), [("amount", np.nextafter(0.0, 1.0)), ("hour", 99), ("job", "thief")])
def test_a_row_that_was_changed_is_not_made_again(tmp_path, column, value):
    """The smallest change is seen, of every kind of column."""

    def spoil(whole):
        at = whole.index[whole["row_id"] == FIRST + 4]
        whole.loc[at, column] = whole.loc[at, column] + value if column == "amount" else value
        if column == "amount":
            whole.loc[at, column] = np.nextafter(whole.loc[at, column], np.inf)

    dataset = kept(Warehouse(tmp_path), spoil=spoil)
    changed = [one.row for one in parentage.trace(dataset, range(FIRST, FIRST + 50)) if not one.is_rebuilt]
    assert changed == [FIRST + 4]


def test_what_was_made_with_a_row_is_told_by_its_part_in_it(dataset, traced):
    for row in (traced[0].parent, next(iter(traced[0].neighbors)), traced[0].voters[0]):
        found = progeny.made_with(dataset, row)
        assert found["parent"] == [one.row for one in traced if one.parent == row]
        assert found["neighbour"] == [one.row for one in traced if row in one.neighbors]
        assert found["voter"] == [one.row for one in traced if row in one.voters]
        assert sum(map(len, found.values())) > 0


def test_a_row_stands_in_one_part_or_in_none(dataset):
    assert [progeny.part_of(dataset, row) for row in (0, 1, 3, 5, FIRST)] == [
        "train",
        "validation",
        "holdout",
        None,
        None,
    ]
