"""The tree says of what each thing was made, down to a place in the source, and shows no value of any row."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from rarecall.augmentation import augment, together
from rarecall.errors import DataError
from rarecall.intake import source
from rarecall.kinship.ancestry import AGAIN, Ancestry, judgement, spread
from rarecall.kinship.origin import InFiles
from rarecall.sections import Augmentation, Source
from rarecall.warehouse import Warehouse

N = 120
SECRET = 31337.25
KINDS = {"amount": "numeric", "job": "categorical"}


def kept(shelf, kind, key, inputs=(), facts=None, recipe=None, **tables):
    whole = {"inputs": list(inputs), "recipe": recipe or {}}
    with shelf.write(kind, key, recipe=whole) as draft:
        for name, table in tables.items():
            table.to_parquet(draft.folder / f"{name}.parquet", index=False)
        draft.facts.update(facts or {})
    return shelf.find(kind, key)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Tell of a CSV of 120 rows, an earlier one of 3, and a row of that one that was released into the snapshot."""
    folder = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({
        "amount": np.append(rng.normal(size=N - 1), SECRET), "job": rng.choice(["cook", "nurse"], N),
        "label": (np.arange(N) % 4 == 0).astype("int8"),
    })  # fmt: skip
    table.to_csv(folder / "rows.csv", index=False)
    where = Source(path=str(folder / "rows.csv"))
    shelf = Warehouse(folder / "warehouse")
    table.insert(0, "row_id", np.arange(N))
    kept(shelf, "snapshots", "s0", facts={"rows": 3}, recipe={"content": "of another day"})
    released = pd.DataFrame(
        {"row_id": [N, 5], "snapshot_key": "s0", "quarantined_as": [2, 1], "outcome": ["returned", "delivered"]}
    )
    rows = pd.concat([table, table.tail(1).assign(row_id=N)], ignore_index=True)
    kept(
        shelf, "snapshots", "s1", rows=rows, released=released, recipe={"content": source.identity(where)},
        facts={"rows": N + 1, "positives": 30, "first": None, "last": None},
    )  # fmt: skip
    kept(
        shelf, "verdicts", "v1", ["snapshots/s1", "verdicts/v0"],
        facts={"accepted": N, "quarantined": 1, "released": 1},
        quarantine=pd.DataFrame({"row_id": [7], "failed_expectations": ["amount in bounds"]}),
    )  # fmt: skip
    kept(shelf, "training_sets", "t1", ["verdicts/v1"], facts={"rows": N, "immature": 0}, recipe={"view": "p_features"})
    judged = pd.DataFrame({"row_id": np.arange(N + 1), "score": 0.9, "action": "keep", "weight": 1.0})
    kept(
        shelf, "label_verdicts", "l1", ["snapshots/s1", "training_sets/t1"], labels=judged,
        facts={"noise_rate": 0.01, "actions": {"keep": N, "drop": 1}},
    )  # fmt: skip
    sizes = {"train": {"rows": N}, "validation": {"rows": 0}, "holdout": {"rows": 0}}
    kept(shelf, "splits", "p1", ["training_sets/t1"], facts={"by": "stratified", **sizes})
    train = rows.assign(event_timestamp=pd.Timestamp("2026-01-01", tz="UTC"))
    drawn = augment(train, KINDS, np.full(N + 1, True), Augmentation(synthetic_share=0.2), first_id=N + 1, seed=0)
    inputs = ["snapshots/s1", "training_sets/t1", "label_verdicts/l1", "splits/p1"]
    with shelf.write("datasets", "d1", recipe={"inputs": inputs}) as draft:
        together(train, drawn.rows).to_parquet(draft.folder / "train.parquet", index=False)
        pq.write_table(drawn.lineage, draft.folder / "lineage.parquet")
        draft.facts.update(drawn.facts, features=KINDS, rows=N + 1 + len(drawn.rows), dropped=0)
    origin = InFiles(shelf=shelf, source=where)
    return Ancestry(shelf=shelf, origin=lambda _: origin), folder


@pytest.fixture(scope="module")
def tree(home):
    ancestry = home[0]
    return ancestry.of_dataset(ancestry.shelf.find("datasets", "d1"), most=2)


def below(node, *kinds):
    for kind in kinds:
        [node] = [child for child in node.children if child.kind == kind]
    return node


