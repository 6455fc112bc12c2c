"""What a clock told stands beside the warehouse, never in it."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from rarecall.warehouse import Version
from tasks import measured


@pytest.fixture
def project(tmp_path):
    return SimpleNamespace(stores=SimpleNamespace(home=str(tmp_path)))


def test_time_and_memory_are_those_of_what_ran_inside():
    with measured.course() as told:
        held = np.ones(30_000_000)
        time.sleep(0.05)
        del held
    assert 0.05 <= told["seconds"] < 30
    assert told["peak_mb"] - told["before_mb"] > 200


def test_what_fails_inside_is_measured_and_fails():
    kept = {}

    def failing():
        with measured.course() as told:
            kept["course"] = told
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert kept["course"]["seconds"] >= 0


def test_what_is_kept_is_found_by_its_version(project, tmp_path):
    model, other = (Version(kind="models", key=key, path="") for key in ("k1", "k2"))
    measured.keep(project, model, {"training": {"seconds": 1.5}})
    measured.keep(project, other, {})
    assert measured.of(project, model, other) == {"training": {"seconds": 1.5}}
    assert measured.of(project, other) == {}
    assert [file.name for file in (tmp_path / "measured" / "models").iterdir()] == ["k1.json"]
