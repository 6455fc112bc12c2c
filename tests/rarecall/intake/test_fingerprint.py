"""Fingerprints: the same for the same values, however they are stored, and for nothing else."""

import numpy as np
import pandas as pd
import pytest

from rarecall.intake.fingerprint import key_columns, of_rows
from rarecall.project import Project


def of(values, **more):
    return of_rows(pd.DataFrame({"a": pd.Series(values, **more)}), ["a"])[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (of([7]), of([7.0])),
        (of([7]), of([7], dtype="Int64")),
        (of([0.0]), of([-0.0])),
        (of([None], dtype="Int64"), of([np.nan])),
        (of(["cook"]), of(["cook"], dtype="category")),
        (of([True]), of(["true"])),
        (of(pd.to_datetime(["2026-03-01T12:00Z"])), of(pd.to_datetime(["2026-03-01T13:00+01:00"]))),
    ],
)
def test_storage_does_not_matter(one, other):
    assert one == other


def test_values_that_change_places_make_another_row():
    rows = pd.DataFrame({"a": ["x", "y"], "b": ["y", "x"], "c": [1, 2], "d": [2, 1]})
    assert len(set(of_rows(rows, ["a", "b"]))) == 2
    assert len(set(of_rows(rows, ["c", "d"]))) == 2


def test_no_two_of_many_rows_share_one():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": np.arange(100_000), "b": rng.integers(0, 3, 100_000), "c": rng.random(100_000)})
    assert len(set(of_rows(rows, ["a", "b", "c"]))) == 100_000


def test_missing_is_not_a_value():
    assert of([None], dtype="string") != of([""])
    assert of([None], dtype="string") != of(["<NA>"])


def test_entity_and_time_name_a_row_or_else_its_features():
    settings = {"name": "p", "source": {"path": "a.csv"}, "label": {"column": "y", "positive": 1}}
    assert key_columns(Project.model_validate(settings), ["b", "a"]) == ["a", "b"]
    named = Project.model_validate(settings | {"entity": "id", "timestamp": "at"})
    assert key_columns(named, ["b", "a"]) == ["id", "at"]
