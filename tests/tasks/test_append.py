"""What is appended is what the next snapshot is made of, and what any Feast user finds by its version."""

import json

import pandas as pd
import pytest
from places import Place, placed

from flows.commands.append import _show_delivered
from rarecall.errors import DataError
from rarecall.kinship.descent import trace
from rarecall.project import load
from rarecall.tables.table import DELIVERIES, Table
from rarecall.warehouse import MANIFEST, Warehouse
from tasks.append import all_rows, append, deliveries, publish
from tasks.feature_store import open_store
from tasks.ingest import ingest
from tasks.preflight import preflight

pytestmark = pytest.mark.filterwarnings("ignore:Retrieving datasets is an experimental feature:RuntimeWarning")


@pytest.fixture
def place(tmp_path, payments) -> Place:
    """A project that reads what is appended, and three deliveries of its table."""
    made = placed(tmp_path, payments.head(900), source={"deliveries": True})
    for name, rows in {"a": payments[:400], "b": payments[400:700], "c": payments[700:900]}.items():
        rows.to_csv(made.folder / f"{name}.csv", index=False)
        rows.to_parquet(made.folder / f"{name}.parquet", index=False)
    return made


def delivered(place: Place, *names: str) -> list[dict]:
    return [append(load(place.file, {}), str(place.folder / name)) for name in names]


def snapshot(place: Place, **changes) -> pd.DataFrame:
    """Return the rows of the snapshot that a run would take, and let no server start for it."""
    place.settings(**changes)
    plan = ingest.__wrapped__(load(place.file, {}))
    shelf = Warehouse(place.home / "warehouse")
    key = f"k{len(shelf.keys('snapshots'))}"
    with shelf.write("snapshots", key, recipe=plan.whole_recipe("ingest")) as draft:
        plan.write(draft)
    return pd.read_parquet(shelf.find("snapshots", key).file("rows.parquet"))


def test_a_delivery_says_what_it_made(place):
    first, second = delivered(place, "a.csv", "b.csv")
    assert {name: first[name] for name in ("version", "rows", "total", "partitions", "is_new")} == {
        "version": 1, "rows": 400, "total": 400, "partitions": 1, "is_new": True,
    }  # fmt: skip
    assert (second["version"], second["rows"], second["total"], second["partitions"]) == (2, 300, 700, 2)


def test_a_snapshot_of_deliveries_is_a_snapshot_of_the_whole_file(place):
    """Row for row and type for type: `row_id` is the offset in the whole."""
    delivered(place, "a.csv", "b.csv", "c.csv")
    of_deliveries = snapshot(place, source={"deliveries": True})
    of_the_file = snapshot(place, source={"path": "payments.csv.gz"})
    pd.testing.assert_frame_equal(of_deliveries, of_the_file)
    assert len(of_deliveries) == 900


def test_the_snapshot_names_the_version_it_was_made_of(place):
    [first] = delivered(place, "a.csv")
    snapshot(place, source={"deliveries": True})
    delivered(place, "b.csv")
    assert len(snapshot(place, source={"deliveries": True})) == 700
    shelf = Warehouse(place.home / "warehouse")
    manifest = json.loads(shelf.find("snapshots", "k0").file(MANIFEST).read_text())
    assert manifest["recipe"]["inputs"] == [f"{DELIVERIES}/{first['key']}"]
    assert manifest["facts"]["deliveries"] == 1


def test_the_same_file_twice_changes_nothing(place):
    first, _, again = delivered(place, "a.csv", "b.csv", "a.csv")
    assert (again["delivered_as"], again["is_new"], again["version"], again["total"]) == (1, False, 2, 700)
    assert first["delivered_as"] == 1
    assert len(deliveries(load(place.file, {})).versions()) == 2


@pytest.mark.parametrize("names", [("a.csv", "b.parquet"), ("a.parquet", "b.csv")])
def test_files_of_both_kinds_follow_one_another(place, names):
    """Dates are texts in a CSV and moments in Parquet; the first delivery decides."""
    delivered(place, *names)
    rows = all_rows(load(place.file, {}), deliveries(load(place.file, {})).head())
    source = pd.read_csv(place.folder / "payments.csv.gz").head(700)
    for name in ("paid_at", "labelled_at"):
        moments = [pd.to_datetime(one[name], utc=True, format="ISO8601") for one in (rows, source)]
        pd.testing.assert_series_equal(*moments, check_dtype=False)
    assert rows["amount"].tolist() == source["amount"].tolist()


def test_a_csv_whose_codes_are_all_digits_is_still_of_texts(place):
    """A column of texts stays one where a small delivery happens to hold digits only."""
    frame = pd.read_csv(place.folder / "b.csv")
    delivered(place, "a.csv")
    frame.assign(region="007").to_csv(place.folder / "digits.csv", index=False)
    delivered(place, "digits.csv")
    assert deliveries(load(place.file, {})).read()["region"].to_pylist()[-1] == "007"


def test_a_marker_that_was_named_later_empties_what_was_delivered_before(place):
    delivered(place, "a.csv")
    region = pd.read_csv(place.folder / "a.csv")["region"].iloc[0]
    rows = snapshot(place, source={"deliveries": True}, missing={"markers": [region]})
    assert rows["region"].isna().any()
    assert region not in set(rows["region"])


