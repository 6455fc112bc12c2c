"""What MLflow keeps beside a model shows no person."""

import numpy as np
import pandas as pd
import pytest

from rarecall.warehouse import Warehouse
from tasks.register import example_of

KINDS = {"amount": "numeric", "visits": "numeric", "empty": "numeric", "job": "categorical", "note": "categorical"}


@pytest.fixture
def dataset(tmp_path):
    """A dataset version of six real rows and two synthetic ones that would move every figure."""
    rows = pd.DataFrame({
        "amount": [1.0, 2.0, 4.0, 8.0, np.nan, 16.0, 1e6, 1e6], "visits": [1, 2, 3, 4, 5, 6, 99, 99], "empty": np.nan,
        "job": ["cook", "nurse", "nurse", None, None, None, "thief", "thief"], "note": None,
        "is_synthetic": [False] * 6 + [True] * 2,
    })  # fmt: skip
    shelf = Warehouse(tmp_path)
    with shelf.write("datasets", "d1", recipe={}) as draft:
        rows.to_parquet(draft.folder / "train.parquet", index=False)
        draft.facts["features"] = KINDS
    return shelf.find("datasets", "d1"), rows


def test_the_example_is_the_middle_of_the_real_rows(dataset):
    [row] = example_of(dataset[0]).to_dict("records")
    assert (row["amount"], row["visits"], row["job"]) == (4.0, 3.5, "nurse")
    assert np.isnan(row["empty"])
    assert row["note"] is None


def test_the_example_is_no_row_of_the_table(dataset):
    version, rows = dataset
    [row] = example_of(version).to_dict("records")
    alike = (rows["visits"] == row["visits"]) & (rows["amount"] == row["amount"])
    assert (len(alike), int(alike.sum())) == (8, 0)


def test_the_example_has_the_columns_of_the_model_in_their_order(dataset):
    version = dataset[0]
    assert list(example_of(version)) == list(version.facts["features"]) == sorted(KINDS)
