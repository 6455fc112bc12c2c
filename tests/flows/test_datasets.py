"""`rarecall datasets` through the console script: tables for people, one object for programs, else one sentence."""

import json

import pandas as pd
import pytest
from filelock import FileLock
from places import Place, placed

from rarecall.datasets import composition
from rarecall.warehouse import Warehouse


@pytest.fixture(scope="module")
def place(tmp_path_factory, payments) -> Place:
    """A home with two dataset versions and nothing else: neither a model nor a registry."""
    place = placed(tmp_path_factory.mktemp("datasets"), payments.head(10))
    for key, amounts in (("a1", [1.0, 2.0]), ("b2", [1.0, 90.0])):
        rows = pd.DataFrame({"row_id": [0, 1], "label": [0, 1], "amount": amounts, "is_synthetic": [False, True]})
        rows["event_timestamp"] = pd.Timestamp("2026-01-01", tz="UTC").as_unit("us")
        counts = {"by_class": composition.by_class(rows), "by_cohort": {}}
        with Warehouse(place.home / "warehouse").write(
            "datasets", key, recipe={"engine": "0.2.0", "inputs": [], "recipe": {"seed": key}}
        ) as draft:
            for part in ("train", "validation", "holdout"):
                rows.to_parquet(draft.folder / f"{part}.parquet", index=False)
            draft.facts.update(
                rows=2,
                synthetic_rows=1,
                synthetic_share=0.5,
                sampler="adasyn",
                parameters={"k": 5},
                features={"amount": "numeric"},
                counts=dict.fromkeys(("train", "validation", "holdout"), counts),
                schema=[["amount", "double"], ["event_timestamp", "timestamp[us, tz=UTC]"]],
            )
    return place


def test_people_see_what_it_is_made_of(place):
    done = place.run("datasets", "show", "a")
    assert done.returncode == 0, done.stderr
    assert "timestamp[us, tz=UTC]" in done.stdout
    assert "synthetic: 1 of 2 training rows, 50.0%" in done.stdout


def test_programs_get_one_object_with_every_difference(place):
    done = place.run("datasets", "diff", "a", "b", "--json")
    assert done.stdout.count("\n") == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["recipe"] == [{"key": "datasets.seed", "old": "a1", "new": "b2"}]
    assert [(one["name"], one["distance"]) for one in found["distributions"]] == [("amount", 0.5)]


def test_an_unknown_version_is_one_sentence(place):
    done = place.run("datasets", "show", "c3", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "rarecall: expected one version of datasets, got 'c3'; it has a1, b2\n"


def test_a_flipped_byte_is_named_and_is_exit_code_2(place):
    file = place.home / "warehouse" / "datasets" / "b2" / "train.parquet"
    whole = file.read_bytes()
    try:
        file.chmod(0o644)
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        done = place.run("datasets", "verify", "--json")
    finally:
        file.write_bytes(whole)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"rarecall: {file} is not what was written")
    assert done.stderr.count("\n") == 1


def test_nothing_is_collected_while_a_run_holds_the_home(place):
    with FileLock(place.home / "run.lock"):
        done = place.run("datasets", "gc", "--yes")
    assert done.returncode == 1
    assert done.stderr.startswith(f"rarecall: another run holds {place.home}")
    assert (place.home / "warehouse" / "datasets" / "a1").is_dir()
