"""Which rows a monitor looks at: a delivery, a table, or what the champion has not seen."""

import pandas as pd
import pyarrow as pa
import pytest

from rarecall.errors import DataError
from rarecall.project import Project
from tasks import append
from tasks.recent_rows import recent

KINDS = {"amount": "numeric", "active": "categorical", "code": "categorical"}


@pytest.fixture
def project(tmp_path) -> Project:
    return Project.model_validate({
        "name": "people", "source": {"deliveries": True}, "timestamp": "at", "entity": "id",
        "label": {"column": "left", "positive": 1, "delay": "2d"}, "stores": {"home": str(tmp_path)},
    })  # fmt: skip


@pytest.fixture
def delivered(project) -> Project:
    """Two deliveries of five days each, without Feast, which nobody here asks."""
    days = pd.date_range("2026-03-01", periods=10, tz="UTC").as_unit("us")
    rows = pd.DataFrame({
        "id": range(10), "at": days, "amount": range(10), "active": [True, False] * 5,
        "code": [3.0, None] * 5, "left": [1, 0] * 5, "event_timestamp": days,
    })  # fmt: skip
    for part in (rows.head(5), rows.tail(5)):
        append.deliveries(project).append(pa.Table.from_pandas(part, preserve_index=False))
    return project


def test_a_delivery_is_looked_at_by_its_number(delivered):
    found = recent(delivered, KINDS, {}, table="2", since=None)
    assert found.rows["id"].tolist() == [5, 6, 7, 8, 9]
    assert found.about["table"] == "delivery 2"
    with pytest.raises(DataError, match="expected a delivery from 1 to 2, got 3"):
        recent(delivered, KINDS, {}, table="3", since=None)


def test_features_are_as_a_snapshot_types_them(delivered):
    rows = recent(delivered, KINDS, {}, table="1", since=None).rows
    assert rows["active"].tolist() == ["true", "false", "true", "false", "true"]
    assert rows["code"].tolist() == ["3", None, "3", None, "3"]
    assert rows["amount"].dtype == "float64"


def test_a_label_that_may_still_change_is_not_known(delivered):
    positive = recent(delivered, KINDS, {}, table=None, since=None).positive
    assert positive.isna().tolist() == [False] * 8 + [True] * 2
    assert positive.sum() == 4


def test_of_the_source_only_what_the_champion_has_not_seen(delivered):
    seen = {"first": "2026-03-01T00:00:00+00:00", "last": "2026-03-04T00:00:00+00:00"}
    newer = recent(delivered, KINDS, seen | {"last_judged": "2026-03-06T00:00:00+00:00"}, table=None, since=None)
    assert (newer.rows["id"].tolist(), newer.about["note"]) == ([6, 7, 8, 9], None)
    older = recent(delivered, KINDS, seen | {"last_judged": "2026-03-10T00:00:00+00:00"}, table=None, since=None)
    assert older.rows["id"].tolist() == [4, 5, 6, 7, 8, 9]
    assert older.about["note"].startswith("the source has no row that is newer than the champion")
    since = recent(delivered, KINDS, seen, table=None, since=pd.Timestamp("2026-03-09", tz="UTC").to_pydatetime())
    assert since.rows["id"].tolist() == [8, 9]
