"""Released rows are known again wherever they stand, and none of them is lost without a trace."""

import numpy as np
import pandas as pd
import pytest

from rarecall.intake import quarantine, snapshot
from rarecall.project import Project


def project(**sections) -> Project:
    return Project.model_validate(
        {
            "name": "payments",
            "source": {"path": "a.csv"},
            "label": {"column": "fraud", "positive": "yes"},
            "augmentation": {"sampler": "none"},
            **sections,
        }
    )


KEYED = {"entity": "client", "timestamp": "day"}


def delivery(n=8, **columns) -> pd.DataFrame:
    row = np.arange(n)
    return pd.DataFrame(
        {
            "client": row,
            "day": [f"2026-01-{at + 1:02d}" for at in row],
            "fraud": np.where(row % 2, "yes", "no"),
            "amount": row * 1.5,
            "job": np.where(row % 3, "cook", "nurse"),
            **columns,
        }
    )


def taken(frame, of=None):
    return snapshot.take(frame, of or project(**KEYED))


def set_aside(rows, at, reasons="late: amount", key="s1") -> pd.DataFrame:
    return rows[rows["row_id"].isin(at)].assign(failed_expectations=reasons, snapshot_key=key)


def released(rows, at, reasons="late: amount", key="s1", verdict="v1"):
    """Set rows of a snapshot aside and release them; return the releases and the quarantines they come from."""
    aside = set_aside(rows, at, reasons, key)
    exempt = {row: reasons.split("; ") for row in at}
    return quarantine.of_quarantine(aside, exempt, verdict), {verdict: aside}


def readmitted(frame, releases, held, of=None):
    of = of or project(**KEYED)
    rows, facts = taken(frame, of)
    back, outcomes = quarantine.readmit(rows, releases, held, of, facts["features"])
    whole, counted = snapshot.extend(rows, facts, back, of)
    return whole, counted, outcomes


def test_a_row_delivered_again_is_exempt_where_it_now_stands():
    rows, _ = taken(delivery())
    releases, held = released(rows, [2])
    whole, _, outcomes = readmitted(delivery().iloc[::-1], releases, held)
    assert outcomes["outcome"].tolist() == ["delivered"]
    assert quarantine.exemptions(outcomes) == {5: frozenset({"late: amount"})}
    assert len(whole) == 8


def test_a_row_that_a_delta_leaves_out_comes_back_from_its_quarantine():
    rows, _ = taken(delivery())
    releases, held = released(rows, [1, 2])
    whole, facts, outcomes = readmitted(delivery().tail(5), releases, held)
    assert sorted(outcomes["outcome"]) == ["returned", "returned"]
    assert whole["row_id"].tolist() == list(range(7))
    assert set(quarantine.exemptions(outcomes)) == {5, 6}
    assert whole.set_index("client").loc[2, "amount"] == 3.0
    assert whole.set_index("client")["event_timestamp"].loc[2] == pd.Timestamp("2026-01-03", tz="UTC")
    assert (facts["rows"], facts["positives"]) == (7, int((whole["fraud"] == "yes").sum()))
    assert facts["first"] == "2026-01-02T00:00:00+00:00", "the row that came back is the oldest"


def test_a_corrected_row_takes_the_place_of_the_released_one():
    rows, _ = taken(delivery())
    releases, held = released(rows, [2])
    corrected = delivery()
    corrected.loc[2, "amount"] = 7.0
    whole, _, outcomes = readmitted(corrected, releases, held)
    assert outcomes["outcome"].tolist() == ["superseded"]
    assert quarantine.exemptions(outcomes) == {}, "what was reviewed were other values"
    assert len(whole) == 8


def test_without_an_entity_a_corrected_label_takes_the_place_as_well():
    of = project(features={"exclude": ["client", "day"]})
    rows, _ = taken(delivery(), of)
    releases, held = released(rows, [2])
    corrected = delivery()
    corrected.loc[2, "fraud"] = "yes"
    _, _, outcomes = readmitted(corrected, releases, held, of)
    assert outcomes["outcome"].tolist() == ["superseded"]


def test_of_two_releases_for_one_entity_and_moment_the_later_counts():
    early, _ = taken(delivery())
    late, _ = taken(delivery(amount=np.arange(8) * 2.5))
    first, held = released(early, [2])
    second, more = released(late, [2], key="s2", verdict="v2")
    whole, _, outcomes = readmitted(delivery().tail(5), [*first, *second], held | more)
    assert outcomes.set_index("snapshot_key")["outcome"].to_dict() == {"s1": "superseded", "s2": "returned"}
    assert whole.set_index("client").loc[2, "amount"] == 5.0


def test_a_row_released_twice_is_exempt_from_what_either_named():
    rows, _ = taken(delivery())
    first, held = released(rows, [2])
    second, _ = released(rows, [2], reasons="odd: job")
    _, _, outcomes = readmitted(delivery(), [*first, *second], held)
    assert quarantine.exemptions(outcomes) == {2: frozenset({"late: amount", "odd: job"})}


def test_equal_rows_of_a_table_without_entity_are_all_exempt():
    of = project(features={"exclude": ["client"]})
    twice = delivery(client=0, day="2026-01-01", fraud=["yes", "no"] * 4, amount=[1.0, 2.0] * 4, job=["a", "b"] * 4)
    rows, _ = taken(twice, of)
    releases, held = released(rows, [0])
    _, _, outcomes = readmitted(twice, releases, held, of)
    assert outcomes["row_id"].tolist() == [0, 2, 4, 6]


