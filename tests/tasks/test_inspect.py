"""The inspection of a dataset version is made once, is the same everywhere, and knows which one came before."""

import os

import numpy as np
import pandas as pd
import pytest

from rarecall.augmentation import augment, together
from rarecall.errors import DataError
from rarecall.project import Project
from rarecall.sections import Augmentation
from rarecall.warehouse import Warehouse
from tasks import runs
from tasks.inspect import AT_RISK, inspect
from tasks.shelf import warehouse

KINDS = {"amount": "numeric", "hour": "numeric", "job": "categorical"}


def rows(rare, other, seed):
    rng = np.random.default_rng(seed)
    n = rare + other
    return pd.DataFrame({
        "row_id": np.arange(n), "event_timestamp": pd.Timestamp("2026-01-01", tz="UTC"),
        "label": np.arange(n) % (n // rare) == 0, "amount": rng.normal(size=n), "hour": rng.normal(size=n),
        "job": rng.choice(np.array(["cook", "nurse"], dtype=object), n),
    }).astype({"label": "int8"})  # fmt: skip


def in_home(home, name="payments", **changes):
    return Project.model_validate(
        {
            "name": name,
            "source": {"path": "a.csv"},
            "label": {"column": "y", "positive": 1},
            "stores": {"home": str(home)},
            "fidelity": {"folds": 2},
            **changes,
        }
    )


def versions(project, key, *, sampler="adasyn", seed=0, spoil=None):
    """Keep a training set of 350 rows and its dataset version with 40 rare rows among 200, as the stages before do."""
    whole = rows(70, 280, seed)
    train, validation, holdout = whole[:200], whole[200:250], whole[250:]
    made = augment(
        train, KINDS, np.full(200, True), Augmentation(sampler=sampler, synthetic_share=0.2), first_id=350, seed=0
    )
    parts = {"train": together(train, made.rows), "validation": validation, "holdout": holdout}
    if spoil:
        spoil(parts)
    shelf = warehouse(project)
    with shelf.write("training_sets", key, recipe={}) as draft:
        whole.to_parquet(draft.folder / "rows.parquet", index=False)
    with shelf.write("datasets", key, recipe={}) as draft:
        for name, part in parts.items():
            part.to_parquet(draft.folder / f"{name}.parquet", index=False)
        draft.facts.update(made.facts, features=KINDS)
    return shelf.find("training_sets", key), shelf.find("datasets", key)


def inspected(project, made):
    plan = inspect.__wrapped__(project, *made)
    shelf: Warehouse = warehouse(project)
    key = f"of-{made[1].key}"
    with shelf.write(plan.kind, key, recipe=plan.whole_recipe("inspect")) as draft:
        plan.write(draft)
    return shelf.find(plan.kind, key)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    project = in_home(tmp_path_factory.mktemp("home"))
    return project, inspected(project, versions(project, "d1"))


def test_synthetic_rows_are_measured_and_attacked(first):
    facts = first[1].facts
    assert facts["fidelity"]["rows"] == {"real": 40, "synthetic": 50, "holdout": 20}
    recall = facts["figures"]["reconstruction_recall"]
    assert recall["low"] <= recall["value"] == facts["privacy"]["reconstruction_recall"] <= recall["high"]
    assert set(facts["figures"]) >= {"detectability", "distinct_share"}
    assert facts["previous"] is None


def test_the_rows_at_risk_are_named(first):
    ids = pd.read_parquet(first[1].file(AT_RISK))["row_id"]
    assert len(ids) == first[1].facts["privacy"]["rows_at_risk"]
    assert set(ids) <= set(range(0, 200, 5)), "real rows of the rare class"


def _a_synthetic_row_in_the_holdout(parts):
    parts["holdout"] = pd.concat([parts["holdout"], parts["train"].tail(1)], ignore_index=True)


def _a_changed_holdout(parts):
    parts["holdout"] = parts["holdout"].assign(amount=parts["holdout"]["amount"] + 1)


@pytest.mark.parametrize("spoil", [_a_synthetic_row_in_the_holdout, _a_changed_holdout])
def test_a_version_that_breaks_the_suite_ends_the_run(tmp_path, spoil):
    with pytest.raises(DataError, match="do not learn from this version"):
        inspected(in_home(tmp_path), versions(in_home(tmp_path), "d1", spoil=spoil))


def test_another_home_gives_the_same_bytes(first, tmp_path):
    project = in_home(tmp_path)
    again = inspected(project, versions(project, "d1"))
    names = sorted(file.name for file in tmp_path.glob("warehouse/inspections/*/*"))
    assert names == ["manifest.json", AT_RISK]
    for name in names:
        assert again.file(name).read_bytes() == first[1].file(name).read_bytes(), name


def test_without_synthetic_rows_there_is_nothing_to_measure(tmp_path):
    project = in_home(tmp_path)
    found = inspected(project, versions(project, "d1", sampler="none"))
    assert (found.facts["fidelity"], found.facts["privacy"], found.facts["figures"]) == (None, None, {})
    assert found.facts["expectations"] > 0
    assert not found.file(AT_RISK).exists()


def test_an_attack_that_is_switched_off_is_not_run(tmp_path):
    project = in_home(tmp_path, privacy={"attack": False})
    found = inspected(project, versions(project, "d1"))
    assert (found.facts["privacy"], "reconstruction_recall" in found.facts["figures"]) == (None, False)
    assert found.facts["fidelity"] is not None
    assert not found.file(AT_RISK).exists()


def ran(project, made, number):
    """Inspect a dataset version in a run that comes to its end."""
    version = inspected(project, made)
    record = {"started": f"2026-01-0{number}T00:00:00", "run_id": f"{number}" * 8}
    runs.keep(project, record | {"dataset_version": made[1].key, "inspection_version": version.key}, "")
    return version


def test_a_version_stands_beside_the_one_before_and_later_inspections_change_nothing(tmp_path):
    project = in_home(tmp_path)
    before = ran(project, versions(project, "d1"), 1)
    second = versions(project, "d2", seed=1)
    planned = inspect.__wrapped__(project, *second)
    facts = ran(project, second, 2).facts
    assert facts["previous"]["dataset"] == "d1"
    assert facts["previous"]["nearest"] == before.facts["fidelity"]["surroundings"]["nearest"]
    ran(project, versions(project, "d3", seed=2), 3)
    assert inspect.__wrapped__(project, *second).whole_recipe("") == planned.whole_recipe("")


def test_the_runs_say_which_came_before_and_no_folders_time(tmp_path):
    """A copy of the home gives its folders other times."""
    project = in_home(tmp_path)
    first = ran(project, versions(project, "d1"), 1)
    second = versions(project, "d2", seed=1)
    os.utime(second[1].path, (0, 0))
    os.utime(first.path, (2e9, 2e9))
    assert inspect.__wrapped__(project, *second).inputs[-1].key == first.key


def test_a_run_that_did_not_come_to_its_end_is_not_the_one_before(tmp_path):
    project = in_home(tmp_path)
    inspected(project, versions(project, "d1"))
    assert len(inspect.__wrapped__(project, *versions(project, "d2", seed=1)).inputs) == 2


def test_another_projects_version_in_the_same_home_is_not_the_one_before(tmp_path):
    ran(in_home(tmp_path, name="refunds"), versions(in_home(tmp_path), "d1"), 1)
    assert inspected(in_home(tmp_path), versions(in_home(tmp_path), "d2", seed=1)).facts["previous"] is None
