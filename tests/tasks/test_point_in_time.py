"""Every row of a spine meets what was known of its entity at its moment: against a naive join, and against Feast's."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo import definitions
from rarecall.errors import DataError, StoreError
from rarecall.project import Project
from rarecall.tables import as_of
from tasks.feature_store import applying
from tasks.publish_features import publish

START = pd.Timestamp("2026-01-01", tz="UTC")
HOURS = st.integers(0, 6)
ROWS = st.lists(st.tuples(st.integers(0, 2), HOURS, st.none() | HOURS), min_size=1, max_size=12)
SPINE = st.lists(st.tuples(st.integers(0, 3), HOURS), min_size=1, max_size=8)


def moments(hours):
    known = [pd.NaT if hour is None else START + pd.Timedelta(hours=hour) for hour in hours]
    return pd.Series(pd.to_datetime(known, utc=True)).dt.as_unit("us")


def said(rows):
    """Return feature rows of (entity, hour of the event, hour in which it became known); each has its own value."""
    who, when, known = ([row[at] for row in rows] for at in range(3))
    return pd.DataFrame(
        {
            "id": np.array(who, dtype="int64"),
            "event_timestamp": moments(when),
            "created": moments(known),
            "value": np.arange(len(rows), dtype="float64"),
            "word": [f"word {at}" for at in range(len(rows))],
        }
    )


def asked(pairs):
    return pd.DataFrame(
        {
            "row_id": np.arange(len(pairs)),
            "id": np.array([who for who, _ in pairs], dtype="int64"),
            "event_timestamp": moments([when for _, when in pairs]),
        }
    )


def naive(spine, rows, *, created):
    """Look through all rows for each row of the spine, by the definition."""
    values = []
    for one in spine.itertuples():
        there = rows[(rows["id"] == one.id) & (rows["event_timestamp"] <= one.event_timestamp)]
        if created:
            there = there[there["created"].isna() | (there["created"] <= one.event_timestamp)]
        order = ["event_timestamp", "created"] if created else ["event_timestamp"]
        best = there.sort_values(order, kind="stable", na_position="first").tail(1)
        values.append(best[["value", "word"]].iloc[0].tolist() if len(best) else [np.nan, None])
    found = pd.DataFrame(values, columns=["value", "word"]).astype({"value": "float64", "word": object})
    return pd.concat([spine, found], axis=1)


def joined(folder, spine, rows, **how):
    file, target = folder / "rows.parquet", folder / "joined.parquet"
    rows.to_parquet(file, index=False)
    count = as_of.join(spine, file, target, keys=["id"], features=["value", "word"], **how)
    found = pd.read_parquet(target)
    assert count == len(found)
    return found


@pytest.mark.parametrize("created", [None, "created"])
@settings(max_examples=25, deadline=None)
@given(rows=ROWS, pairs=SPINE)
def test_equals_a_naive_join(tmp_path_factory, created, rows, pairs):
    """Late words, ties, repeated spine rows, unknown entities: all by the definition, in the spine's order."""
    spine, known = asked(pairs), said(rows)
    found = joined(tmp_path_factory.mktemp("join"), spine, known, created=created)
    pd.testing.assert_frame_equal(found, naive(spine, known, created=created))


def test_a_correction_counts_from_when_it_was_known(tmp_path):
    """An event of hour 1 is corrected in hour 3: rows of before keep what was known, and rows of after get it."""
    rows = said([(7, 1, 1), (7, 1, 3)])
    found = joined(tmp_path, asked([(7, 0), (7, 1), (7, 2), (7, 3), (7, 4)]), rows, created="created")
    assert found["value"].fillna(-1).tolist() == [-1, 0, 0, 1, 1]


def test_a_late_word_about_an_old_event_does_not_displace_a_newer_one(tmp_path):
    rows = said([(7, 1, 1), (7, 3, 3), (7, 2, 4)])
    found = joined(tmp_path, asked([(7, 3), (7, 5)]), rows, created="created")
    assert found["value"].tolist() == [1, 1]


def test_rows_that_share_key_and_time_all_come_out_in_their_order(tmp_path):
    spine = asked([(1, 5)] * 3 + [(0, 5)] + [(1, 5)]).assign(row_id=[4, 2, 9, 1, 0])
    found = joined(tmp_path, spine, said([(1, 2, None), (0, 1, None)]))
    assert found["row_id"].tolist() == [4, 2, 9, 1, 0]
    assert found["value"].tolist() == [0, 0, 0, 1, 0]


