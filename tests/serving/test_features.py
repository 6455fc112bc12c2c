"""The features that a model reads online: in its order, as it was trained, and the unknown ones said."""

import numpy as np
import pandas as pd
import pytest
from feast import FeatureService
from published import project_in, publish

from rarecall.errors import DataError
from serving.features import FeatureReader
from tasks.feature_store import open_store
from tasks.materialize import materialize


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    project = project_in(tmp_path_factory.mktemp("features"))
    rows = pd.DataFrame(
        {
            "row_id": [0, 1],
            "event_timestamp": pd.to_datetime(["2026-01-01", "2026-01-02T03:04:05.000006"], utc=True, format="ISO8601"),
            "label": [0, 1],
            "customer": ["a", "7"],
            "amount": [0.1 + 0.2, np.nan],
            "visits": [2**53 + 1, -3],
            "city": ["Oslo", None],
            "member": ["true", "false"],
        }
    )
    publish(project, rows)
    materialize(project)
    return open_store(project)


def asked(store, names, *customers):
    reader = FeatureReader(store, [f"cards_features:{name}" for name in names])
    found = reader.read([{"customer": one} for one in customers])
    reader.close()
    return found


def test_columns_come_in_the_order_asked_and_typed_as_in_the_training_set(store):
    rows = asked(store, ["city", "visits", "member", "amount"], "7", "a").rows
    expected = pd.DataFrame(
        {
            "city": np.array([None, "Oslo"], dtype=object),
            "visits": [-3, 2**53 + 1],
            "member": np.array(["false", "true"], dtype=object),
            "amount": [np.nan, 0.1 + 0.2],
        }
    )
    pd.testing.assert_frame_equal(rows, expected, check_exact=True)


def test_an_unknown_entity_is_named_and_all_missing(store):
    found = asked(store, ["amount", "visits", "city"], "nobody", "a")
    assert (found.unknown, found.moments[0]) == ((0,), None)
    assert found.rows.isna().to_numpy().tolist() == [[True] * 3, [False] * 3]
    assert found.rows["city"].tolist() == [None, "Oslo"]


def test_a_missing_feature_is_not_an_unknown_entity(store):
    found = asked(store, ["amount", "city"], "7")
    assert (found.unknown, found.rows.isna().to_numpy().all()) == ((), True)
    assert found.moments[0].isoformat() == "2026-01-02T03:04:05.000006+00:00"


def test_one_entity_may_be_asked_for_twice(store):
    assert asked(store, ["city"], "a", "x", "a").rows["city"].tolist() == ["Oslo", None, "Oslo"]


def test_nobody_is_nothing(store):
    assert asked(store, ["city", "amount"]).rows.shape == (0, 2)


def test_a_feature_service_says_what_its_model_reads(store):
    view = store.get_feature_view("cards_features")
    store.apply(FeatureService(name="model_1", features=[view[["member", "amount"]]]))
    reader = FeatureReader(store, store.get_feature_service("model_1"))
    assert reader.columns == ["member", "amount"]
    assert reader.read([{"customer": "a"}]).rows.iloc[0].tolist() == ["true", 0.1 + 0.2]
    reader.close()


def test_feast_itself_reads_the_same(store):
    """Any Feast user who opens the home's `feature_store.yaml` gets what the model gets."""
    names = ["amount", "visits", "city", "member"]
    answer = store.get_online_features([f"cards_features:{name}" for name in names], [{"customer": "a"}]).to_dict()
    assert [answer[name][0] for name in names] == asked(store, names, "a").rows.iloc[0].tolist()


@pytest.mark.parametrize(
    ("names", "entity", "said"),
    [
        (["amont"], {"customer": "a"}, "the view cards_features has no feature 'amont'; did you mean 'amount'"),
        (["amount"], {"custmer": "a"}, "expected a value of 'customer' for each entity, got custmer"),
        (["amount"], {"customer": 7}, "customer: expected the type that the table has"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(store, names, entity, said):
    with pytest.raises(DataError, match=said):
        FeatureReader(store, [f"cards_features:{name}" for name in names]).read([entity])


def test_a_name_without_its_view_is_refused(store):
    with pytest.raises(DataError, match="expected features as view:feature, got 'amount'"):
        FeatureReader(store, ["amount"])
