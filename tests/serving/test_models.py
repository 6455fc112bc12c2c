"""Aliases are followed as they move, without a request that fails; what serves stays while the registry is away."""

import threading
import time
from pathlib import Path

import pytest
from served import copied, features, fitted, register, running, stand

from rarecall.errors import RarecallError
from rarecall.traffic import arm
from serving import registry
from serving.app import create_app
from serving.model import FILE
from serving.models import Models
from tasks.serve import server_of

ROW = {"entity": 17, "features": features()}


@pytest.fixture
def project(tmp_path, template):
    return copied(template, tmp_path)


def broken(project, model) -> Path:
    """Register a third version and return its file, which the test breaks."""
    (version,) = register(project, model)
    source = registry.connect(project).get_model_version(project.name, version).source
    return Path(source.removeprefix("file://")) / FILE


def until(what, seconds=5.0):
    """Wait until it is so, at most as long as an alias may take to be followed."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it took longer"
        time.sleep(0.05)


def test_a_moved_alias_is_followed_and_no_request_fails_meanwhile(project):
    stand(project, champion="1")
    server = server_of(project)
    found = []
    with running(create_app(server), server) as at:
        stop = threading.Event()

        def ask():
            while not stop.is_set():
                found.append(at.post("/predict", ROW))

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for version in (2, 1, 2):
                stand(project, champion=str(version))
                until(lambda: found and found[-1][1]["version"] == version)  # noqa: B023 - asked within the turn
        finally:
            stop.set()
            asking.join()
    assert {status for status, _ in found} == {200}
    assert {said["version"] for _, said in found} == {1, 2}


def test_there_is_no_model_until_one_is_champion(project):
    server = server_of(project)
    with running(create_app(server), server) as at:
        assert at.get("/healthz").status_code == 200
        assert (at.get("/readyz").status_code, at.get("/readyz").json()["ready"]) == (503, False)
        status, said = at.post("/predict", ROW)
        assert (status, said["errors"][0]["field"]) == (503, "model")
        stand(project, champion="1")
        until(lambda: at.get("/readyz").status_code == 200)
        assert at.post("/predict", ROW)[0] == 200


def test_the_last_good_model_serves_while_the_registry_is_away(project):
    stand(project, champion="1")
    file = registry.folder(project) / "mlflow.db"
    models = Models(project)
    models.look()
    champion = models.now.champion
    file.rename(file.with_suffix(".gone"))
    models.look()
    assert models.now.champion is champion
    assert models.registry.away == "the registry's database is not where it was"
    assert not file.exists()
    file.write_bytes(b"no database")
    models.look()
    assert (models.now.champion, models.registry.away is None) == (champion, False)
    assert str(project.stores.home) not in models.registry.away
    file.with_suffix(".gone").rename(file)
    stand(project, champion="2")
    models.look()
    assert (models.now.champion.version, models.registry.away) == (2, None)


def test_a_version_that_cannot_be_loaded_is_told_and_the_one_before_serves(project, small_models):
    stand(project, champion="1")
    models = Models(project)
    models.look()
    broken(project, small_models[1]).write_bytes(b"no model")
    stand(project, champion="3")
    models.look()
    assert models.now.champion.version == 1
    assert models.registry.refused["3"].startswith("model.skops cannot be read as a model")


def test_a_canary_that_cannot_be_loaded_is_no_canary(project, small_models):
    broken(project, small_models[1]).unlink()
    stand(project, champion="1", canary="3")
    models = Models(project)
    models.look()
    assert (models.now.champion.version, models.now.canary) == (1, None)
    assert set(models.registry.refused) == {"3"}


def test_a_version_is_loaded_once_however_often_it_comes_back(project, monkeypatch):
    loaded = []
    true = registry.load
    monkeypatch.setattr(
        registry, "load", lambda client, version: loaded.append(version.version) or true(client, version)
    )
    models = Models(project)
    for version in ("1", "2", "1", "2"):
        stand(project, champion=version)
        models.look()
        assert models.now.champion.version == int(version)
    assert [str(one) for one in loaded] == ["1", "2"]


def test_the_share_is_the_registrys_where_it_says_one(project):
    stand(project, champion="1", canary="2")
    models = Models(project)
    models.look()
    assert (models.now.share, models.now.salt) == (0.05, "payments 2")
    client = registry.connect(project)
    for told, share in (("0.01", 0.01), ("0.1", 0.1), ("0.5", 0.05), ("much", 0.05)):
        client.set_registered_model_tag(project.name, "rarecall.canary_share", told)
        models.look()
        assert models.now.share == share


def test_a_canary_that_reads_more_leaves_rows_without_it_to_the_champion(tmp_path, template):
    narrow = fitted(0, kinds={"amount": "numeric", "region": "categorical"})
    project = copied(template, tmp_path, canary={"share": 0.1})
    register(project, narrow)
    stand(project, champion="3", canary="2")
    server = server_of(project)
    few = {"amount": 4.0, "region": "north"}
    with running(create_app(server), server) as at:
        entities = [str(n) for n in range(100)]
        with_hour = [{"entity": one, "features": features()} for one in entities]
        without = [{"entity": one, "features": few} for one in entities]
        full = [one["arm"] for one in at.post("/predict", {"rows": with_hour})[1]["predictions"]]
        less = [one["arm"] for one in at.post("/predict", {"rows": without})[1]["predictions"]]
        assert full.count("canary") > 3
        assert set(less) == {"champion"}
        assert server.metrics.skipped == full.count("canary")


def test_a_canary_that_fails_costs_no_request(project, monkeypatch):
    stand(project, champion="1", canary="2")
    server = server_of(project)

    def raises(_):
        raise RarecallError("broken")

    monkeypatch.setattr("serving.server._TALLY", 600.0)
    with running(create_app(server), server) as at:
        canary = server.models.now.canary
        object.__setattr__(canary.scorer, "many", raises)
        object.__setattr__(canary.scorer, "one", raises)
        rows = [{"entity": str(n), "features": features()} for n in range(100)]
        status, said = at.post("/predict", {"rows": rows})
        assert (status, {one["arm"] for one in said["predictions"]}) == (200, {"champion"})
        assert server.outcomes["canary", 2, "failed"] == 1
        assert {at.post("/predict", one)[1]["arm"] for one in rows} == {"champion"}
        alone = server.outcomes["canary", 2, "failed"] - 1
        assert alone == sum(arm(str(n), "payments 2", 0.05) == "canary" for n in range(100)) > 0


def test_what_only_the_canary_refuses_the_champion_answers(tmp_path, template):
    """A canary to which a column is a category refuses the number that its champion takes."""
    other = fitted(1, kinds={"amount": "categorical", "hour": "numeric", "region": "categorical"})
    project = copied(template, tmp_path, canary={"share": 0.1})
    register(project, other)
    stand(project, champion="1", canary="3")
    server = server_of(project)
    entities = [f"p{n}" for n in range(200)]
    of_canary = [one for one in entities if arm(one, "payments 3", 0.1) == "canary"]
    with running(create_app(server), server) as at:
        rows = [{"entity": one, "features": features()} for one in entities]
        status, said = at.post("/predict", {"rows": rows})
        assert (status, {one["arm"] for one in said["predictions"]}) == (200, {"champion"})
        assert server.metrics.skipped == len(of_canary) > 5
        status, said = at.post("/predict", {"entity": of_canary[0], "features": features()})
        assert (status, said["arm"], server.metrics.skipped) == (200, "champion", len(of_canary) + 1)
        refused = at.post("/predict", {"entity": of_canary[0], "features": features(hour="noon")})
        assert (refused[0], refused[1]["errors"][0]["field"]) == (422, "features.hour")
        assert server.metrics.skipped == len(of_canary) + 1, "what the champion refuses too was not skipped"
