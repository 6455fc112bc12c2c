"""What nothing needs goes, with its reason said first; what something needs stays, and the next run finds it."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from places import placed

from rarecall.errors import StoreError
from rarecall.kinship.descent import trace
from rarecall.project import load
from rarecall.standing import Standing
from rarecall.warehouse import Warehouse
from tasks import datasets
from tasks.aliases import MOVED
from tasks.collect import COLLECTED, collect
from tasks.export import EXPORTED
from tasks.forget import forget
from tasks.forgotten import FORGOTTEN
from tasks.ledger import open_project_ledger
from tasks.move import move
from tasks.pins import pin, unpin
from tasks.quarantine import RELEASED
from tasks.verify import verify

SETTINGS = {
    "entity": "customer_id",
    "features": {"exclude": ["payment_id", "terminal_id", "fraud_kind", "labelled_at"]},
    "fidelity": {"rows": 200, "folds": 2},
    "training": {"parameters": {"max_iter": 10}},
    "privacy": {"attack": False},
    "monitoring": {"report_rows": 300},
}


def gc(project, **options):
    return collect(project, who="ann", why="weekly", **({"remove": False} | options))


def named(lines):
    return {f"{one['kind']}/{one['version']}" for one in lines}


def because(found):
    return {f"{one['kind']}/{one['version']}": "; ".join(one["because"]) for one in found["kept"]}


def everything(shelf):
    return {f"{kind}/{key}" for kind in shelf.kinds() for key in shelf.keys(kind)}


# A real home -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def story(prefect, tmp_path_factory, payments):
    """Tell of two runs, of a collection when the second's model serves, of a person who is forgotten, and of two more.

    The person's rows are in what the champion learned from until a run without them is given the alias.
    """
    delivered = payments.head(2500)
    # No alias ever stands on the first: what once had one is kept.
    place = placed(tmp_path_factory.mktemp("collected"), delivered, **SETTINGS, gates={"minority_recall": 0.999})
    project, shelf = load(place.file, {}), Warehouse(place.home / "warehouse")

    def serve(record):
        only = Standing(champion=record["model_version"])
        move(project, lambda _now, _client: only, action="promote", who="ann", why="told")

    told = SimpleNamespace(place=place, project=project, shelf=shelf)
    told.first = place.retrain()
    place.settings(**SETTINGS, augmentation={"k": 3})
    told.second = place.retrain()
    serve(told.second)
    told.before = everything(shelf)
    told.dry = gc(project)
    told.untouched = everything(shelf)
    told.done = gc(project, remove=True)
    told.after = everything(shelf)
    told.feast = feast_names(place)
    told.again = place.retrain()
    train = pd.read_parquet(shelf.find("datasets", told.second["dataset_version"]).file("train.parquet"))
    parents = delivered["customer_id"].iloc[train["parent_id"].dropna().astype(int)]
    told.person = str(parents.value_counts().index[0])
    forget(project, [told.person], who="ann", why="asked")
    told.third = place.retrain()
    told.still = gc(project, forgotten_only=True)
    gc(project, remove=True)
    told.left = trace(shelf, {"customer_id": told.person})
    serve(told.third)
    told.last = gc(project, forgotten_only=True, remove=True)
    return told


def feast_names(place):
    from feast import FeatureStore

    store = FeatureStore(fs_yaml_file=place.home / "feast" / "feature_store.yaml")
    return [one.name for one in store.registry.list_saved_datasets(store.project)]


@pytest.mark.thorough
def test_the_list_comes_first_and_changes_nothing(story):
    assert story.dry["removed"] is False
    assert story.untouched == story.before
    assert named(story.dry["going"]) == named(story.done["going"])
    assert story.dry["freed"] > 0
    assert all(one["bytes"] > 0 and one["because"] for one in story.dry["going"])


@pytest.mark.thorough
def test_what_only_an_unused_model_was_made_of_goes(story):
    going = named(story.done["going"])
    assert going == story.before - story.after
    assert f"datasets/{story.first['dataset_version']}" in going
    assert {name.partition("/")[0] for name in going} >= {"models", "evaluations", "decisions", "registrations"}
    assert not any(story.shelf.root.glob("*/.partial-*"))


@pytest.mark.thorough
def test_what_an_alias_needs_stays_with_the_reason(story):
    reasons = because(story.done)
    for kind, key in (("datasets", "dataset_version"), ("snapshots", "snapshot"), ("label_verdicts", "label_verdict")):
        assert "champion of payments is version 2" in reasons[f"{kind}/{story.second[key]}"]


@pytest.mark.thorough
def test_feast_forgets_the_version_that_went_and_knows_the_other(story):
    assert story.done["registrations"] == [f"payments_{story.first['dataset_version']}"]
    assert story.feast == [f"payments_{story.second['dataset_version']}"]


@pytest.mark.thorough
def test_the_next_run_finds_everything_that_it_needs(story):
    assert {stage["state"] for stage in story.again["stages"]} == {"cached"}


@pytest.mark.thorough
def test_the_ledger_says_what_was_removed_and_by_whom(story):
    entry = open_project_ledger(story.project).entries(COLLECTED, "payments")[0]
    assert (entry.who, entry.why, entry.number) == ("ann", "weekly", story.done["entry"])
    assert set(entry.payload["versions"]) == named(story.done["going"])
    assert entry.payload["registrations"] == story.done["registrations"]


@pytest.mark.thorough
def test_while_an_alias_stands_on_them_forgotten_rows_stay_and_that_is_said(story):
    kept = story.still["forgotten"]["kept"]
    dataset = f"datasets/{story.second['dataset_version']}"
    assert "champion of payments is version 2" in kept[dataset]
    assert story.still["forgotten"]["people"] == 1
    assert {f"datasets/{one.version}" for one in story.left.datasets} == {dataset}
    assert {f"{one.kind}/{one.key}" for one in story.left.holdings} <= set(kept)


@pytest.mark.thorough
def test_then_the_persons_rows_are_in_no_file_of_the_warehouse(story):
    assert story.last["forgotten"]["kept"] == {}
    found = trace(story.shelf, {"customer_id": story.person})
    assert (found.holdings, found.datasets, found.untraceable) == ((), (), ())
    for file in story.shelf.root.rglob("*.parquet"):
        rows = pd.read_parquet(file)
        assert "customer_id" not in rows or story.person not in set(rows["customer_id"].astype(str)), file


@pytest.mark.thorough
def test_what_is_left_is_whole_and_serves(story):
    [left] = datasets.overview(story.project)["datasets"]
    assert (left["version"], left["models"][0]["aliases"]) == (story.third["dataset_version"], ["champion"])
    assert verify(story.project)["versions"] == len(everything(story.shelf))


# What needs what ---------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, payments):
    return load(placed(tmp_path, payments.head(10)).file, {})


@pytest.fixture
def shelf(project):
    """A home with two runs that ended, without a model registry: of each a snapshot, a verdict and a dataset."""
    shelf = Warehouse(project_home(project) / "warehouse")
    for run in "ab":
        kept(shelf, "snapshots", run)
        kept(shelf, "verdicts", run, [f"snapshots/{run}", *(["verdicts/a"] if run == "b" else [])])
        kept(shelf, "datasets", run, [f"snapshots/{run}", f"verdicts/{run}"])
        kept(shelf, "models", run, [f"datasets/{run}"])
    folder = project_home(project) / "runs" / "payments" / "1"
    folder.mkdir(parents=True)
    record = {"dataset_version": "b", "model_name": "payments", "model_version": "1"}
    (folder / "record.json").write_text(json.dumps(record))
    return shelf


def project_home(project):
    return Path(project.stores.home)


def kept(shelf, kind, key, inputs=(), *, age=1):
    with shelf.write(kind, key, recipe={"inputs": list(inputs)}) as draft:
        (draft.folder / "rows.txt").write_text(key)
    os.utime(shelf.root / kind / key, (age, age))


def tell(project, kind, **payload):
    open_project_ledger(project).append(kind, "payments", payload, who="ann", why="told")


def going(project, **options):
    return named(gc(project, **options)["going"])


def test_the_last_runs_versions_stay_and_what_they_were_compared_with(project, shelf):
    assert going(project) == {"snapshots/a", "datasets/a", "models/a", "models/b"}
    assert because(gc(project))["verdicts/a"] == "the last run of payments was compared with it"


def test_what_was_made_since_the_last_run_ended_stays(project, shelf):
    kept(shelf, "snapshots", "c", age=2**33)
    assert because(gc(project))["snapshots/c"] == "no run has ended since it was made"


def test_a_pin_keeps_all_that_is_behind_it_and_an_unpin_lets_it_go(project, shelf):
    pin(project, "a", who="ann", why="audit")
    assert going(project) == {"models/a", "models/b"}
    unpin(project, "a", who="ann", why="done")
    assert "datasets/a" in going(project)


@pytest.mark.parametrize(
    ("kind", "payload", "stays"),
    [
        (RELEASED, {"verdict": "x"}, {"verdicts/x"}),
        (EXPORTED, {"dataset_version": "a"}, {"datasets/a", "snapshots/a"}),
        (MOVED, {"versions": {"1": {"dataset_version": "a", "candidate": None}}}, {"datasets/a", "snapshots/a"}),
        ("snapshot.accepted", {"snapshot": "x", "verdict": "x"}, {"verdicts/x"}),
        ("labels.answered", {"answers": {}}, set()),
    ],
)
def test_a_ledger_entry_keeps_what_it_needs(project, shelf, kind, payload, stays):
    kept(shelf, "verdicts", "x", ["snapshots/a"])
    before = going(project)
    assert "verdicts/x" in before
    tell(project, kind, **payload)
    assert before - going(project) == stays


def test_a_kind_that_no_run_makes_stays_with_what_it_was_made_of(project, shelf):
    kept(shelf, "deliveries", "1", ["datasets/a"])
    assert going(project) == {"models/a", "models/b"}


def test_forgotten_rows_stay_for_a_pin_alone(project, shelf):
    """Neither the last run nor a release holds them; what does not descend from them is not asked about."""
    tell(project, RELEASED, verdict="b")
    tell(project, FORGOTTEN, pseudonym="p", holdings={"snapshots/b": 1, "verdicts/b": 1}, datasets={"b": []})
    assert going(project, forgotten_only=True) == {"snapshots/b", "verdicts/b", "datasets/b", "models/b"}
    pin(project, "b", who="ann", why="audit")
    found = gc(project, forgotten_only=True)
    assert named(found["going"]) == {"models/b"}
    assert found["forgotten"]["kept"]["verdicts/b"] == ["pinned: audit"]


def test_nothing_needed_is_touched_by_an_empty_collection(project, shelf):
    gc(project, remove=True)
    again = gc(project, remove=True)
    assert (again["going"], again["removed"], again["entry"]) == ([], False, None)
    assert everything(shelf) == {"snapshots/b", "verdicts/a", "verdicts/b", "datasets/b"}
    assert len(open_project_ledger(project).entries(COLLECTED)) == 1


def test_bytes_that_another_version_links_to_do_not_come_free(project, shelf):
    with shelf.write("snapshots", "c", recipe={"inputs": []}) as draft:
        draft.adopt(shelf.find("snapshots", "b"), ["rows.txt"])
    os.utime(shelf.root / "snapshots" / "c", (1, 1))
    found = gc(project)
    manifests = {one["version"]: one["bytes"] for one in found["going"] if one["kind"] == "snapshots"}
    total = sum(one["bytes"] for one in found["going"])
    assert set(manifests) == {"a", "c"}
    assert found["freed"] == total - len("b")


def test_a_registry_that_lost_its_models_is_no_reason_to_remove_everything(project, shelf):
    kept(shelf, "registrations", "a", ["datasets/a", "models/a"])
    with pytest.raises(
        StoreError, match=r"holds no model, though 1 were registered from this home.*nothing was removed"
    ):
        gc(project, remove=True)
    assert "datasets/a" in everything(shelf)


def test_a_version_that_cannot_be_read_stops_the_collection(project, shelf):
    (manifest := shelf.root / "models" / "b" / "manifest.json").chmod(0o644)
    manifest.write_text("{")
    with pytest.raises(StoreError, match=r"manifest\.json cannot be read"):
        gc(project, remove=True)
    assert len(everything(shelf)) == 8


def test_who_is_killed_while_removing_leaves_nothing_half_visible(project, shelf, tmp_path):
    """SIGKILL right after a rename, with the files still there: a draft to all who look, and to the next sweep."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(f"""
            import os, shutil, signal
            from pathlib import Path
            from rarecall.project import load
            from tasks.collect import collect
            shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
            collect(load(Path({str(tmp_path / "rarecall.yaml")!r}), {{}}), remove=True, who="ann", why="weekly")
        """)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(everything(shelf)) == 7
    for name in everything(shelf):
        shelf.verify(shelf.find(*name.split("/")))
    assert shelf.sweep() == 1
    gc(project, remove=True)
    assert everything(shelf) == {"snapshots/b", "verdicts/a", "verdicts/b", "datasets/b"}