def test_each_version_is_retrieved_from_feast_by_its_name(place):
    """Whole, with the rows that it had then, also after the next one."""
    first, second = delivered(place, "a.csv", "b.csv")
    store, source = open_store(load(place.file, {})), pd.read_csv(place.folder / "payments.csv.gz")
    for done in (first, second):
        rows = store.get_saved_dataset(done["dataset"]).to_df()
        assert sorted(rows["payment_id"]) == sorted(source["payment_id"].head(done["total"]))
        assert {"amount", "is_fraud", "event_timestamp"} <= set(rows)


def test_a_column_that_came_later_is_retrieved_from_feast(place):
    """And missing before: DuckDB reads the whole folder by one schema."""
    delivered(place, "a.csv")
    frame = pd.read_csv(place.folder / "b.csv").assign(device=["phone", "card"] * 150)
    frame.assign(amount=frame["amount"] + 0.125).to_csv(place.folder / "wider.csv", index=False)
    [wider] = delivered(place, "wider.csv")
    assert wider["added"] == ["device"]
    rows = open_store(load(place.file, {})).get_saved_dataset(wider["dataset"]).to_df().sort_values("payment_id")
    assert rows["device"].isna().tolist() == [True] * 400 + [False] * 300
    assert rows["amount"].iloc[400:].tolist() == (frame["amount"] + 0.125).tolist()


def test_what_a_killed_writer_left_unregistered_is_registered_by_the_next(place):
    project = load(place.file, {})
    [first] = delivered(place, "a.csv")
    table = deliveries(project)
    rows = table.read()
    for start in (0, 10, 20):
        table.append(rows.slice(start, 10))
    publish(project, table, table.head())
    names = {one.name for one in open_store(project).list_saved_datasets()}
    assert names == {f"payments_{DELIVERIES}_{version.key}" for version in table.versions()}
    assert first["dataset"] in names


def test_a_project_that_reads_elsewhere_takes_no_delivery(place):
    place.settings(source={"path": "payments.csv.gz"})
    with pytest.raises(DataError, match="expected deliveries: true, got another source, so no run would read what"):
        delivered(place, "a.csv")


def test_a_project_without_a_delivery_says_so_before_anything_starts(place):
    with pytest.raises(DataError, match="nothing has been delivered yet; deliver a file with rarecall append FILE"):
        preflight(load(place.file, {}))
    assert not place.home.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda rows: rows.drop(columns="amount_to_mean"),
            "the delivery has no column 'amount_to_mean', which deliveries has",
        ),
        (lambda rows: rows.drop(columns="is_fraud"), "label.column: the table has no column 'is_fraud'"),
        (lambda rows: rows.assign(amount="a lot"), "the delivery's column 'amount' holds string, where deliveries"),
        (lambda rows: rows.assign(row_id=1), "the column 'row_id' has a name that the product adds itself"),
        (lambda rows: rows.assign(paid_at="yesterday"), "timestamp: row 0 of 'paid_at' holds 'yesterday'"),
        (lambda rows: rows.head(0), "expected rows, got an empty table"),
    ],
)
def test_a_delivery_that_does_not_fit_is_one_sentence_and_changes_nothing(place, change, said):
    delivered(place, "a.csv")
    change(pd.read_csv(place.folder / "b.csv")).to_csv(place.folder / "bad.csv", index=False)
    with pytest.raises(DataError) as refusal:
        delivered(place, "bad.csv")
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert [version.facts["number"] for version in deliveries(load(place.file, {})).versions()] == [1]


def test_people_are_told_what_became_of_their_file(place, capsys):
    for done in delivered(place, "a.csv", "b.csv", "a.csv"):
        _show_delivered(done)
    assert capsys.readouterr().out.splitlines() == [
        "version 1: 400 new rows, 400 in all, in 1 partition",
        "version 2: 300 new rows, 700 in all, in 2 partitions",
        "already delivered as version 1: nothing was changed",
        "version 2: 0 new rows, 700 in all, in 2 partitions",
    ]


def test_a_row_is_found_in_the_file_that_brought_it(place):
    delivered(place, "a.csv", "b.csv")
    table: Table = deliveries(load(place.file, {}))
    partition, offset = table.locate(table.head(), 450)
    assert (partition.facts["file"], offset, partition.number) == ("b.csv", 50, 2)


def test_what_was_delivered_of_a_person_is_listed_as_held(place):
    delivered(place, "a.csv", "b.csv")
    shelf, source = Warehouse(place.home / "warehouse"), pd.read_csv(place.folder / "payments.csv.gz").head(700)
    person = source["customer_id"].mode()[0]
    [held] = trace(shelf, {"customer_id": str(person)}).holdings
    assert (held.kind, held.key) == (DELIVERIES, deliveries(load(place.file, {})).head().key)
    assert held.rows == (source["customer_id"] == person).sum() > 1


def test_a_column_that_is_empty_at_first_may_hold_texts_later(place, payments):
    payments[:400].assign(note=None).to_csv(place.folder / "empty.csv", index=False)
    payments[400:700].assign(note="seen").to_csv(place.folder / "noted.csv", index=False)
    _, last = delivered(place, "empty.csv", "noted.csv")
    assert last["total"] == 700
    assert snapshot(place, source={"deliveries": True})["note"].notna().sum() == 300
