"""A home is looked over; every promise of the architecture is broken once, and each break is found and named."""

import asyncio
import json
import shutil
import socket
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from places import placed

from monitoring import chain, predictions
from monitoring.ledger_table import ENTRIES
from monitoring.predictions import Log, Prediction
from rarecall.project import load
from serving import registry
from tasks import doctor, invariants
from tasks.ledger import open_project_ledger


@pytest.fixture
def project(retrained, tmp_path):
    """A copy of a home with a champion and its synthetic rows, to be broken."""
    place, _ = retrained
    shutil.copytree(place.home, tmp_path / "home")
    made = load(place.file, {}, home=str(tmp_path / "home"))
    yield made
    if registry.exists(made):
        registry.let_go(registry.connect(made))


def found(project):
    return {one.name: one for one in invariants.examine(project)}


def part(project, record, name):
    """Return a file of the champion's dataset version, made writable."""
    file = Path(project.stores.home) / "warehouse" / "datasets" / record["dataset_version"] / name
    file.chmod(0o644)
    return file


def test_a_sound_home_is_well(project):
    checks = found(project)
    assert {one.state for one in checks.values()} == {"well"}, checks
    assert "all made again bit for bit" in checks["synthetic rows"].said
    assert not checks["synthetic rows"].said.startswith("0 in")
    assert checks["aliases"].said == "MLflow follows the ledger's 1 moves"


def test_a_flipped_byte_is_found(project, retrained):
    file = part(project, retrained[1], "holdout.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert "holdout.parquet is not what was written" in found(project)["files"].said


def test_a_synthetic_row_among_the_holdout_is_found(project, retrained):
    train = pd.read_parquet(part(project, retrained[1], "train.parquet"))
    file = part(project, retrained[1], "holdout.parquet")
    holdout = pd.read_parquet(file)
    strays = train[train["is_synthetic"]].head(3)[list(holdout.columns)]
    pd.concat([holdout, strays]).to_parquet(file, index=False)
    check = found(project)["synthetic rows"]
    assert check.state == "fault"
    assert "holdout holds 3 synthetic rows" in check.said


def test_a_row_that_is_judged_and_learned_from_is_found(project, retrained):
    train = pd.read_parquet(part(project, retrained[1], "train.parquet"))
    file = part(project, retrained[1], "validation.parquet")
    kept = pd.read_parquet(file)
    pd.concat([kept, train[~train["is_synthetic"]].head(2)[list(kept.columns)]]).to_parquet(file, index=False)
    assert "validation shares 2 rows with the training part" in found(project)["synthetic rows"].said


def test_a_synthetic_row_that_its_parents_do_not_make_is_found(project, retrained):
    file = part(project, retrained[1], "train.parquet")
    train = pd.read_parquet(file)
    train.loc[train["is_synthetic"].idxmax(), "amount"] += 1.0
    train.to_parquet(file, index=False)
    assert "1 synthetic rows are not what their parents make" in found(project)["synthetic rows"].said


def test_a_parent_that_is_nobody_is_found(project, retrained):
    file = part(project, retrained[1], "lineage.parquet")
    lineage = pq.read_table(file)
    parents = pc.if_else(pa.array([True] + [False] * (len(lineage) - 1)), -7, lineage["parent_id"].combine_chunks())
    place = lineage.schema.get_field_index("parent_id")
    parents = parents.cast(lineage.schema.field(place).type)
    pq.write_table(lineage.set_column(place, lineage.schema.field(place), parents), file)
    assert "1 parents are no real rows of the training part" in found(project)["synthetic rows"].said


def test_a_lineage_that_is_gone_is_found(project, retrained):
    part(project, retrained[1], "lineage.parquet").unlink()
    assert "synthetic rows have no lineage" in found(project)["synthetic rows"].said


def test_a_view_that_reads_synthetic_rows_is_found(project, retrained):
    from tasks.registered import registered

    view = next(one for one in registered(project) if not one.is_dataset)
    file = Path(view.path)  # of the home that was copied: Feast's registry names it
    aside = file.rename(file.with_suffix(".aside"))
    try:
        pd.DataFrame({"is_synthetic": [True]}).to_parquet(file)
        assert f"{file.name}, which marks synthetic rows" in found(project)["online rows"].said
    finally:
        aside.rename(file)


def test_an_alias_past_the_ledger_is_found(project):
    registry.connect(project).delete_registered_model_alias("payments", "champion")
    check = found(project)["aliases"]
    assert (check.state, check.said) == ("fault", "champion: the ledger says 1, MLflow none")


def test_a_champion_whose_rows_are_gone_is_found(project, retrained):
    shutil.rmtree(part(project, retrained[1], "train.parquet").parent)
    said = found(project)["models"].said
    assert said == f"version 1 serves, and dataset {retrained[1]['dataset_version']} that it learned from is gone"


def test_an_answer_of_nobody_is_found(project):
    def answered(name, version):
        return Prediction(name, datetime.now(UTC), "ann", "champion", version, "1f", 0.9, True, {})

    async def story(log):
        await log.write([answered("a", 1), answered("b", 9)])

    with Log(predictions.url(project)) as log:
        asyncio.run(story(log))
        log.offer([predictions.Shadow("gone", 1, 0.5, False)])
    assert found(project)["answers"].said == (
        "1 answers of version 9, which the registry has not; 1 shadows about an answer that is not there"
    )


def test_a_clock_that_went_back_is_found(project):
    ledger = open_project_ledger(project)
    last = ledger.entries()[-1]
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat(timespec="microseconds")
    row = {"number": last.number + 1, "subject": "x", "payload": "{}", "at": later, "kind": "x", "who": "x", "why": "x"}
    with ledger.engine.begin() as connection:
        connection.execute(ENTRIES.insert(), chain.linked([row], last.hash))
    checks = {one["name"]: one for one in doctor.examine(project, ports=[])["checks"]}
    assert checks["ledger"]["state"] == "well"
    assert checks["clock"]["state"] == "fault"
    assert "7,200 s ahead" in checks["clock"]["said"] or "7,199 s ahead" in checks["clock"]["said"]


def test_a_library_that_does_not_fit_is_named(project, monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ["numpy>=99", "nowhere>=1", "dask>=1; extra == 'dask'"])
    checks = {one["name"]: one for one in doctor.examine(project, ports=[])["checks"]}
    assert checks["versions"]["said"] == (
        f"numpy {metadata.version('numpy')}, asked for >=99; nowhere is not installed, asked for >=1"
    )


def test_stores_that_are_away_are_faults_and_the_other_checks_are_made(project, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    away = project.stores.model_copy(update={"online": "redis://:secret@127.0.0.1:9/0"})
    told = doctor.examine(project.model_copy(update={"stores": away}), ports=[])
    states = {one["name"]: one["state"] for one in told["checks"]}
    assert (told["state"], states["online store"], states["prefect"]) == ("fault", "fault", "fault")
    assert states["registry"] == states["ledger"] == "well"
    assert "secret" not in json.dumps(told)


def test_the_command_says_what_is_well_and_ends_with_2_where_it_is_not(tmp_path, payments):
    place = placed(tmp_path, payments.head(10))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = place.run("doctor", "--port", port, "--deep")
    assert done.returncode == 0, done.stderr
    assert f"! port {port}" in done.stdout
    assert "none yet: nothing has been trained" in done.stdout
    (tmp_path / "payments.csv.gz").unlink()
    done = place.run("doctor", "--port", "1", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["state"]) == (2, "fault")
    assert [one["name"] for one in told["checks"] if one["state"] == "fault"] == ["source"]
