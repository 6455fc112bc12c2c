"""A person looks into the quarantine and releases rows; the ledger keeps it and the next snapshot holds them."""

import numpy as np
import pandas as pd
import pytest
from places import placed
from prefect import flow

from rarecall.errors import DataError, StoreError
from rarecall.project import Project, load
from rarecall.warehouse import Version
from tasks import quarantine
from tasks.ingest import RELEASED, exempt, ingest
from tasks.ledger import open_project_ledger
from tasks.shelf import warehouse

LATE, ODD = "expect_late: amount", "expect_odd: channel"


@flow
def ingested(project: Project) -> Version:
    return ingest(project).version


@pytest.fixture
def project(tmp_path, payments) -> Project:
    """A project whose first 50 payments were delivered."""
    return load(placed(tmp_path, payments.head(500)).file, {})


@pytest.fixture
def held(prefect, project) -> str:
    """The snapshot's key; rows 3, 5 and 8 of it are in quarantine, and nothing can be learned from row 8."""
    taken = ingested(project)
    rows = pd.read_parquet(taken.file("rows.parquet")).query("row_id in (3, 5, 8)")
    rows["is_fraud"] = rows["is_fraud"].astype("float64").where(rows["row_id"] != 8)
    rows["amount"] = rows["amount"].where(rows["row_id"] != 8, np.inf)
    failed = {3: LATE, 5: f"{LATE}; {ODD}", 8: LATE}
    with warehouse(project).write("verdicts", "v1", recipe={}) as draft:
        rows.assign(failed_expectations=rows["row_id"].map(failed), snapshot_key=taken.key).to_parquet(
            draft.folder / "quarantine.parquet", index=False
        )
        draft.facts.update(read=500, quarantined=3, accepted=497)
    return taken.key


def release(project, snapshot=quarantine.LATEST, *, rows=(), expectation=None):
    return quarantine.release(project, snapshot, rows=rows, expectation=expectation, who="ann", why="seen")


def written(project):
    return open_project_ledger(project).entries(quarantine.RELEASED, project.name)


def test_overview_counts_what_failed_and_what_was_released(project, held):
    release(project, rows=[3])
    assert quarantine.overview(project)["quarantines"] == [
        {
            "snapshot": held,
            "verdict": "v1",
            "read": 500,
            "quarantined": 3,
            "expectations": {LATE: 3, ODD: 1},
            "released": 1,
        }
    ]


def test_overview_of_an_empty_home_is_empty(project):
    assert quarantine.overview(project)["quarantines"] == []


def test_show_gives_rows_with_reasons_as_json_can_hold_them(project, held):
    found = quarantine.show(project, held[:6], most=20, copy_to=None)
    assert [row["row_id"] for row in found["rows"]] == [3, 5, 8]
    assert found["rows"][1]["failed_expectations"] == [LATE, ODD]
    assert (found["rows"][2]["is_fraud"], found["rows"][2]["amount"]) == (None, "inf")
    assert len(quarantine.show(project, held, most=1, copy_to=None)["rows"]) == 1


@pytest.mark.parametrize(("name", "read"), [("rows.parquet", pd.read_parquet), ("rows.csv", pd.read_csv)])
def test_show_writes_every_row(project, held, tmp_path, name, read):
    quarantine.show(project, held, most=1, copy_to=tmp_path / name)
    assert read(tmp_path / name)["row_id"].tolist() == [3, 5, 8]


def test_show_refuses_what_it_cannot_write(project, held, tmp_path):
    with pytest.raises(DataError, match=r"expected a file that ends in \.parquet or \.csv"):
        quarantine.show(project, held, most=1, copy_to=tmp_path / "rows.xlsx")
    with pytest.raises(StoreError, match="could not write"):
        quarantine.show(project, held, most=1, copy_to=tmp_path / "nowhere" / "rows.csv")


def test_an_unknown_snapshot_is_one_sentence(project, held):
    with pytest.raises(DataError, match=rf"got 'feed'; it has {held}; see: rarecall quarantine list"):
        quarantine.show(project, "feed", most=1, copy_to=None)


def test_release_is_in_the_ledger_once(project, held):
    assert release(project, rows=[3])["released"] == 1
    again = release(project, rows=[3])
    assert (again["released"], again["already"], again["entry"]) == (0, 1, None)
    (entry,) = written(project)
    assert (entry.who, entry.why, entry.payload["snapshot"]) == ("ann", "seen", held)
    assert [(row["row_id"], row["expectations"]) for row in entry.payload["rows"]] == [(3, [LATE])]


