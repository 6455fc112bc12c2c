"""A row that sends no features is scored by those that are online, for the version that answers it."""

import shutil

import numpy as np
import pandas as pd
import pytest
from published import publish
from served import KINDS, copied, features, running, stand, table

from feature_repo import definitions
from rarecall.training import score
from serving import registry
from serving.app import create_app
from tasks.feature_store import applying
from tasks.materialize import materialize
from tasks.serve import server_of

SERVICE = "rarecall.feature_service"


@pytest.fixture(scope="module")
def rows():
    return table(50, seed=9)


@pytest.fixture(scope="module")
def project(tmp_path_factory, template, rows):
    made = copied(template, tmp_path_factory.mktemp("lookup"))
    moment = pd.Timestamp("2026-01-01", tz="UTC").as_unit("us")
    spine = {"row_id": np.arange(50), "event_timestamp": moment, "label": 0, "payment_id": np.arange(50)}
    publish(made, pd.DataFrame(spine | {name: rows[name].to_numpy() for name in KINDS}))
    with applying(made) as store:
        view = store.get_feature_view("payments_features")
        store.apply([definitions.feature_service("payments_v1", view, list(KINDS), {})])
    registry.connect(made).set_model_version_tag(made.name, "1", SERVICE, "payments_v1")
    stand(made, champion="1")
    materialize(made)
    return made


@pytest.fixture(scope="module")
def served(project):
    server = server_of(project)
    with running(create_app(server), server) as at:
        yield at


def test_an_entity_alone_is_scored_as_with_its_features(served, small_models, rows):
    status, said = served.post("/predict", {"rows": [{"entity": n} for n in range(50)]})
    assert status == 200
    truth = score(small_models[0], rows)
    assert [one["score"] for one in said["predictions"]] == pytest.approx(truth.tolist(), abs=1e-12)


def test_rows_with_features_and_without_may_stand_side_by_side(served, small_models, rows):
    sent = [{"entity": 3}, {"entity": "new", "features": features()}]
    _, said = served.post("/predict", {"rows": sent})
    both = pd.concat([rows.iloc[[3]], pd.DataFrame([features()])])
    assert [one["score"] for one in said["predictions"]] == pytest.approx(score(small_models[0], both).tolist())


@pytest.mark.parametrize("entity", [99, "3"])
def test_an_entity_that_is_not_online_is_named(served, entity):
    status, said = served.post("/predict", {"rows": [{"entity": 3}, {"entity": entity}]})
    assert status == 422
    assert said["errors"][0]["field"] in {"rows.0.entity", "rows.1.entity"}


def test_a_store_that_is_away_is_told_and_rows_with_features_are_answered(served, project, tmp_path):
    place = f"{project.stores.home}/feast/online.sqlite"
    served.server.lookup._readers["payments_v1"].close()
    shutil.move(place, tmp_path)
    try:
        with open(place, "wb") as file:  # noqa: PTH123 - what is no database
            file.write(b"no database" * 100)
        status, said = served.post("/predict", {"entity": 3})
        assert (status, said["errors"][0]["field"]) == (503, "entity")
        assert str(project.stores.home) not in str(said)
        assert served.post("/predict", {"entity": 3, "features": features()})[0] == 200
    finally:
        shutil.move(tmp_path / "online.sqlite", place)
