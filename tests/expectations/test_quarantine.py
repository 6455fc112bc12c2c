"""Which rows are rejected, for which reasons, and that none is lost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_snapshot import KINDS, project, rows, without

from expectations.check import check
from rarecall.errors import RarecallError

QUARANTINE = {
    "no label": (rows(fraud=without("fraud", [3])), "expect_column_values_to_not_be_null: fraud"),
    "no entity": (rows(client=without("client", [3])), "expect_column_values_to_not_be_null: client"),
    "no moment": (
        rows(event_timestamp=without("event_timestamp", [3])),
        "expect_column_values_to_not_be_null: event_timestamp",
    ),
    "infinite": (rows(amount=[0.0, 1.0, 2.0, -np.inf, *range(16)]), "expect_column_values_to_not_be_in_set: amount"),
}


@pytest.mark.parametrize("case", QUARANTINE)
def test_a_row_that_cannot_be_learned_from_is_rejected_with_its_reason(case):
    frame, reason = QUARANTINE[case]
    verdict = check(frame, project(), KINDS)
    assert verdict.refusal() is None
    assert verdict.reasons == {3: (reason,)}
    assert np.flatnonzero(~verdict.accepted).tolist() == [3]
    (finding,) = verdict.findings
    assert ("such as" in finding.sentence) == (case == "infinite")  # nothing is no example
    assert (finding.severity, finding.unexpected, finding.share) == ("warning", 1, 0.05)


def test_a_row_keeps_every_reason():
    frame = rows(fraud=without("fraud", [5]), amount=[0.0] * 5 + [np.inf] + list(range(14)))
    assert len(check(frame, project(), KINDS).reasons[5]) == 2


def test_more_rejected_rows_than_great_expectations_lists_as_values():
    """It cuts lists of values at 200 and of examples at 20; the row ids must not be cut."""
    frame = rows(1000, fraud=["yes", "no"] * 300 + [None] * 400)
    verdict = check(frame, project(), KINDS)
    assert sorted(verdict.reasons) == list(range(600, 1000))


def test_row_ids_are_the_frames_own_and_not_its_index():
    frame = rows(fraud=without("fraud", [3, 4]), row_id=np.arange(20) + 500).set_index(np.zeros(20, dtype=int))
    verdict = check(frame, project(), KINDS)
    assert list(verdict.reasons) == [503, 504]
    assert frame[~verdict.accepted]["row_id"].tolist() == [503, 504]


def test_a_missing_number_is_no_reason():
    assert check(rows(amount=without("amount", [1, 2])), project(), KINDS).findings == ()


def test_a_reused_row_id_is_our_fault():
    with pytest.raises(RarecallError, match=r"expected accepted \+ quarantined = read, got 18 \+ 1 of 20 rows"):
        check(rows(row_id=[3, 3, *range(4, 22)], fraud=without("fraud", [0])), project(), KINDS)


@settings(max_examples=25, deadline=None)
@given(
    labels=st.lists(st.sampled_from(["yes", "no", None]), min_size=1, max_size=30),
    amounts=st.lists(st.sampled_from([0.0, 1.5, np.inf, -np.inf, np.nan]), min_size=30, max_size=30),
    clients=st.lists(st.sampled_from([1, 2, None]), min_size=30, max_size=30),
)
def test_accepted_and_quarantined_are_what_was_read(labels, amounts, clients):
    """Whatever is missing: no row is lost, none is both, and exactly those that hold a fault have a reason."""
    n = len(labels)
    frame = rows(n, fraud=pd.Series(labels, dtype=object), amount=amounts[:n], client=pd.Series(clients[:n]))
    verdict = check(frame, project(), KINDS)
    assert int(verdict.accepted.sum()) + len(verdict.reasons) == n
    faulty = frame["fraud"].isna() | frame["client"].isna() | np.isinf(frame["amount"])
    assert (~verdict.accepted).tolist() == faulty.tolist()
    assert sorted(verdict.reasons) == frame.loc[faulty, "row_id"].tolist()
