"""However labels come, what is known at a moment is what a loop over everything that was said would say."""

from collections import Counter
from itertools import pairwise

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecall.errors import DataError
from rarecall.tables.revisions import (
    CHANGES,
    EVENT,
    LABEL,
    LABEL_TIME,
    RECORDED,
    REVISION,
    SOURCE,
    as_of,
    content,
    empty,
    history,
    joined,
    revise,
    schema,
)

START = pd.Timestamp("2026-01-01", tz="UTC")
TOLD = 100
"""The hour after which deliveries are recorded; every label is of an earlier one."""

KEYS = ["customer", "shop", EVENT]


def hour(n):
    return START + pd.Timedelta(hours=n)


def delivery(said, *, timed=True):
    """Return statements (customer, shop, event hour, label time in hours, label) as they are delivered."""
    frame = pd.DataFrame(said, columns=["customer", "shop", EVENT, LABEL_TIME, LABEL]).assign(source="bank")
    for name in (EVENT, LABEL_TIME):
        frame[name] = pd.Series([hour(n) for n in frame[name]], index=frame.index, dtype="datetime64[us, UTC]")
    return frame if timed else frame.drop(columns=LABEL_TIME)


def tell(deliveries, *, timed=True):
    """Return the table after each delivery, recorded an hour apart, and the facts of each."""
    tables, told = [empty(["customer", "shop"])], []
    for number, said in enumerate(deliveries):
        rows, facts = revise(tables[-1], delivery(said, timed=timed), recorded=hour(TOLD + number))
        tables.append(pd.concat([tables[-1], rows], ignore_index=True) if len(rows) else tables[-1])
        told.append(facts)
    return tables[1:], told


def answers(labels):
    return {tuple(row[:3]): row[3] for row in labels[[*KEYS, LABEL]].itertuples(index=False)}


def looped(said, moment):
    """Return what a loop over statements says is known at a moment; of two of one moment, the later one told."""
    known = {}
    for customer, shop, event, at, label in said:
        key = (customer, shop, hour(event))
        if label is not None and at <= moment and at >= known.get(key, (-1, None))[0]:
            known[key] = (at, label)
    return {key: label for key, (_, label) in known.items()}


statements = st.tuples(
    st.sampled_from(["ann", "bob"]), st.sampled_from(["1", "01"]), st.integers(0, 1), st.integers(0, 9),
    st.sampled_from(["yes", "no", None]),
)  # fmt: skip
streams = st.lists(statements, max_size=16, unique_by=lambda said: said[:4])


@st.composite
def split(draw, stream):
    """Draw the statements of a stream in any order and any deliveries."""
    said = draw(st.permutations(draw(stream)))
    cuts = sorted(draw(st.lists(st.integers(0, len(said)), max_size=3)))
    return [said[low:high] for low, high in zip([0, *cuts], [*cuts, len(said)], strict=True)]


@settings(max_examples=25, deadline=None)
@given(split(streams))
def test_any_deliveries_in_any_order_say_the_same_at_every_moment(deliveries):
    tables, _ = tell(deliveries)
    said = [one for part in deliveries for one in part]
    for moment in range(-1, 11):
        assert answers(as_of(tables[-1], hour(moment))) == looped(said, moment)
    assert answers(as_of(tables[-1])) == looped(said, 10)


@settings(max_examples=12, deadline=None)
@given(split(st.lists(statements, max_size=16)), st.integers(0, 10))
def test_what_was_known_on_a_day_is_what_the_table_said_on_that_day(deliveries, moment):
    """Also where two deliveries say two things as of one moment: then the later one is believed."""
    deliveries = [list({said[:4]: said for said in part}.values()) for part in deliveries]
    tables, _ = tell(deliveries)
    for number, table in enumerate(tables):
        said = [one for part in deliveries[: number + 1] for one in part]
        told = as_of(tables[-1], hour(moment), recorded=hour(TOLD + number))
        assert answers(told) == looped(said, moment)
        assert content(told) == content(as_of(table, hour(moment)))


