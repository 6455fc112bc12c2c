"""Keys are kept as digests, tell scopes apart, and are asked for where others can reach the server."""

import json
import stat
import threading

import pytest
from served import copied, features, project_in, running, stand

from rarecall.errors import DataError, StoreError
from serving.app import create_app
from serving.keys import FILE, Keys
from tasks.serve import keys_of, serve, server_of

ROW = {"entity": 17, "features": features()}


@pytest.fixture(scope="module")
def project(tmp_path_factory, template):
    made = copied(template, tmp_path_factory.mktemp("keys"))
    stand(made, champion="1")
    return made


@pytest.fixture(scope="module")
def keys(project):
    kept = keys_of(project)
    return {name: kept.add(name, [name]) for name in ("predict", "labels", "admin")}


@pytest.fixture(scope="module")
def served(project, keys):
    server = server_of(project, keys_of(project))
    with running(create_app(server), server) as at:
        yield at


def bearer(key):
    return {"authorization": f"Bearer {key}"}


def test_without_a_key_only_life_is_told(served):
    assert served.post("/predict", ROW)[0] == 401
    assert served.post("/labels", {"labels": []})[0] == 401
    for path in ("/", "/metrics", "/openapi.json", "/nothing"):
        assert served.get(path).status_code == 401
    assert served.get("/").headers["www-authenticate"].startswith("Basic")
    assert (served.get("/healthz").status_code, served.get("/readyz").status_code) == (200, 200)


def test_a_key_opens_what_its_scope_says(served, keys):
    def statuses(key):
        return (
            served.post("/predict", ROW, **bearer(key))[0],
            served.post("/labels", {"labels": []}, **bearer(key))[0],
            served.get("/metrics", **bearer(key)).status_code,
        )

    assert statuses(keys["predict"]) == (200, 403, 403)
    assert statuses(keys["labels"]) == (403, 200, 403)
    assert statuses(keys["admin"]) == (200, 200, 200)
    assert statuses(keys["predict"][:-1]) == (401, 401, 401)


@pytest.mark.parametrize("shown", ["Basic !!!", "Basic", "Bearer", "Bearer \xff", "Digest x", "Basic Og=="])
def test_what_is_no_key_is_refused(served, shown):
    import httpx

    answer = httpx.get(f"{served.url}/metrics", headers=[(b"authorization", shown.encode("latin-1"))])
    assert answer.status_code == 401


def test_a_browser_may_show_the_key_as_a_password(served, keys):
    import httpx

    assert httpx.get(f"{served.url}/", auth=("anyone", keys["admin"])).status_code == 200


def test_a_key_that_is_revoked_opens_nothing_from_then_on(served, project):
    key = keys_of(project).add("leaver", ["predict"])
    assert served.post("/predict", ROW, **bearer(key))[0] == 200
    keys_of(project).revoke("leaver")
    assert served.post("/predict", ROW, **bearer(key))[0] == 401


def test_the_file_holds_no_key_and_is_its_owners_alone(project, keys):
    file = keys_of(project)._file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not any(key in file.read_text() for key in keys.values())
    assert [one["name"] for one in json.loads(file.read_text())][:3] == ["predict", "labels", "admin"]


def test_two_that_add_at_once_both_have_a_key(tmp_path):
    adding = [threading.Thread(target=Keys(tmp_path).add, args=(f"k{n}", ["predict"])) for n in range(8)]
    for one in adding:
        one.start()
    for one in adding:
        one.join()
    assert {one.name for one in Keys(tmp_path).all()} == {f"k{n}" for n in range(8)}


@pytest.mark.parametrize(
    ("name", "scopes"), [("predict", ["predict"]), ("x", ["predicts"]), ("", ["admin"]), ("y", [])]
)
def test_a_key_that_cannot_be_made_is_refused(project, keys, name, scopes):
    with pytest.raises(DataError):
        keys_of(project).add(name, scopes)


def test_an_unknown_key_cannot_be_revoked(project, keys):
    with pytest.raises(DataError, match="there is no key 'predcit'; did you mean 'predict'"):
        keys_of(project).revoke("predcit")


def test_a_damaged_file_lets_nobody_in(tmp_path):
    (tmp_path / FILE).write_text("[{}]")
    with pytest.raises(StoreError, match="cannot be read as keys"):
        Keys(tmp_path).scopes_of("x")


def test_an_address_that_others_reach_needs_a_key_first(tmp_path):
    with pytest.raises(DataError, match=r"rarecall keys add NAME --scope predict"):
        serve(project_in(tmp_path), "0.0.0.0", 8000)  # noqa: S104 - it is refused


def test_no_key_stands_in_a_log(served, keys, caplog, capfd):
    served.post("/predict", ROW, **bearer(keys["predict"]))
    served.get("/metrics", **bearer("rck_wrong"))
    told = caplog.text + "".join(capfd.readouterr())
    assert "rck_" not in told