def test_a_quarantine_of_another_home_still_exempts_but_returns_nothing():
    rows, _ = taken(delivery())
    releases, _ = released(rows, [2])
    _, _, here = readmitted(delivery(), releases, {})
    whole, _, gone = readmitted(delivery().tail(5), releases, {})
    assert (here["outcome"].tolist(), gone["outcome"].tolist()) == (["delivered"], ["lost"])
    assert len(whole) == 5


def test_a_value_that_the_column_no_longer_holds_is_said_and_the_row_left_out():
    rows, _ = taken(delivery(amount=["few", *"1234567"]))
    releases, held = released(rows, [0])
    whole, _, outcomes = readmitted(delivery().tail(5), releases, held)
    assert outcomes["outcome"].tolist() == ["unfit"]
    assert whole["amount"].dtype == "float64"
    assert len(whole) == 5


def test_a_new_column_is_missing_in_a_row_that_comes_back():
    rows, _ = taken(delivery())
    releases, held = released(rows, [2])
    whole, _, _ = readmitted(delivery(extra=np.arange(8)).tail(5), releases, held)
    assert whole["extra"].isna().tolist() == [False] * 5 + [True]


def test_a_column_that_is_gone_makes_other_rows_of_all():
    rows, _ = taken(delivery())
    releases, held = released(rows, [2])
    _, _, again = readmitted(delivery().drop(columns="job"), releases, held)
    whole, _, delta = readmitted(delivery().drop(columns="job").tail(5), releases, held)
    assert (again["outcome"].tolist(), delta["outcome"].tolist()) == (["superseded"], ["returned"])
    assert "job" not in whole.columns


def test_a_moment_written_otherwise_is_the_same_moment():
    rows, _ = taken(delivery())
    releases, held = released(rows, [2])
    whole, _, outcomes = readmitted(
        delivery(day=[f"2026-01-{at + 1:02d}T00:00:00Z" for at in range(8)]), releases, held
    )
    assert outcomes["outcome"].tolist() == ["superseded"]
    assert len(whole) == 8


def test_a_row_that_comes_back_keeps_what_no_delivered_row_has(tmp_path):
    """In a column that is no feature: empty by now, or of true and false with gaps, which is no boolean column."""
    of = project(**KEYED, features={"exclude": ["note", "flag"]})
    rows, _ = taken(delivery(note="late", flag=[True, False] * 4), of)
    releases, held = released(rows, [2])
    later = delivery(note=None, flag=[*[True] * 7, None]).tail(5).astype({"note": "float64"})
    whole, _, _ = readmitted(later, releases, held, of)
    whole.to_parquet(tmp_path / "whole.parquet", index=False)
    assert pd.read_parquet(tmp_path / "whole.parquet").set_index("client").loc[2, ["note", "flag"]].tolist() == [
        "late",
        "True",
    ]


def test_a_row_that_comes_back_is_stored_and_read_as_the_others(tmp_path):
    """Numbers beside texts, booleans and gaps: no file could hold them in one column."""
    first = delivery(amount=[*range(7), None], flag=[True, False] * 4, note=["a", *[None] * 7], code=range(8))
    rows, _ = taken(first)
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    releases, held = released(pd.read_parquet(tmp_path / "rows.parquet"), [1, 2, 7])
    later = delivery(flag=[True, False] * 4, note=1, code=["x", *"1234567"]).tail(4)
    whole, _, outcomes = readmitted(later, releases, held)
    whole.to_parquet(tmp_path / "whole.parquet", index=False)
    read = pd.read_parquet(tmp_path / "whole.parquet").set_index("client")
    assert outcomes["outcome"].value_counts().to_dict() == {"returned": 2, "superseded": 1}
    assert read.loc[2, ["flag", "code"]].tolist() == ["true", "2"]
    assert pd.isna(read.loc[2, "note"])


@pytest.mark.parametrize(
    ("columns", "lacks"),
    [
        ({"fraud": ["yes", "yes", None, *["no"] * 5]}, "its label 'fraud' is missing"),
        ({"client": [0, 1, None, *range(3, 8)]}, "its entity 'client' is missing"),
        ({"day": ["2026-01-01", "2026-01-01", None, *["2026-01-01"] * 5]}, "its moment 'day' is missing"),
        ({"amount": [0.0, 1.0, -np.inf, *range(5)]}, "its 'amount' is infinite"),
    ],
)
def test_what_nothing_can_be_learned_from_is_told(columns, lacks):
    rows, facts = taken(delivery(**columns))
    aside = set_aside(rows, [1, 2])
    assert quarantine.unlearnable(aside, project(**KEYED), facts["features"]) == {2: lacks}


def test_a_row_is_released_when_nothing_holds_it_any_more():
    rows, _ = taken(delivery())
    aside = set_aside(rows, [1, 2], reasons="late: amount; odd: job")
    part = quarantine.of_quarantine(aside, {1: ["late: amount"]}, "v1")
    whole = quarantine.of_quarantine(aside, {2: ["odd: job"], 1: ["odd: job"]}, "v1")
    assert quarantine.is_released(aside, part).tolist() == [False, False]
    assert quarantine.is_released(aside, [*part, *whole]).tolist() == [True, False]