@settings(max_examples=12, deadline=None)
@given(split(streams), st.booleans())
def test_nothing_is_overwritten_and_revisions_count_from_one(deliveries, timed):
    if not timed:
        deliveries = [list({said[:3]: said for said in part}.values()) for part in deliveries]
    tables, told = tell(deliveries, timed=timed)
    for before, after in pairwise(tables):
        assert after.iloc[: len(before)].equals(before)
    for _, rows in tables[-1].groupby(KEYS):
        assert rows[REVISION].tolist() == list(range(1, len(rows) + 1))
        assert rows[RECORDED].is_monotonic_increasing
    for part, facts in zip(deliveries, told, strict=True):
        assert len(part) == facts["labels"] == sum(facts[one] for one in (*CHANGES, "known", "unlabelled"))
        assert sum(rows for _, _, rows in facts["turned"]) == facts["corrected"]


@settings(max_examples=12, deadline=None)
@given(split(streams))
def test_the_same_deliveries_again_add_nothing(deliveries):
    table = tell(deliveries)[0][-1]
    for part in deliveries:
        rows, facts = revise(table, delivery(part), recorded=hour(TOLD + 50))
        assert rows.empty
        assert facts["known"] + facts["unlabelled"] == len(part)


@settings(max_examples=12, deadline=None)
@given(split(streams))
def test_labels_without_a_moment_hold_from_when_they_are_told(deliveries):
    deliveries = [list({said[:3]: said for said in part}.values()) for part in deliveries]
    tables, told = tell(deliveries, timed=False)
    known, rows = {}, 0
    for table, part, facts in zip(tables, deliveries, told, strict=True):
        count = Counter()
        for customer, shop, event, _, label in part:
            key = (customer, shop, hour(event))
            before = known.get(key)
            if label is not None:
                count["known" if before == label else "corrected" if before else "new"] += 1
                known[key] = label
        assert {name: facts[name] for name in ("known", "corrected", "new", "confirmed", "late")} == {
            **dict.fromkeys(["known", "corrected", "new", "confirmed", "late"], 0), **count
        }  # fmt: skip
        rows += count["new"] + count["corrected"]
        assert len(table) == rows
        assert answers(as_of(table)) == known


def test_each_change_is_named():
    told = tell(
        [
            [("ann", "1", 0, 3, "no"), ("bob", "1", 0, 3, "no"), ("bob", "1", 1, 5, "yes")],
            [
                ("ann", "1", 0, 3, "no"),  # known
                ("ann", "1", 0, 4, "no"),  # confirmed, and then corrected in the same delivery
                ("ann", "1", 0, 6, "yes"),
                ("bob", "1", 0, 2, "yes"),  # late
                ("bob", "1", 1, 7, "no"),  # corrected the other way
                ("bob", "01", 1, 1, "no"),  # another shop: new
                ("bob", "01", 0, 1, None),  # not known yet
            ],
        ]
    )[1]
    assert {name: told[0][name] for name in CHANGES} == {"new": 3, "corrected": 0, "confirmed": 0, "late": 0}
    assert {name: told[1][name] for name in CHANGES} == {"new": 1, "corrected": 2, "confirmed": 1, "late": 1}
    assert (told[1]["known"], told[1]["unlabelled"]) == (1, 1)
    assert told[1]["turned"] == [("no", "yes", 1), ("yes", "no", 1)]


def test_an_older_label_that_comes_late_is_kept_and_displaces_nothing():
    [first, second], _ = tell([[("ann", "1", 0, 5, "yes")], [("ann", "1", 0, 2, "no")]])
    assert answers(as_of(second)) == answers(as_of(first)) == {("ann", "1", hour(0)): "yes"}
    assert answers(as_of(second, hour(3))) == {("ann", "1", hour(0)): "no"}
    assert answers(as_of(second, hour(3), recorded=hour(TOLD))) == {}
    assert history(second, {"customer": "ann", "shop": "1"})[LABEL].tolist() == ["yes", "no"]


