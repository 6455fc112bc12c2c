"""A table that memory does not hold: every stage comes to the rows and facts of the same table in one piece."""

import json

import numpy as np
import pandas as pd
import pytest

from rarecall.arms.ablation import plain
from rarecall.arms.arm import Arm
from rarecall.intake import source
from rarecall.project import load
from rarecall.simulator.simulate import Payments, simulate
from rarecall.tables import scan
from rarecall.warehouse import Version
from tasks import stage
from tasks.augment import augment
from tasks.ingest import ingest
from tasks.retrieve import retrieve
from tasks.split import split
from tasks.validate import validate

PROJECT = """\
name: payments
source: {path: payments}
entity: payment_id
timestamp: paid_at
label: {column: is_fraud, positive: 1, delay: 3d}
features: {exclude: [customer_id, terminal_id, fraud_kind, labelled_at], kinds: {hour: categorical}}
missing: {markers: ["-999"]}
cohorts: [region, {column: amount, edges: [20, 100]}]
expectations:
  rules: {cheap: {that: amount < 2000, severity: warning}}
  columns: {amount: {max: 1000}}
"""


def made(place, monkeypatch, *, large: int):
    """Go through the stages, without Prefect; with tables of more than `large` rows block by block."""
    monkeypatch.setattr(scan, "LARGE", large)
    monkeypatch.setattr(scan, "BLOCK", 700)
    monkeypatch.setattr(source, "BLOCK", 900)
    project = load(place, {}, home=str(place / f"home-{large}"))

    def run(task, *inputs) -> Version:
        version, _ = stage._found_or_made(task.__name__, task.__wrapped__(project, *inputs), project)
        return version

    def given(kind, facts):
        folder = place / f"given-{large}"
        folder.mkdir(exist_ok=True)
        return Version(kind=kind, key="given", path=str(folder), facts=facts)

    taken = run(ingest)
    verdict = run(validate, taken)
    features = list(taken.facts["features"])
    view = given("feature_views", {"view": "v", "keys": ["payment_id"], "features": features, "created": None})
    training_set = run(retrieve, taken, verdict, view)
    parts = run(split, training_set)
    judged = given("label_verdicts", {"noise_rate": 0.0, "low": 0.0, "high": 0.0})
    rows = training_set.facts["rows"]
    score = np.random.default_rng(0).random(rows)
    action = np.select([score < 0.02, score < 0.05, score < 0.1], ["drop", "review", "weight"], "keep")
    pd.DataFrame({"score": score, "action": action, "weight": np.where(score < 0.1, score, 1.0)}).to_parquet(
        judged.file("labels.parquet")
    )
    arm = Arm(strategy="adasyn", learner="hist_gradient_boosting", k=5, synthetic_share=0.1)
    compared = given("ablations", {"shipped": plain(arm)})
    dataset = run(augment, taken, training_set, judged, parts, compared)
    return taken, verdict, training_set, parts, dataset


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("payments")
    (place / "rarecall.yaml").write_text(PROJECT)
    rows = simulate(Payments(rows=6000, days=20, fraud_share=0.05))
    rows.loc[1000:1020, "distance_km"] = -999.0
    rows.loc[3000:3004, "amount"] = np.inf
    rows.loc[2000:2004, "paid_at"] = pd.NaT
    rows["hour"] = rows["hour"].astype("Int64").mask(rows.index > 5500)
    rows["odd"] = rows["hour"].isna().astype("boolean").mask(rows.index < 100)
    rows["note"] = [f"note {at}" for at in range(6000)]
    (place / "payments").mkdir()
    for at in range(3):
        rows.iloc[at * 2000 : (at + 1) * 2000].to_parquet(place / "payments" / f"{at}.parquet", index=False)
    return place


@pytest.fixture(scope="module")
def both(place):
    with pytest.MonkeyPatch.context() as patch:
        return made(place, patch, large=10**9), made(place, patch, large=1000)


def test_every_stage_comes_to_the_same_rows(both):
    files = {
        "snapshots": ["rows"],
        "verdicts": ["accepted", "quarantine"],
        "training_sets": ["rows", "answers"],
        "splits": ["parts"],
        "datasets": ["train", "validation", "holdout", "lineage"],
    }
    for whole, blocks in zip(*both, strict=True):
        assert whole.kind == blocks.kind
        for name in files[whole.kind]:
            one, other = (pd.read_parquet(version.file(f"{name}.parquet")) for version in (whole, blocks))
            pd.testing.assert_frame_equal(one, other, obj=f"{whole.kind} {name}")


def test_they_come_to_the_same_facts_and_keys(both):
    whole, blocks = ([version.facts for version in versions] for versions in both)
    assert [version.key for version in both[0]] == [version.key for version in both[1]]
    assert whole[0]["skipped"]["note"] == "6000 distinct texts look like an id"
    assert blocks[0]["skipped"]["note"] == "more than 1000 distinct texts look like an id"
    for facts in (whole, blocks):
        facts[0]["skipped"].pop("note")
        facts[-1].pop("digest")  # of files whose rows lie in other row groups
        (facts[-1].get("lineage") or {}).pop("sha256", None)
    assert json.dumps(whole, sort_keys=True) == json.dumps(blocks, sort_keys=True)
    assert blocks[1]["read"] == 6000
    assert blocks[1]["accepted"] + blocks[1]["quarantined"] == 6000
    assert blocks[1]["quarantined"] == 10
