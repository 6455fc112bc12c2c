"""A real server over a real registry: what it answers, what it logs, and what it refuses with which words."""

import sqlite3
import time

import numpy as np
import orjson
import pandas as pd
import pytest
import sqlalchemy as sa
from served import KINDS, copied, features, running, stand, table

from monitoring.answers import answers
from monitoring.prediction_store import engine
from monitoring.predictions import url
from rarecall.traffic import arm
from rarecall.training import score
from serving.app import create_app
from serving.server import Limits
from tasks.serve import server_of


@pytest.fixture(scope="module")
def project(tmp_path_factory, template):
    """Two versions, of which the first is champion and the second canary."""
    made = copied(template, tmp_path_factory.mktemp("served"), canary={"share": 0.1})
    stand(made, champion="1", canary="2")
    return made


@pytest.fixture(scope="module")
def served(project):
    server = server_of(project, limits=Limits(rows=500))
    with running(create_app(server), server) as at:
        yield at


ENTITY = 5  # of the champion's


def logged(project, ids):
    with sqlite3.connect(f"{project.stores.home}/predictions/payments.db") as opened:
        marks = ",".join("?" * len(ids))
        return opened.execute(
            f"SELECT id, entity, arm, version, score, flagged, cohorts FROM predictions WHERE id IN ({marks})", ids
        ).fetchall()


def waited(what, seconds=20):
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def test_one_row_gets_the_score_of_the_model_that_answers(served, small_models):
    status, said = served.post("/predict", {"entity": ENTITY, "features": features()})
    assert status == 200
    model = small_models[said["version"] - 1]
    assert said["score"] == pytest.approx(float(score(model, pd.DataFrame([features()]))[0]), abs=1e-12)
    assert said["flagged"] == bool(said["score"] >= 0.3)
    assert (said["arm"], said["version"]) == ("champion", 1)


def test_many_rows_are_split_as_the_hash_says_and_each_is_scored_by_its_arm(served, small_models):
    rows = table(400, seed=3)
    sent = [
        {"entity": f"p{n}", "features": {k: None if pd.isna(v) else v for k, v in one.items()}}
        for n, one in enumerate(rows.to_dict("records"))
    ]
    status, said = served.post("/predict", {"rows": sent})
    assert status == 200
    arms = [one["arm"] for one in said["predictions"]]
    assert arms == [arm(f"p{n}", "payments 2", 0.1) for n in range(400)]
    assert 20 < arms.count("canary") < 60
    truth = np.array([score(model, rows) for model in small_models])
    assert [one["score"] for one in said["predictions"]] == pytest.approx(
        [truth[one["version"] - 1][n] for n, one in enumerate(said["predictions"])], abs=1e-12
    )
    assert len({one["id"] for one in said["predictions"]}) == 400


def test_columns_are_answered_as_the_same_rows_are(served):
    rows = table(300, seed=4)
    names = [f"p{n}" for n in range(300)]
    columns = {name: [None if pd.isna(v) else v for v in rows[name]] for name in rows}
    by_row = [{"entity": one, "features": dict(zip(columns, row, strict=True))}
              for one, row in zip(names, zip(*columns.values(), strict=True), strict=True)]  # fmt: skip
    said = [served.post("/predict", sent) for sent in ({"rows": by_row}, {"entities": names, "features": columns})]
    assert [status for status, _ in said] == [200, 200]
    first, second = ([{**one, "id": ""} for one in answer["predictions"]] for _, answer in said)
    assert first == second
    assert {one["arm"] for one in first} == {"champion", "canary"}