def test_of_one_moment_the_last_row_counts_across_the_files_of_a_folder(tmp_path):
    """Two deliveries say different things about one event: the second is the correction."""
    folder = tmp_path / "rows"
    folder.mkdir()
    for number, value in enumerate([1.0, 2.0]):
        said([(7, 1, None)]).assign(value=value).to_parquet(folder / f"part-{number}.parquet", index=False)
    as_of.join(asked([(7, 1)]), folder, tmp_path / "joined.parquet", keys=["id"], features=["value"])
    assert pd.read_parquet(tmp_path / "joined.parquet")["value"].tolist() == [2.0]


def test_names_are_names_whatever_they_hold(tmp_path):
    """A column may be called as SQL's words are, or hold a quote; nothing of it runs."""
    key, feature = 'select "id"; --', 'x" FROM rows'
    rows = said([(7, 1, None)]).rename(columns={"id": key, "value": feature})
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    spine = asked([(7, 2)]).rename(columns={"id": key})
    as_of.join(spine, tmp_path / "rows.parquet", tmp_path / "joined.parquet", keys=[key], features=[feature])
    assert pd.read_parquet(tmp_path / "joined.parquet")[feature].tolist() == [0.0]


def test_what_cannot_be_joined_is_said_in_a_sentence(tmp_path):
    rows, target = tmp_path / "rows.parquet", tmp_path / "joined.parquet"
    said([(7, 1, None)]).to_parquet(rows, index=False)
    with pytest.raises(DataError, match="has no column 'valu'; did you mean 'value'"):
        as_of.join(asked([(7, 1)]), rows, target, keys=["id"], features=["valu"])
    said([(7, 1, None)]).rename(columns={"value": "file_index"}).to_parquet(rows, index=False)
    with pytest.raises(DataError, match="'file_index' has a name that DuckDB gives itself"):
        as_of.join(asked([(7, 1)]), rows, target, keys=["id"], features=["file_index"])
    rows.write_bytes(rows.read_bytes()[:-40])
    with pytest.raises(StoreError, match="cannot be read as Parquet"):
        as_of.join(asked([(7, 1)]), rows, target, keys=["id"], features=["value"])
    (tmp_path / "none").mkdir()
    with pytest.raises(StoreError, match="holds no Parquet file"):
        as_of.join(asked([(7, 1)]), tmp_path / "none", target, keys=["id"], features=["value"])
    assert not target.exists()


def test_more_memory_than_allowed_is_said_in_a_sentence(tmp_path):
    rows = pd.concat([said([(7, 1, None)])] * 20_000, ignore_index=True)
    with pytest.raises(StoreError, match="needs more than 1MB of memory"):
        joined(tmp_path, asked([(7, 1)]), rows, memory="1MB")


@pytest.mark.parametrize("created", [False, True])
def test_feast_gives_the_same_rows(tmp_path, created):
    """The view that was published, asked through Feast itself: row for row what our join gives."""
    rng = np.random.default_rng(0)
    # No two rows of one entity share both moments: of such Feast takes any one.
    cells = {(int(who), int(when), int(known)) for who, when, known in rng.integers(0, 9, (200, 3))}
    rows = said(sorted(cells)).assign(label=np.int8(0), row_id=np.arange(len(cells)))
    if not created:
        rows = rows.drop_duplicates(["id", "event_timestamp"], ignore_index=True).drop(columns="created")
    file = tmp_path / "accepted.parquet"
    rows.to_parquet(file, index=False)
    values = {"name": "p", "source": {"path": "a.csv"}, "entity": "id", "label": {"column": "y", "positive": 1}}
    project = Project.model_validate(values | {"stores": {"home": str(tmp_path / "home")}})
    spine = asked([(int(who), int(when)) for who, when in rng.integers(0, 10, (60, 2))])
    with applying(project) as store:
        facts = publish(store, project, file, {})
    assert facts["view"] == definitions.view_name("p", facts["version"])
    assert facts["created"] == ("created" if created else None)
    theirs = (
        store.get_historical_features(
            entity_df=spine,
            features=[f"{facts['view']}:{name}" for name in facts["features"]],
            filter_by_created_timestamp=created,
        )
        .to_df()
        .sort_values("row_id", ignore_index=True)
    )
    how = {"keys": facts["keys"], "features": facts["features"], "created": facts["created"]}
    as_of.join(spine, file, tmp_path / "joined.parquet", **how)
    ours = pd.read_parquet(tmp_path / "joined.parquet")
    assert ours["value"].notna().sum() > 10
    pd.testing.assert_frame_equal(ours, theirs[list(ours)], check_dtype=False)
