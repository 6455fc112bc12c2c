"""Rows of samplers that draw otherwise than ADASYN pass what every dataset version must hold."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from expectations.dataset import check_dataset
from rarecall.augmentation import augment, together
from rarecall.datasets.soundness import faults
from rarecall.fidelity import measure
from rarecall.kinship import parentage, progeny
from rarecall.project import Project
from rarecall.sections import Augmentation
from rarecall.warehouse import Warehouse

KINDS = {"amount": "numeric", "hour": "numeric", "job": "categorical"}
ODD = {"borderline_smote_2": "common neighbours", "polynom_fit_smote": "no neighbour", "svm_smote": "steps below 0"}


@pytest.fixture(scope="module", params=ODD)
def version(request, tmp_path_factory):
    """A dataset version as the stages before an inspection leave it."""
    rng = np.random.default_rng(0)
    label = np.arange(350) % 5 == 0
    whole = pd.DataFrame({
        "row_id": np.arange(350), "event_timestamp": pd.Timestamp("2026-01-01", tz="UTC"), "label": label,
        "amount": rng.normal(size=350) + label, "hour": rng.integers(0, 24, 350).astype(float),
        "job": rng.choice(np.array(["cook", "nurse"], dtype=object), 350),
    }).astype({"label": "int8"})  # fmt: skip
    train, validation, holdout = whole[:200], whole[200:250], whole[250:]
    asked = Augmentation(sampler=request.param, synthetic_share=0.3)
    made = augment(train, KINDS, np.full(200, True), asked, first_id=350, seed=0)
    shelf = Warehouse(tmp_path_factory.mktemp("home") / "warehouse")
    with shelf.write("datasets", "d1", recipe={}) as draft:
        together(train, made.rows).to_parquet(draft.folder / "train.parquet", index=False)
        validation.to_parquet(draft.folder / "validation.parquet", index=False)
        holdout.to_parquet(draft.folder / "holdout.parquet", index=False)
        pq.write_table(made.lineage, draft.folder / "lineage.parquet")
        draft.facts.update(made.facts, features=KINDS)
    return request.param, shelf.find("datasets", "d1"), (validation, holdout, whole)


def test_the_version_is_sound_and_its_rows_are_made_again(version):
    _, dataset, _ = version
    assert faults(dataset) == []
    rows = parentage.synthetic_rows(dataset)
    assert all(one.is_rebuilt for one in parentage.trace(dataset, rows[:20].tolist()))


def test_the_suite_after_augmentation_accepts_it(version):
    name, dataset, (validation, holdout, taken) = version
    train = pd.read_parquet(dataset.file("train.parquet"))
    project = Project.model_validate(
        {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": 1}}
    )
    given = (train, validation, holdout, taken, project, KINDS)
    assert check_dataset(*given, sampler=name).refusal() is None
    if name != "svm_smote":  # whose rows have parents and neighbours of the rare class, as ADASYN's have
        assert "the parents of every synthetic row" in check_dataset(*given).refusal()


def test_its_rows_are_measured_beside_real_ones(version):
    _, dataset, (_, holdout, _) = version
    train = pd.read_parquet(dataset.file("train.parquet"))
    found = measure(train, holdout, KINDS, rows=200, folds=2, confidence=0.9, random_state=0)
    assert found["surroundings"]["to_parent"]["median"] > 0


def test_a_real_row_knows_what_was_made_with_it(version):
    name, dataset, _ = version
    made = progeny.made_with(dataset, 0)
    assert len(made["parent"]) > 0 or name != "polynom_fit_smote"
    counts = parentage.count(dataset)
    if name == "polynom_fit_smote":
        assert counts.neighbors == 0
        assert counts.real == 40
        assert len(made["parent"]) + len(made["voter"]) == counts.rows


def test_rows_that_were_left_out_put_no_other_in_their_place(tmp_path):
    """Of a rule that some parents cannot meet, ADASYN's lineage has gaps in its index, and its rows are still those."""
    rng = np.random.default_rng(0)
    train = pd.DataFrame({"row_id": np.arange(200), "event_timestamp": pd.Timestamp("2026-01-01", tz="UTC")})
    train["label"] = (train["row_id"] % 5 == 0).astype("int8")
    train["amount"], train["hour"] = rng.normal(size=200), rng.normal(size=200)
    train["job"] = rng.choice(np.array(["cook", "nurse"], dtype=object), 200)
    rules, asked = {"low": "amount < -0.5"}, Augmentation(synthetic_share=0.4)
    made = augment(train, KINDS, np.full(200, True), asked, first_id=200, seed=0, rules=rules)
    assert made.lineage["index"].to_pylist() != list(range(len(made.rows)))
    with Warehouse(tmp_path).write("datasets", "d1", recipe={}) as draft:
        together(train, made.rows).to_parquet(draft.folder / "train.parquet", index=False)
        pq.write_table(made.lineage, draft.folder / "lineage.parquet")
        draft.facts.update(features=KINDS)
    dataset = Warehouse(tmp_path).find("datasets", "d1")
    traced = parentage.trace(dataset, made.rows["row_id"].tolist())
    assert all(one.is_rebuilt for one in traced)
    assert [one.parent for one in traced] == made.rows["parent_id"].tolist()
    last = made.rows.iloc[-1]
    assert int(last["row_id"]) in progeny.made_with(dataset, int(last["parent_id"]))["parent"]