def test_a_batch_is_in_the_log_row_by_row_and_its_truth_is_taken(served, project):
    rows = [{"entity": f"b{n}", "features": features(amount=10.0 * n)} for n in range(30)]
    _, said = served.post("/predict", {"rows": rows})
    ids = {one["id"]: one for one in said["predictions"]}
    with engine(url(project)).connect() as connection:
        given = answers(connection)
        found = connection.execute(sa.select(given).where(given.c.id.in_(ids))).all()
    assert {(one.id, one.entity, one.arm, one.version, one.score, bool(one.flagged)) for one in found} == {
        (name, f"b{n}", one["arm"], one["version"], one["score"], one["flagged"])
        for n, (name, one) in enumerate(ids.items())
    }
    assert orjson.loads(next(one.cohorts for one in found if one.entity == "b6")) == {
        "region": "north", "amount": "50-200"
    }  # fmt: skip
    assert len({one.digest for one in found}) == 30
    told = {"labels": [{"id": name, "truth": 1} for name in ids]}
    assert served.post("/labels", told)[1]["new"] == 30


@pytest.mark.parametrize(
    ("sent", "field", "said"),
    [
        ({"entities": [1, 2], "features": {"amount": [1.0]}}, "features.amount", "expected a list of 2 values"),
        ({"entities": [1], "features": {"amount": 1.0}}, "features.amount", "expected a list of 1 values"),
        ({"entities": [1, None], "features": {}}, "entities.1", "is missing"),
        ({"entities": [], "features": {}}, "entities", "expected a list of entities, got an empty list"),
        ({"entities": [1], "features": []}, "features", "expected an object of columns"),
        ({"entities": [1], "rows": []}, "entities", "expected nothing beside rows"),
        ({"entities": [1], "columns": {}}, "columns", "expected nothing beside entities and features"),
        ({"entities": [1], "features": {"amount": [1.0], "hour": [3]}}, "features.region", "is missing"),
        (
            {"entities": [1], "features": {"amount": [1.0], "hour": [3], "region": [None], "x": [1]}},
            "features.x",
            "is no feature",
        ),
        (
            {"entities": [ENTITY] * 2, "features": {"amount": [1.0, True], "hour": [3, 4], "region": [None, "north"]}},
            "features.amount.1",
            "expected a number, got True",
        ),
        ({"entities": [1]}, "entities.0", "no online store"),
    ],
)
def test_what_is_wrong_with_columns_is_named(served, sent, field, said):
    status, answer = served.post("/predict", sent)
    assert status == 422
    assert answer["errors"][0]["field"] == field
    assert said in answer["errors"][0]["reason"]


def test_an_answer_is_in_the_log_when_it_is_sent(served, project):
    _, said = served.post("/predict", {"entity": "ann", "features": features(amount=60.0, region=None)})
    (row,) = logged(project, [said["id"]])
    assert row[:4] == (said["id"], "ann", said["arm"], said["version"])
    assert (row[4], bool(row[5])) == (said["score"], said["flagged"])
    assert orjson.loads(row[6]) == {"region": "missing", "amount": "50-200"}


def test_the_canary_sees_the_champions_rows_beside_the_traffic(served, project, small_models):
    _, said = served.post("/predict", {"entity": ENTITY, "features": features(amount=77.0)})
    assert said["arm"] == "champion"

    def shadows():
        with sqlite3.connect(f"{project.stores.home}/predictions/payments.db") as opened:
            asked = "SELECT version, score, flagged FROM shadows WHERE prediction = ?"
            return opened.execute(asked, [said["id"]]).fetchall()

    ((version, shadow, flagged),) = waited(shadows)
    assert version == 2
    assert shadow == pytest.approx(float(score(small_models[1], pd.DataFrame([features(amount=77.0)]))[0]), abs=1e-12)
    assert bool(flagged) == (shadow >= 0.3)


def test_labels_are_taken_once_however_often_they_come(served):
    ids = [served.post("/predict", {"entity": n, "features": features()})[1]["id"] for n in range(3)]
    sent = {"labels": [{"id": one, "truth": n == 0} for n, one in enumerate(ids)] + [{"id": "nobody's", "truth": 1}]}
    assert served.post("/labels", sent) == (200, {"new": 3, "same": 0, "changed": 0, "late": 0, "unknown": 1})
    assert served.post("/labels", sent)[1]["same"] == 3


