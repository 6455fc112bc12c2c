"""The examples on the real tables; they pass the gates that they name."""

import os
from pathlib import Path

import pytest
from places import Place

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("RARECALL_DATA", ROOT.parent / "shared" / "data")).absolute()
EXAMPLES = sorted(file.parent.name for file in ROOT.glob("examples/*/rarecall.yaml"))
OFTEN = "bank-marketing"  # the others take minutes: with all stories


@pytest.mark.skipif(not DATA.is_dir(), reason="the public tables are not here; see docs/tables.md")
@pytest.mark.parametrize(
    "name", [name if name == OFTEN else pytest.param(name, marks=pytest.mark.thorough) for name in EXAMPLES]
)
def test_example_is_promoted(prefect, monkeypatch, tmp_path, name):
    monkeypatch.setenv("RARECALL_DATA", str(DATA))
    record = Place(ROOT / "examples" / name).retrain(home=tmp_path)
    assert record["decision"]["verdict"] == "promote", record["decision"]["reasons"]
    assert record["aliases"] == ["champion"]
    assert "age" in record["sli"]["by_cohort"]