def test_all_rows_of_one_expectation_are_exempt_from_that_one(project, held):
    found = release(project, expectation=LATE)
    assert (found["released"], found["held"]) == (2, 1), "row 5 failed another one as well"
    assert found["refused"] == {"8": "its label 'is_fraud' is missing"}
    assert release(project, rows=[5])["held"] == 0


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"rows": [8]}, r"row 8 cannot be released: its label 'is_fraud' is missing.*deliver it again"),
        ({"rows": [3, 8]}, "row 8 cannot be released"),
        ({"rows": [4]}, "got row 4, which is not in it"),
        ({"expectation": "expect_odd: chanel"}, "did you mean 'expect_odd: channel'"),
    ],
)
def test_release_refuses_in_one_sentence_and_writes_nothing(project, held, wanted, sentence):
    with pytest.raises(DataError, match=sentence):
        release(project, **wanted)
    assert written(project) == ()


def test_a_released_row_is_exempt_in_the_next_snapshot_of_the_same_table(project, held):
    release(project, rows=[5])
    taken = ingested(project)
    assert taken.key != held
    assert exempt(taken) == {5: frozenset({LATE, ODD})}
    assert taken.facts["released"] == {"delivered": 1}
    assert taken.facts["rows"] == 500
    assert ingested(project).key == taken.key, "what was released is part of what the snapshot is made of"


def test_a_row_that_is_not_delivered_again_comes_back(project, held, payments):
    release(project, rows=[3, 5])
    (folder := warehouse(project).root.parents[1]).joinpath("payments.csv.gz").unlink()
    payments.iloc[400:900].to_csv(folder / "payments.csv.gz", index=False)
    taken = ingested(project)
    rows = pd.read_parquet(taken.file("rows.parquet"))
    assert taken.facts["rows"] == len(rows) == 502
    assert rows["payment_id"].tail(2).tolist() == payments["payment_id"].iloc[[3, 5]].tolist()
    assert pd.read_parquet(taken.file(RELEASED))["outcome"].tolist() == ["returned", "returned"]


def test_without_a_release_the_snapshot_is_what_it_was(project, held):
    assert ingested(project).key == held
    assert "released" not in ingested(project).facts


def test_a_released_row_is_learned_from_though_it_still_breaks_the_limit(prefect, tmp_path, payments):
    """Read, set aside, released, accepted, and accepted again when a delta leaves it out: no row is lost on the way."""
    from tasks.validate import validate

    broken = payments.head(500).assign(
        amount=payments["amount"].mask(payments.index == 3, 90_000.0),
        is_fraud=payments["is_fraud"].astype("float64").mask(payments.index == 5),
    )
    place = placed(tmp_path, broken, expectations={"columns": {"amount": {"max": 50_000}}})
    project = load(place.file, {})

    @flow
    def validated():
        return validate(project, ingest(project)).version

    def accepted(verdict):
        facts, rows = verdict.facts, pd.read_parquet(verdict.file("accepted.parquet"))
        assert facts["accepted"] + facts["quarantined"] == facts["read"] == len(rows) + facts["quarantined"]
        return facts["read"], facts["quarantined"], facts["released"], 90_000.0 in set(rows["amount"])

    assert accepted(validated()) == (500, 2, 0, False)
    release(project, rows=[3])
    assert accepted(validated()) == (500, 1, 1, True)
    place.table(broken.tail(450))
    assert accepted(validated()) == (451, 0, 1, True)


def test_what_is_asked_of_all_accepted_rows_is_asked_of_the_released_ones_too(prefect, tmp_path, payments):
    """A release does not bring back one payment twice."""
    from tasks.validate import validate

    twice = pd.concat([payments.head(500), payments.iloc[[3]].assign(amount=90_000.0)])
    place = placed(tmp_path, twice, expectations={"columns": {"amount": {"max": 50_000}}})
    project = load(place.file, {})

    @flow
    def validated():
        return validate(project, ingest(project)).version

    assert validated().facts["quarantined"] == 1
    release(project, rows=[500])
    with pytest.raises(DataError, match="expected one row for each payment_id"):
        validated()