def test_a_category_that_was_never_learned_from_is_scored_as_missing_and_counted(served, small_models):
    _, said = served.post("/predict", {"entity": ENTITY, "features": features(region="atlantis")})
    missing = float(score(small_models[0], pd.DataFrame([features(region=None)]))[0])
    assert said["score"] == pytest.approx(missing, abs=1e-12)
    assert 'rarecall_serving_unseen_categories_total{feature="region"} ' in served.get("/metrics").text


def test_a_code_may_come_as_the_number_that_it_reads_as(served):
    both = [served.post("/predict", {"entity": ENTITY, "features": features(region=value)})[1] for value in ("3", 3)]
    assert both[0]["score"] == both[1]["score"]


REFUSED = {
    "no JSON": (b"{", 400, "body", "expected JSON in UTF-8"),
    "broken UTF-8": (b'{"entity": "\xff"}', 400, "body", "expected JSON in UTF-8"),
    "half a surrogate": (b'{"entity": "\\ud800"}', 400, "body", "expected JSON in UTF-8"),
    "NaN": (b'{"entity": 1, "features": {"amount": NaN}}', 400, "body", "expected JSON in UTF-8"),
    "Infinity": (b'{"entity": 1, "features": {"amount": 1e999}}', 400, "body", "infinity"),
    "nested for ever": (b"[" * 100_000, 400, "body", "depth"),
    "a list": ([1], 422, "body", "expected an object"),
    "no entity": ({"features": features()}, 422, "entity", "is missing"),
    "an empty entity": ({"entity": "", "features": features()}, 422, "entity", "expected a text"),
    "half an entity": ({"entity": 1.5, "features": features()}, 422, "entity", "got 1.5"),
    "an entity beyond a key": ({"entity": 2**64 - 1, "features": features()}, 422, "entity", "whole number"),
    "NUL": ({"entity": "a\0b", "features": features()}, 422, "entity", "expected a text"),
    "a text for a number": ({"entity": 1, "features": features(amount="12")}, 422, "features.amount", "got '12'"),
    "a flag for a number": ({"entity": 1, "features": features(hour=True)}, 422, "features.hour", "got True"),
    "a list for a number": ({"entity": 1, "features": features(hour=[1])}, 422, "features.hour", "got a list"),
    "a number for a text": ({"entity": 1, "features": features(region=7)}, 422, "features.region", "got 7"),
    "NUL in a text": ({"entity": 1, "features": features(region="\0")}, 422, "features.region", "without NUL"),
    "a text without end": ({"entity": 1, "features": features(region="x" * 2000)}, 422, "features.region", "at most"),
    "a feature too few": ({"entity": 1, "features": {"amount": 1, "hour": 2}}, 422, "features.region", "is missing"),
    "a feature too many": ({"entity": 1, "features": features(regoin="x")}, 422, "features.regoin", "mean 'region'"),
    "features in a list": ({"entity": 1, "features": []}, 422, "features", "expected an object"),
    "another field": ({"entity": 1, "feature": {}}, 422, "feature", "mean 'features'"),
    "no rows": ({"rows": []}, 422, "rows", "an empty list"),
    "rows and more": ({"rows": [{}], "entity": 1}, 422, "entity", "nothing beside rows"),
    "a row of many": ({"rows": [{"entity": 1, "features": features()}, 4]}, 422, "rows.1", "got 4"),
    "too many rows": ({"rows": [{}] * 501}, 413, "rows", "at most 500"),
    "no online store": ({"entity": 1}, 422, "entity", "no features beside it"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_answered_is_refused_with_the_field_and_the_reason(served, name):
    body, status, field, reason = REFUSED[name]
    found, said = served.post("/predict", body)
    assert found == status, said
    assert said["errors"][0]["field"] == field
    assert reason in said["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"labels": 3}, "body"),
        ({"labels": [3]}, "labels.0"),
        ({"labels": [{"id": 3, "truth": 1}]}, "labels.0.id"),
        ({"labels": [{"id": "a", "truth": 2}]}, "labels.0.truth"),
        ({"labels": [{"id": "a", "truth": 1, "at": "soon"}]}, "labels.0.at"),
        ({"labels": [{"id": "a", "truth": 1, "when": 3}]}, "labels.0.when"),
    ],
)
def test_a_label_that_is_none_is_refused(served, body, field):
    status, said = served.post("/labels", body)
    assert (status, said["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_ten_megabytes_is_refused(served, announced):
    import httpx

    whole = b'{"rows": [' + b" " * 10_000_000 + b"]}"
    content = whole if announced else (whole[at : at + 100_000] for at in range(0, len(whole), 100_000))
    answer = httpx.post(
        f"{served.url}/predict", content=content, headers={"content-type": "application/json"}, timeout=30
    )
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["field"] == "body"


def test_other_forms_methods_and_paths_are_refused(served):
    assert served.post("/predict", b"{}", **{"content-type": "text/plain"})[0] == 415
    for path in ("/predict", "/labels"):
        assert served.get(path).status_code == 405
    assert served.get("/nothing").json() == {"errors": [{"field": "path", "reason": "there is no such route"}]}


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 421), ("evil.example:80", 421), ("localhost:1", 200), ("127.0.0.2", 200), ("[::1]:8000", 200)],
)
def test_a_name_that_was_bent_to_this_address_is_refused(served, host, status):
    assert served.get("/healthz", host=host).status_code == status