def test_the_tree_leads_from_the_dataset_to_the_source(tree):
    found = below(tree, "training set", "verdict", "snapshot", "source")
    assert (found.name, found.facts["holds these rows still"]) == ("rows.csv", True)


def test_each_level_counts_its_rows(tree):
    assert tree.facts["rows"] == tree.facts["real"] + tree.facts["synthetic"]
    assert (tree.facts["real"], below(tree, "training set").facts["rows"]) == (N + 1, N)
    assert below(tree, "training set", "verdict").facts == {"accepted": N, "quarantined": 1, "released": 1}
    assert below(tree, "label verdict").facts == {"noise rate": 0.01, "keep": N, "drop": 1}
    assert below(tree, "training set", "feature view").name == "p_features"


def test_every_synthetic_row_is_made_again_and_some_are_named(tree):
    made = below(tree, "synthetic rows")
    assert made.facts[AGAIN] == tree.facts["synthetic"] == len(made.children) + made.more
    assert len(made.children) == 2


def test_a_page_asks_for_no_proof(home):
    ancestry = home[0]
    made = below(ancestry.of_dataset(ancestry.shelf.find("datasets", "d1"), most=0, prove=False), "synthetic rows")
    assert AGAIN not in made.facts
    assert made.children == ()


def test_parents_stand_on_the_line_that_is_named(home):
    ancestry, folder = home
    dataset = ancestry.shelf.find("datasets", "d1")
    lines = (folder / "rows.csv").read_text().splitlines()
    train = pd.read_parquet(dataset.file("train.parquet")).set_index("row_id")
    seen = 0
    for row in ancestry.of_synthetic(dataset, range(N + 1, N + 11)):
        for one in row.children:
            if "line" in one.facts:
                value = float(lines[one.facts["line"] - 1].split(",")[0])
                assert value == train.loc[int(one.name.removeprefix("row:")), "amount"]
                seen += 1
    assert seen >= 20


def test_a_released_row_leads_to_the_snapshot_that_it_came_in(home):
    ancestry = home[0]
    found = ancestry.of_real(ancestry.shelf.find("snapshots", "s1"), N)
    assert found.facts == {"released from": "row:2 of snapshot s0"}
    before = below(found, "quarantined row")
    assert (before.name, below(before, "snapshot").name) == ("row:2", "s0")
    assert below(before, "snapshot", "source").facts["holds these rows still"] is False


def test_a_row_that_was_delivered_again_stands_in_the_source(home):
    ancestry = home[0]
    assert ancestry.of_real(ancestry.shelf.find("snapshots", "s1"), 5).facts == {"file": "rows.csv", "line": 7}


def test_a_row_beyond_the_snapshot_is_refused(home):
    ancestry = home[0]
    with pytest.raises(DataError, match="expected a row from 0 to 120 of snapshot s1, got 121"):
        ancestry.of_real(ancestry.shelf.find("snapshots", "s1"), N + 1)


def test_a_verdict_says_why_a_row_was_set_aside(home):
    verdict = home[0].shelf.find("verdicts", "v1")
    assert judgement(verdict, 7) == {"verdict": "quarantined", "failed": "amount in bounds"}
    assert judgement(verdict, 8) == {"verdict": "accepted"}


def test_no_value_of_a_row_is_in_the_tree(home):
    ancestry = home[0]
    whole = json.dumps(ancestry.of_dataset(ancestry.shelf.find("datasets", "d1")).as_dict())
    assert len(whole) > 10_000
    assert str(SECRET) not in whole
    assert "nurse" not in whole


def test_what_is_gone_from_the_warehouse_is_said_to_be(home, tmp_path):
    shelf = Warehouse(tmp_path)
    facts = {"rows": 4, "synthetic_rows": 0, "sampler": "none", "dropped": 0}
    inputs = ["snapshots/s", "training_sets/t", "label_verdicts/l", "splits/p"]
    dataset = kept(shelf, "datasets", "d", inputs, facts)
    found = Ancestry(shelf=shelf, origin=home[0].origin).of_dataset(dataset)
    assert [(one.kind, one.facts) for one in found.children] == [
        (kind, {"in this warehouse": False}) for kind in ("split", "label verdict", "training set")
    ]


def test_rows_that_are_shown_are_spread(home):
    assert spread(list(range(100)), 3) == [0, 33, 66]
    assert spread([4], 0) == []
