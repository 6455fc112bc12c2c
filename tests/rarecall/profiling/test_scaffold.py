"""The first project file: it loads, means what was found, and its commented defaults are the defaults."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from rarecall import project
from rarecall.intake.snapshot import take
from rarecall.profiling import leaks, scaffold
from rarecall.profiling.profile import profile
from rarecall.simulator.simulate import Payments, simulate

DATA = Path(os.environ.get("RARECALL_DATA", Path(__file__).parents[4] / "shared" / "data"))
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real tables are not at {DATA}; set RARECALL_DATA")


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "who": [f"c-{number}" for number in range(300)],
            "at": pd.date_range("2026-01-01", periods=300, freq="h").astype(str),
            "on": rng.choice(["yes", "no", "?"], 300),
            "age": rng.integers(18, 90, 300),
            "sex": rng.integers(1, 3, 300),
            "sum: total #1": rng.random(300),
            "two\nlines": rng.random(300),
            "duration": rng.random(300),
            "lost": np.repeat(["yes", "no"], [90, 210]),
        }
    )


def written(frame, folder, **options):
    """Return the text for a table and the project that it loads as."""
    found = profile(frame, **options)
    text = scaffold.render(found, "table.csv", leaks=leaks.suspects(frame, found.target(frame), found.features))
    file = folder / "rarecall.yaml"
    file.write_text(text, encoding="utf-8")
    return text, project.load(file, {})


def test_it_loads_as_what_was_found(table, tmp_path):
    _, loaded = written(table, tmp_path, label="lost")
    assert loaded.name == "table"
    assert loaded.source.path == str(tmp_path / "table.csv")
    assert (loaded.entity, loaded.timestamp) == (["who"], "at")
    assert (loaded.label.column, loaded.label.positive) == ("lost", "yes")
    assert loaded.missing.markers == ["?"]
    assert loaded.features.exclude == ["duration"]
    assert loaded.features.kinds == {"sex": "categorical"}
    assert [cohort.column for cohort in loaded.cohorts] == ["age", "sex"]


def test_what_yaml_would_read_as_a_boolean_is_quoted(table, tmp_path):
    """A column called `on` and a class called `no` stay text."""
    text, loaded = written(table, tmp_path, label="lost", positive="no", cohorts=["on"])
    assert "positive: 'no'" in text
    assert loaded.label.positive == "no"
    assert [cohort.column for cohort in loaded.cohorts] == ["on"]


@pytest.mark.parametrize("column", ["sum: total #1", "two\nlines"])
def test_a_column_with_an_awkward_name_survives(table, tmp_path, column):
    table[column] = (table["lost"] == "yes").astype(float) + table[column] / 9
    _, loaded = written(table, tmp_path, label="lost", cohorts=[column])
    assert loaded.features.exclude == [column, "duration"]
    assert [cohort.column for cohort in loaded.cohorts] == [column]


def test_every_leak_stands_beside_its_reason(table, tmp_path):
    text, _ = written(table, tmp_path, label="lost")
    assert "    - duration  # its name ('duration') suggests something known only with the label\n" in text


def test_what_was_proposed_says_so_and_what_was_given_does_not(table, tmp_path):
    assert written(table, tmp_path, label="lost")[0].count("# proposed: ") == 4
    given = {"positive": "yes", "time": "at", "entity": "who", "cohorts": ["age"]}
    assert "# proposed: " not in written(table, tmp_path, label="lost", **given)[0]


def test_the_defaults_that_are_shown_are_the_defaults(table, tmp_path):
    """Without their '#', they change nothing."""
    text, loaded = written(table, tmp_path, label="lost")
    active, defaults = text.split("# The defaults", 1)
    shown = [line.removeprefix("# ") for line in defaults.splitlines()[1:]]
    assert set(yaml.safe_load("\n".join(shown))) == {
        *("split", "labels", "augmentation", "training", "ablation", "gates", "seed"),
    }
    file = tmp_path / "rarecall.yaml"
    file.write_text("\n".join([active, *shown]), encoding="utf-8")
    assert project.load(file, {}) == loaded


def test_a_bare_table_gets_a_file_that_shows_what_could_stand_there(tmp_path):
    frame = pd.DataFrame({"sum": np.random.default_rng(0).random(100), "lost": [1] * 10 + [0] * 90})
    text, loaded = written(frame, tmp_path, label="lost")
    assert (loaded.entity, loaded.timestamp, loaded.cohorts) == ([], None, [])
    for key in ("entity", "timestamp", "missing", "features", "cohorts"):
        assert f"\n# {key}: " in text


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("data/Bank Marketing.csv.gz", "bank-marketing"),
        ("2026.parquet", "project"),
        ("https://host/a_b.csv", "a_b"),
        ("warehouse/payments/", "payments"),
    ],
)
def test_the_project_is_named_after_the_table(source, name):
    assert scaffold.slug(source) == name


def test_the_simulated_stream_gets_a_project_that_can_be_taken(tmp_path):
    stream = simulate(Payments(rows=20_000))
    _, loaded = written(stream, tmp_path, label="is_fraud")
    _, facts = take(stream, loaded)
    assert len(facts["features"]) == 16
    assert facts["skipped"] == {}


@real
@pytest.mark.parametrize(
    ("name", "label", "features"),
    [
        ("bank_marketing", "y", 15),
        ("adult", "income", 14),
        ("census_income_kdd", "label", 40),
        ("credit_default", "has_default", 23),
    ],
)
def test_a_real_table_gets_a_project_that_can_be_taken(name, label, features, tmp_path):
    """Read with the markers that the file proposes, the snapshot sees the kinds that the profile saw."""
    frame = pd.read_csv(DATA / f"{name}.csv.gz", nrows=40_000)
    _, loaded = written(frame, tmp_path, label=label)
    again = pd.read_csv(DATA / f"{name}.csv.gz", nrows=40_000, na_values=loaded.missing.markers)
    _, facts = take(again, loaded)
    assert len(facts["features"]) == features
    assert facts["skipped"] == {}


@real
def test_the_documentation_shows_what_is_written():
    page = (Path(__file__).parents[3] / "docs" / "init.md").read_text(encoding="utf-8")
    shown = page.split("```yaml\n")[1].split("```")[0]
    frame = pd.read_csv(DATA / "bank_marketing.csv.gz")
    found = profile(frame, label="y")
    suspects = leaks.suspects(frame, found.target(frame), found.features)
    text = scaffold.render(found, "bank_marketing.csv.gz", leaks=suspects)
    assert text.split("\n# The defaults")[0] == shown