def test_a_thousand_unknown_features_cost_no_more_than_the_first_few(served):
    status, said = served.post("/predict", {"entity": 1, "features": {f"unknown {n}": 1 for n in range(5000)}})
    assert status == 422
    assert len(said["errors"]) == 20


def test_every_answer_tells_a_browser_to_keep_out(served):
    for path in ("/healthz", "/readyz", "/metrics", "/", "/openapi.json", "/nothing"):
        headers = served.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_readiness_says_what_serves_and_how_it_is_scored(served):
    told = served.get("/readyz").json()
    assert told["ready"] is True
    assert (told["champion"]["version"], told["canary"]["version"], told["canary_share"]) == (1, 2, 0.1)
    assert told["champion"]["compiled"] is True
    assert told["registry"]["away"] is None


def test_metrics_count_arms_scores_cohorts_and_versions(served):
    from prometheus_client.parser import text_string_to_metric_families

    before = {
        (s.name, *sorted(s.labels.items())): s.value
        for family in text_string_to_metric_families(served.get("/metrics").text)
        for s in family.samples
    }
    served.post("/predict", {"entity": ENTITY, "features": features(amount=1.0)})
    families = list(text_string_to_metric_families(served.get("/metrics").text))
    now = {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}
    grown = {key: now[key] - before.get(key, 0) for key in now}
    champion = ("arm", "champion")
    assert grown["rarecall_serving_rows_total", champion, ("version", "1")] == 1
    assert grown["rarecall_serving_score_count", champion] == 1
    assert grown["rarecall_serving_cohort_rows_total", champion, ("cohort", "amount"), ("value", "<50")] == 1
    assert grown["rarecall_serving_latency_seconds_count", ("route", "predict")] == 1
    assert now["rarecall_serving_model_version", ("arm", "canary")] == 2
    assert now["rarecall_serving_registry_away",] == 0


def test_the_document_names_the_champions_features(served):
    told = served.get("/openapi.json").json()
    row = told["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"][0]
    assert row["properties"]["features"]["required"] == list(KINDS)
    assert served.post("/predict", row["example"])[0] == 200
    assert {"/predict", "/labels", "/healthz", "/readyz", "/metrics", "/"} == set(told["paths"])