def test_two_labels_of_one_moment_in_one_delivery_are_an_error_that_names_the_rows():
    said = [("bob", "1", 0, 3, "no"), ("ann", "1", 0, 5, "yes"), ("ann", "1", 0, 5, "yes"), ("ann", "1", 0, 5, "no")]
    with pytest.raises(DataError, match=r"of customer=ann, shop=1 at 2026-01-01T.*'yes' in row 1 and 'no' in row 3"):
        tell([said])
    with pytest.raises(DataError, match="'yes' in row 1 and 'no' in row 3"):
        tell([said], timed=False)


def test_two_labels_of_one_moment_in_two_deliveries_are_a_correction():
    said = [("ann", "1", 0, 5, "yes")], [("ann", "1", 0, 5, "no")], [("ann", "1", 0, 5, "yes")]
    tables, told = tell(said)
    assert [answers(as_of(table)).popitem()[1] for table in tables] == ["yes", "no", "yes"]
    assert [facts["corrected"] for facts in told] == [0, 1, 1]


def test_a_label_of_a_moment_to_come_is_refused():
    with pytest.raises(DataError, match=r"before 2026-01-05T04.*, got 2026-01-05T05:00:00\+00:00 in row 1 \(1 rows"):
        tell([[("ann", "1", 0, 5, "yes"), ("bob", "1", 0, TOLD + 1, "yes")]])


def test_rows_of_any_type_meet_their_labels_in_their_own_order():
    said = [("7", "08", 0, 5, "yes"), ("7", "8", 1, 5, "no"), ("9", "8", 0, 5, "no")]
    table = tell([said])[0][-1]
    rows = pd.DataFrame(
        {"customer": [9.0, 7.0, 7.0, None], "shop": ["8", "8", "08", "8"], EVENT: [hour(0), hour(1), hour(0), hour(0)]},
        index=[40, 30, 20, 10],
    )
    found = joined(rows, as_of(table))
    assert found.index.tolist() == [40, 30, 20, 10]
    assert found[LABEL].fillna("").tolist() == ["no", "no", "yes", ""]
    assert found[LABEL_TIME].tolist()[:3] == [hour(5)] * 3
    assert joined(rows.astype({"customer": "Int64"}), as_of(table))[LABEL].equals(found[LABEL])


def test_rows_that_share_entity_and_event_share_the_label():
    table = tell([[("7", "8", 0, 5, "yes")]])[0][-1]
    rows = pd.DataFrame({"customer": [7, 7], "shop": [8, 8], EVENT: [hour(0)] * 2})
    assert joined(rows, as_of(table))[LABEL].tolist() == ["yes", "yes"]


def test_leading_zeros_are_another_text_and_the_same_number():
    """Of two labels that a table of numbers cannot tell apart, the later one counts."""
    table = tell([[("07", "a", 0, 3, "no"), ("7", "a", 0, 5, "yes"), ("100", "a", 0, 5, "no")]])[0][-1]
    rows = pd.DataFrame({"customer": ["07", "7", "100"], "shop": "a", EVENT: hour(0)})
    assert joined(rows, as_of(table))[LABEL].tolist() == ["no", "yes", "no"]
    numbers = rows.astype({"customer": "int64"})
    assert joined(numbers, as_of(table))[LABEL].tolist() == ["yes", "yes", "no"]


def test_the_name_of_what_is_known_is_of_what_it_says_only():
    one = tell([[("ann", "1", 0, 3, "yes"), ("bob", "1", 0, 3, "no")]])[0][-1]
    two = tell([[("bob", "1", 0, 2, "yes")], [("bob", "1", 0, 4, "no"), ("ann", "1", 0, 5, "yes")]])[0][-1]
    assert content(as_of(one)) == content(as_of(two))
    assert content(as_of(one)) != content(as_of(two, hour(4)))
    turned = one.assign(label=["no", "yes"])
    assert content(as_of(turned)) != content(as_of(one))


def test_the_tables_columns_hold_what_the_schema_says():
    rows = tell([[("ann", "1", 0, 3, "yes")]])[0][-1]
    stored = pa.Table.from_pandas(rows, schema=schema(["customer", "shop"]), preserve_index=False)
    assert stored.to_pandas().equals(rows)
    assert stored.column_names == ["customer", "shop", EVENT, LABEL, LABEL_TIME, SOURCE, REVISION, RECORDED]
