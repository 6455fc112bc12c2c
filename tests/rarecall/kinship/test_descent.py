"""What descends from a person's rows is found over all versions, by voters too, and what cannot be told is said."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rarecall.kinship.descent import trace
from rarecall.warehouse import Warehouse

PERSON = {"client": "7"}


def kept(shelf, kind, key, inputs=(), **tables):
    with shelf.write(kind, key, recipe={"inputs": list(inputs)}) as draft:
        for name, table in tables.items():
            if isinstance(table, pa.Table):
                pq.write_table(table, draft.folder / f"{name}.parquet")
            else:
                table.to_parquet(draft.folder / f"{name}.parquet", index=False)


def rows(ids, **columns):
    return pd.DataFrame({"row_id": ids, **columns})


@pytest.fixture
def shelf(tmp_path):
    """A warehouse with one run: rows 2 and 5 are client 7's; 2 teaches, 5 is in quarantine."""
    shelf = Warehouse(tmp_path)
    client = [1, 2, 7, 3, 4, 7]
    kept(shelf, "snapshots", "s1", rows=rows(range(6), client=np.array(client, dtype=float)))
    kept(
        shelf, "verdicts", "v1", ["snapshots/s1"],
        accepted=rows(range(5), client=client[:5]), quarantine=rows([5], client=["7"]),
    )  # fmt: skip
    kept(shelf, "training_sets", "t1", ["verdicts/v1"], rows=rows(range(5), client=client[:5]))
    kept(shelf, "label_verdicts", "l1", ["snapshots/s1", "training_sets/t1"])
    dataset(shelf, "d1")
    kept(shelf, "models", "m1", ["datasets/d1"])
    return shelf


def dataset(shelf, key, train=(0, 1, 2), holdout=(4,), inputs=("snapshots/s1", "training_sets/t1")):
    """Keep a dataset of three synthetic rows: of 2 as parent, of 2 as a voter only, and without it."""
    real, made = list(train), [6, 7, 8]
    lineage = pa.table(
        {
            "index": [0, 1, 2],
            "parent_id": [2, 0, 0],
            "neighbor_id": [0, 1, 1],
            "voter_ids": pa.array([[0, 1], [1, 2], [0, 1]]),
        }
    )
    kept(
        shelf, "datasets", key, inputs,
        train=rows([*real, *made], is_synthetic=[False] * len(real) + [True] * 3),
        validation=rows([3]), holdout=rows(list(holdout)), lineage=lineage,
    )  # fmt: skip


def test_rows_are_counted_by_version(shelf):
    found = {one.kind: (one.key, one.rows) for one in trace(shelf, PERSON).holdings}
    assert found == {"snapshots": ("s1", 2), "verdicts": ("v1", 2), "training_sets": ("t1", 1)}


def test_a_voter_is_an_ancestor(shelf):
    [found] = trace(shelf, PERSON).datasets
    assert (found.train, found.validation, found.holdout, found.synthetic) == (1, 0, 0, (6, 7))


def test_what_learned_from_a_dataset_and_what_judged_its_labels_is_named(shelf):
    found = trace(shelf, PERSON)
    assert (dict(found.candidates), found.verdicts) == ({"m1": "d1"}, ("l1",))


def test_every_version_is_looked_at_and_each_by_its_own_snapshot(shelf):
    """Row 2 of another snapshot is another person's."""
    kept(shelf, "snapshots", "s2", rows=rows([2], client=[9]))
    kept(shelf, "training_sets", "t2", ["verdicts/v2"], rows=rows([2], client=[9]))
    dataset(shelf, "d2", train=(0, 1), holdout=(2,))
    with shelf.write("datasets", "d3", recipe={"inputs": ["snapshots/s2", "training_sets/t2"]}) as draft:
        for part in ("train", "validation", "holdout"):
            rows([2], is_synthetic=[False]).to_parquet(draft.folder / f"{part}.parquet")
    assert {one.version: (one.train, one.holdout) for one in trace(shelf, PERSON).datasets} == {
        "d1": (1, 0),
        "d2": (0, 1),
    }


def test_who_is_not_there_has_no_descendants(shelf):
    found = trace(shelf, {"client": "77"})
    assert (found.holdings, found.datasets, dict(found.candidates), found.verdicts) == ((), (), {}, ())


def test_a_column_that_no_table_has_names_nobody(shelf):
    assert trace(shelf, {"account": "7"}).holdings == ()


def test_a_dataset_that_nobody_can_trace_is_said_to_be_so(shelf):
    dataset(shelf, "d8", inputs=["snapshots/s1", "training_sets/gone"])
    dataset(shelf, "d9", inputs=["snapshots/gone", "training_sets/gone"])
    found = trace(shelf, PERSON)
    assert ([one.version for one in found.datasets], found.untraceable) == (["d1", "d8"], ("d9",))
